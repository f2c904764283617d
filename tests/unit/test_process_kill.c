// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands that don't end by themselves, or not with all their children: nothing is left of them.
 */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "job.h"

static void assert_timed_out(const struct job *job, const char *text, uint64_t since_ns,
                             unsigned at_least_ms)
{
    uint64_t took_ns = clock_now_ns() - since_ns;

    assert_int_equal(job->result.end, PROCESS_TIMED_OUT);
    assert_text(job, text);
    assert_in_range(took_ns / MS_NS, at_least_ms, 5000);
}

static void test_time_out(void **state)
{
    uint64_t start_ns = clock_now_ns();
    struct job job = run_briefly("echo begun; sleep 100", 150);

    (void)state;
    assert_timed_out(&job, "timed out after 150ms: begun", start_ns, 150);
    while (waitpid(-1, NULL, 0) > 0) /* an orphan */
        ;
    assert_nothing_left();
    start_ns = clock_now_ns();
    job =
        run_briefly("trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.01; done", 150);
    assert_timed_out(&job, "timed out after 150ms: told", start_ns, 150);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    start_ns = clock_now_ns();
    job = run_briefly("kill -STOP $$; echo on", 50);
    assert_timed_out(&job, "timed out after 50.0ms", start_ns, 50);
    start_ns = clock_now_ns();
    job = run_briefly("exec yes", 50);
    assert_timed_out(&job, "timed out after 50.0ms: y", start_ns, 50);
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

static void test_stubborn_grandchild(void **state)
{
    uint64_t start_ns = clock_now_ns();
    struct job job = run_briefly("trap '' TERM; sleep 100 & echo $!", 150);
    pid_t pid;

    (void)state;
    assert_int_equal(job.result.end, PROCESS_TIMED_OUT);
    assert_in_range((clock_now_ns() - start_ns) / MS_NS, 170, 5000);
    pid = atoi(job.result.output);
    assert_true(pid > 1);
    assert_orphan_killed(pid);
    assert_nothing_left();
}

/* One that holds nothing of the command's dies with it, too. */
static void test_silent_grandchild(void **state)
{
    struct job job = run_briefly("(trap '' TERM; exec sleep 100) >/dev/null 2>&1 & echo $!; "
                                 "exec sleep 100",
                                 150);

    (void)state;
    assert_int_equal(job.result.end, PROCESS_TIMED_OUT);
    assert_orphan_killed(atoi(job.result.output));
    assert_nothing_left();
}

static void test_escaped_grandchild(void **state)
{
    struct job job = run_briefly("setsid sh -c 'echo $$; exec sleep 100' &", 150);
    pid_t pid = atoi(job.result.output);

    (void)state;
    assert_int_equal(job.result.end, PROCESS_TIMED_OUT);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_orphan_killed(pid);
    assert_nothing_left();
}

static void test_left_in_peace(void **state)
{
    char *words[4];
    struct process_spec spec = shell(words, "sleep 100 >/dev/null 2>&1 & echo $!");
    struct job job = run_spec(&spec);
    pid_t pid = atoi(job.result.output);

    (void)state;
    assert_int_equal(job.result.end, PROCESS_EXITED);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_orphan_killed(pid);
    assert_nothing_left();
}

static void test_freed(void **state)
{
    unsigned before = open_descriptors();
    sd_event *event = loop_new();
    char *words[4];
    struct process_spec spec = shell(words, "trap '' TERM; sleep 100");
    struct job job;

    (void)state;
    start(event, &job, &spec);
    loop_for(event, 20 * MS_NS);
    process_free(job.process);
    process_free(NULL);
    loop_for(event, 50 * MS_NS);
    assert_int_equal(job.ended, 0);
    sd_event_unref(event);
    assert_int_equal(open_descriptors(), before);
    while (waitpid(-1, NULL, 0) > 0) /* the orphan, if the shell didn't become it */
        ;
    assert_nothing_left();
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
