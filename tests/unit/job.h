/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands run by tests. */
#ifndef FLOWSPLIT_TEST_JOB_H
#define FLOWSPLIT_TEST_JOB_H

#include <errno.h>
#include <sys/wait.h>

#include "loop.h"
#include "process.h"
#include "unit.h"

/* A command and its end. */
struct job {
    struct process *process;
    struct process_result result;
    unsigned ended;
};

static inline void on_done(void *context, const struct process_result *result)
{
    struct job *job = context;

    job->process = NULL;
    job->result = *result;
    job->ended++;
}

static inline struct process_spec shell(char *words[4], const char *script)
{
    words[0] = "sh";
    words[1] = "-c";
    words[2] = (char *)script;
    words[3] = NULL;
    return (struct process_spec){
        .command = words, .timeout_ns = PATIENCE_NS, .grace_ns = 60 * MS_NS};
}

static inline void start(sd_event *event, struct job *job, const struct process_spec *spec)
{
    struct error err = {{0}};

    memset(job, 0, sizeof(*job));
    if (process_start(event, spec, on_done, job, &job->process, &err))
        fail_msg("%s", err.text);
    assert_int_equal(job->ended, 0);
}

/* Nothing is left: no child of any generation, no descriptor. The test adopts orphans. */
static inline void assert_nothing_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static inline struct job run_spec(const struct process_spec *spec)
{
    unsigned before = open_descriptors();
    sd_event *event = loop_new();
    struct job job;

    start(event, &job, spec);
    loop_until(event, &job.ended, 1);
    sd_event_unref(event);
    assert_int_equal(open_descriptors(), before);
    return job;
}

static inline struct job run(const char *script)
{
    char *words[4];
    struct process_spec spec = shell(words, script);
    struct job job = run_spec(&spec);

    assert_nothing_left();
    return job;
}

static inline void assert_output(const struct job *job, const char *wanted)
{
    char got[PROCESS_OUTPUT_MAX + 1] = {0};

    memcpy(got, job->result.output, job->result.output_length);
    assert_string_equal(got, wanted);
}

static inline void assert_text(const struct job *job, const char *wanted)
{
    char text[PROCESS_TEXT_MAX];

    assert_string_equal(process_text(&job->result, text), wanted);
}

#endif
