// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands that don't end by themselves, or not with all their children: nothing is left of them.
 */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "job.h"

static void reap_orphans(void)
{
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static bool says(const struct job *job, const char *words)
{
    return memmem(job->result.output, job->result.output_length, words, strlen(words));
}

/* Runs into a time-out a command that is to say something before its end; on a machine that is busy
 * it gets more time to. */
static struct job run_into_timeout(const char *script, const char *words)
{
    struct job job;

    for (unsigned timeout_ms = 100; timeout_ms <= 3200; timeout_ms *= 2) {
        uint64_t start_ns = clock_now_ns();
        char *argv[4];
        struct process_spec spec = shell(argv, script);

        spec.timeout_ns = timeout_ms * MS_NS;
        spec.grace_ns = spec.timeout_ns / 2;
        job = run_spec(&spec);
        assert_int_equal(job.result.end, PROCESS_TIMED_OUT);
        assert_int_equal(job.result.status, timeout_ms);
        assert_in_range((clock_now_ns() - start_ns) / MS_NS, timeout_ms, timeout_ms + 5000);
        if (says(&job, words))
            return job;
        reap_orphans();
    }
    fail_msg("it never said %s", words);
    return job;
}

static pid_t pid_in(const struct job *job)
{
    char output[PROCESS_OUTPUT_MAX + 1] = {0};

    memcpy(output, job->result.output, job->result.output_length);
    return atoi(assert_contains(output, "pid ") + 4);
}

static void test_time_out(void **state)
{
    struct job job;
    char text[PROCESS_TEXT_MAX];

    (void)state;
    job = run_into_timeout("echo begun; exec sleep 100", "begun");
    assert_contains(process_text(&job.result, text), "timed out after ");
    assert_contains(text, "ms: begun");
    assert_nothing_left();
    run_into_timeout("trap 'echo told; exit 0' TERM; while :; do sleep 0.01; done", "told");
    reap_orphans();
    run_into_timeout("trap 'echo told; exit' TERM; kill -STOP $$; echo on", "told");
    run_into_timeout("exec yes", "y");
    assert_nothing_left();
}

/* Whose parent has ended, and who is the test's child since. */
static void assert_orphan_killed(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Of whose parent nothing is heard. */
static void test_told_grandchild(void **state)
{
    (void)state;
    run_into_timeout("sh -c 'trap \"echo child told; exit\" TERM; while :; do sleep 0.01; done' & "
                     "trap '' TERM; wait",
                     "child told");
    reap_orphans();
}

static void test_stubborn_grandchild(void **state)
{
    struct job job = run_into_timeout("trap '' TERM; sleep 100 & echo pid $!", "pid ");

    (void)state;
    assert_orphan_killed(pid_in(&job));
    assert_nothing_left();
}

/* One that holds nothing of the command's dies with it, too. */
static void test_silent_grandchild(void **state)
{
    struct job job = run_into_timeout("trap '' TERM; sleep 100 >/dev/null 2>&1 & trap - TERM; "
                                      "echo pid $!; exec sleep 100",
                                      "pid ");

    (void)state;
    assert_orphan_killed(pid_in(&job));
    assert_nothing_left();
}

static void test_escaped_grandchild(void **state)
{
    struct job job = run_into_timeout("setsid sh -c 'echo pid $$; exec sleep 5' &", "pid ");
    pid_t pid = pid_in(&job);

    (void)state;
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_orphan_killed(pid);
    assert_nothing_left();
}

static void test_left_in_peace(void **state)
{
    char *words[4];
    struct process_spec spec = shell(words, "sleep 100 >/dev/null 2>&1 & echo pid $!");
    struct job job = run_spec(&spec);
    pid_t pid = pid_in(&job);

    (void)state;
    assert_int_equal(job.result.end, PROCESS_EXITED);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_orphan_killed(pid);
    assert_nothing_left();
}

/* Without a zombie, once the loop has run a while. */
static void test_freed(void **state)
{
    unsigned before = open_descriptors();
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;
    sd_event *event = loop_new();
    char *words[4];
    struct process_spec spec = shell(words, "trap '' TERM; exec sleep 100");
    siginfo_t info;
    struct job job;

    (void)state;
    start(event, &job, &spec);
    loop_for(event, 20 * MS_NS);
    process_free(job.process);
    process_free(NULL);
    while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && clock_now_ns() < end_ns)
        loop_for(event, MS_NS);
    assert_nothing_left();
    assert_int_equal(job.ended, 0);
    sd_event_unref(event);
    assert_int_equal(open_descriptors(), before);
}

/* Without a loop that reaps it. */
static void test_freed_at_end(void **state)
{
    unsigned before = open_descriptors();
    sd_event *event = loop_new();
    char *words[4];
    struct process_spec spec = shell(words, "exec sleep 100");
    struct job job;

    (void)state;
    start(event, &job, &spec);
    process_free(job.process);
    sd_event_unref(event);
    assert_int_equal(open_descriptors(), before);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("one that hangs, is stopped or prints without end is ended in time", test_time_out),
        TEST("a child, too, gets SIGTERM first", test_told_grandchild),
        TEST("a child that ignores SIGTERM and outlives its parent is killed at the time-out",
             test_stubborn_grandchild),
        TEST("so is one that has redirected its output", test_silent_grandchild),
        TEST("one that has left the session delays the answer, but doesn't prevent it",
             test_escaped_grandchild),
        TEST("a child without our pipe may outlive a command that has ended by itself",
             test_left_in_peace),
        TEST("a command that is freed is killed, not reported, and reaped", test_freed),
        TEST("a command can be freed together with its loop", test_freed_at_end),
    };

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests_name("processes killed", tests, NULL, NULL);
}
