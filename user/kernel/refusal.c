// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Listens to libbpf. */
#include "refusal.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rights.h"

#define LOG_LINES 3 /* of the verifier's, the last before its statistics */

static struct {
    char program[64];
    char complaint[256]; /* the first that isn't about a program */
    char log[512];
} heard;

/* The last lines of what stands between libbpf's BEGIN and END. */
static void keep_log(char *text)
{
    char *begin = strstr(text, "BEGIN PROG LOAD LOG --\n"), *end, *from;

    if (!begin)
        return;
    begin += strlen("BEGIN PROG LOAD LOG --\n");
    end = strstr(begin, "verification time ");
    end = end ? end : strstr(begin, "\nprocessed ");
    end = end ? end : strstr(begin, "-- END PROG LOAD LOG");
    if (!end)
        end = begin + strlen(begin);
    while (end > begin && end[-1] == '\n')
        end--;
    *end = '\0';
    from = end;
    for (int lines = 0; from > begin && lines < LOG_LINES; from--)
        lines += from[-1] == '\n';
    snprintf(heard.log, sizeof(heard.log), "%s", from > begin ? from + 1 : from);
}

static int listen_to(enum libbpf_print_level level, const char *format, va_list args)
{
    char *text;

    if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
        return 0;
    if (strstr(text, "BPF program load failed"))
        sscanf(text, "libbpf: prog '%63[^']'", heard.program);
    else if (strstr(text, "BEGIN PROG LOAD LOG"))
        keep_log(text);
    else if (!*heard.complaint)
        snprintf(heard.complaint, sizeof(heard.complaint), "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    return 0;
}

void refusal_listen(void)
{
    libbpf_set_print(listen_to);
}

void refusal_forget(void)
{
    memset(&heard, 0, sizeof(heard));
}

int refusal_explain(int code, struct error *err)
{
    char privileges[160];

    if (code == -EPERM || code == -EACCES)
        rights_lacking(privileges, sizeof(privileges));
    else
        *privileges = '\0';
    if (*heard.program)
        return error_set(err, code, "the kernel refuses the BPF program %s: %s (errno %d)%s%s%s%s",
                         heard.program, strerror(-code), -code, *privileges ? "; " : "", privileges,
                         *heard.log ? "; the verifier says:\n" : "", heard.log);
    return error_set(err, code, "the kernel does not take the BPF programs: %s (errno %d)%s%s%s%s",
                     strerror(-code), -code, *privileges ? "; " : "", privileges,
                     *heard.complaint ? "; " : "", heard.complaint);
}
