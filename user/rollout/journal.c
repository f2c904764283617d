// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes and reads the journal. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state_dir.h"
#include "write_all.h"

#define FORMAT_KEY  "flowsplit_journal"
#define TEXT_OF_(x) #x
#define TEXT_OF(x)  TEXT_OF_(x)
#define FIRST_LINE  "{\"" FORMAT_KEY "\":" TEXT_OF(JOURNAL_FORMAT) "}\n"

struct journal {
    int fd;
    off_t size; /* of whole lines */
    bool torn;  /* there is more, which could not be taken back */
    char path[STATE_PATH_MAX + 16];
};

static void set_path(char *path, size_t size, const char *dir)
{
    snprintf(path, size, "%s/journal", dir);
}

/* --- writing --- */

/* Takes back what is not a whole line. */
static int repair(struct journal *journal, struct error *err)
{
    journal->torn = ftruncate(journal->fd, journal->size);
    return journal->torn
               ? error_set(err, -errno, "can't repair %s: %s", journal->path, strerror(errno))
               : 0;
}

/* What could not be written whole is taken back; if that can't be, before the next line. */
static int append_text(struct journal *journal, const char *text, struct error *err)
{
    size_t length = strlen(text);
    struct error unrepaired;
    int code = journal->torn ? repair(journal, err) : 0;

    if (code)
        return code;
    code = write_all(journal->fd, text, length);
    if (!code && fdatasync(journal->fd))
        code = -errno;
    if (!code) {
        journal->size += (off_t)length;
        return 0;
    }
    if (repair(journal, &unrepaired))
        return error_set(err, code, "can't write to %s: %s; %.500s", journal->path, strerror(-code),
                         unrepaired.text);
    return error_set(err, code, "can't write to %s: %s", journal->path, strerror(-code));
}

static void add_time(json_t *object)
{
    char buf[64], text[96];
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
    snprintf(text, sizeof(text), "%s.%03ldZ", buf, now.tv_nsec / 1000000);
    json_object_set_new(object, "time", json_string(text));
}

static int append_object(struct journal *journal, const json_t *object, struct error *err)
{
    char *text = json_dumps(object, JSON_COMPACT), *line = NULL;
    int code;

    if (!text || asprintf(&line, "%s\n", text) < 0) {
        free(text);
        return error_set(err, -ENOMEM, "out of memory");
    }
    code = append_text(journal, line, err);
    free(line);
    free(text);
    return code;
}

int journal_append(struct journal *journal, json_t *line, struct error *err)
{
    add_time(line);
    return append_object(journal, line, err);
}

/* --- opening --- */

/* The bytes up to and with the last end of a line, or -errno. */
static off_t whole_lines(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char last;

    for (; size > 0; size--) {
        if (pread(fd, &last, 1, size - 1) != 1)
            return -errno;
        if (last == '\n')
            break;
    }
    return size;
}

static int check_format(const char *path, const char *line, struct error *err)
{
    json_t *object = json_loads(line, 0, NULL), *format = json_object_get(object, FORMAT_KEY);
    json_int_t number = json_integer_value(format);
    bool is_journal = json_is_integer(format);

    json_decref(object);
    if (!is_journal)
        return error_set(err, -EINVAL, "%s is no journal of flowsplit's: move it away", path);
    if (number > JOURNAL_FORMAT)
        return error_set(err, -EINVAL,
                         "%s was written by a newer flowsplit (format %lld, this one reads up to "
                         "%d): use that one, or another --state-dir",
                         path, (long long)number, JOURNAL_FORMAT);
    return 0;
}

/* Is this the beginning of our first line? Zeros behind it are what a file system leaves that had
 * made room, but not written when the power went. */
static bool is_begun(const char *text, size_t length)
{
    while (length && !text[length - 1])
        length--;
    return length < sizeof(FIRST_LINE) && strlen(text) == length &&
           strncmp(FIRST_LINE, text, length) == 0;
}

/* A file without a whole line may be ours all the same. */
static int check_first(const struct journal *journal, struct error *err)
{
    char line[128] = "";
    ssize_t got = pread(journal->fd, line, sizeof(line) - 1, 0);

    if (got < 0)
        return error_set(err, -errno, "can't read %s: %s", journal->path, strerror(errno));
    if (!journal->size && is_begun(line, (size_t)got))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return check_format(journal->path, journal->size ? line : "", err);
}

/* The directory's own entry for the file must survive, too. */
static void sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static int take_up(struct journal *journal, const char *dir, struct error *err)
{
    int code;

    if (flock(journal->fd, LOCK_EX | LOCK_NB))
        return error_set(err, -errno, "another controller has %s: one at a time", journal->path);
    journal->size = whole_lines(journal->fd);
    if (journal->size < 0)
        return error_set(err, -errno, "can't read %s: %s", journal->path, strerror(errno));
    code = check_first(journal, err); /* before anything is cut off what may be somebody else's */
    code = code ? code : repair(journal, err);
    if (code || journal->size)
        return code;
    sync_dir(dir);
    return append_text(journal, FIRST_LINE, err);
}

struct journal *journal_open(const char *dir, struct error *err)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    int code = state_dir_make(dir);

    if (!journal) {
        error_set(err, -ENOMEM, "out of memory");
        return NULL;
    }
    set_path(journal->path, sizeof(journal->path), dir);
    journal->fd = code ? -1 : open(journal->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (journal->fd < 0)
        error_set(err, -1, "can't write to %s: %s; the state directory must be writable",
                  journal->path, strerror(code ? -code : errno));
    if (journal->fd >= 0 && !take_up(journal, dir, err))
        return journal;
    journal_close(journal);
    return NULL;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal);
}

/* --- reading --- */

static int visit_lines(FILE *file, const char *path, int (*visit)(void *context, json_t *line),
                       void *context, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t length;
    int code = 0;

    for (long number = 1; !code && (length = getline(&text, &size, file)) > 0; number++) {
        json_t *line;

        if (text[length - 1] != '\n')
            break; /* torn, or being written */
        text[length - 1] = '\0';
        if (number == 1) {
            code = check_format(path, text, err);
            continue;
        }
        line = json_loads(text, 0, NULL);
        code = line ? visit(context, line)
                    : error_set(err, -EINVAL, "%s:%ld: not a line of JSON", path, number);
        json_decref(line);
    }
    free(text);
    return code;
}

int journal_each(const char *dir, int (*visit)(void *context, json_t *line), void *context,
                 struct error *err)
{
    char path[STATE_PATH_MAX + 16];
    FILE *file;
    int code;

    set_path(path, sizeof(path), dir);
    file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return 0;
    if (!file)
        return error_set(err, -errno, "can't read %s: %s", path, strerror(errno));
    code = visit_lines(file, path, visit, context, err);
    fclose(file);
    return code;
}

uint64_t journal_time_ms(const json_t *line)
{
    const char *text = json_string_value(json_object_get(line, "time"));
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    unsigned ms = 0;

    if (!rest || sscanf(rest, ".%3uZ", &ms) != 1)
        return 0;
    return (uint64_t)timegm(&tm) * 1000 + ms;
}
