// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands beside the event loop: what they get, and what is known of their end. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "job.h"

static void test_exits(void **state)
{
    struct job job = run("echo fine; echo 'not so fine' >&2");

    (void)state;
    assert_int_equal(job.result.end, PROCESS_EXITED);
    assert_int_equal(job.result.status, 0);
    assert_output(&job, "fine\nnot so fine\n");
    assert_text(&job, "exited with 0: not so fine");
    job = run("exit 3");
    assert_int_equal(job.result.status, 3);
    assert_text(&job, "exited with 3");
    job = run("kill -SEGV $$");
    assert_int_equal(job.result.end, PROCESS_KILLED);
    assert_int_equal(job.result.status, SIGSEGV);
    assert_text(&job, "was killed by SIGSEGV");
}

static void test_output_end(void **state)
{
    struct job job = run("i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); echo $i; done; echo end");

    (void)state;
    assert_int_equal(job.result.output_length, PROCESS_OUTPUT_MAX);
    assert_memory_equal(job.result.output + PROCESS_OUTPUT_MAX - 16, "29999\n30000\nend\n", 16);
    assert_memory_equal(job.result.output, "916\n29917\n", 10);
    job = run("printf '%0500d' 7; sleep 0.03; printf '%020d' 8; sleep 0.03; printf end");
    assert_int_equal(job.result.output_length, PROCESS_OUTPUT_MAX);
    assert_memory_equal(job.result.output + PROCESS_OUTPUT_MAX - 26,
                        "007"
                        "00000000000000000008"
                        "end",
                        26);
}

static void test_text_is_printable(void **state)
{
    struct job job = run("printf 'first\\n\\033[31m\\tw\\303\\274st \\000 %0300d\\r\\n\\n ' 7");
    char text[PROCESS_TEXT_MAX];

    (void)state;
    process_text(&job.result, text);
    assert_memory_equal(text, "exited with 0: [31m w??st 000", 29);
    assert_string_equal(text + strlen(text) - 5, "00...");
    assert_true(strlen(text) < sizeof(text));
}

static void test_input(void **state)
{
    size_t length = 300000;
    char *words[4], *text = malloc(length + 1);
    struct process_spec spec = shell(words, "cat");
    struct job job;

    (void)state;
    job = run_spec(&spec);
    assert_output(&job, "");
    spec.input = "{\"event\": \"paused\"}";
    job = run_spec(&spec);
    assert_output(&job, spec.input);
    memset(text, 'x', length);
    text[length] = '\0';
    spec.input = text;
    words[2] = "wc -c";
    job = run_spec(&spec);
    assert_output(&job, "300000\n");
    words[2] = "exit 4";
    job = run_spec(&spec);
    assert_int_equal(job.result.status, 4);
    free(text);
}

static void test_environment(void **state)
{
    static const char *const extra[] = {"FS_TEST_A=new", "FS_TEST=x y", NULL};
    char *count[] = {"grep", "-zc", "^FS_TEST", "/proc/self/environ", NULL}, *words[4];
    struct process_spec spec = shell(words, "echo $FS_TEST_A, $FS_TEST, $FS_TEST_AB");
    struct job job;

    (void)state;
    setenv("FS_TEST_A", "old", 1);
    setenv("FS_TEST_AB", "kept", 1);
    spec.environment = extra;
    job = run_spec(&spec);
    assert_output(&job, "new, x y, kept\n");
    spec.command = count; /* none of them twice */
    job = run_spec(&spec);
    assert_output(&job, "3\n");
    unsetenv("FS_TEST_A");
    unsetenv("FS_TEST_AB");
}

/* What a child prints later is part of it. */
static void test_children(void **state)
{
    char *words[4];
    struct process_spec spec = shell(words, "(sleep 0.05; echo late) & echo early; exit 2");
    struct job job = run_spec(&spec);

    (void)state;
    while (waitpid(-1, NULL, 0) > 0) /* the orphan */
        ;
    assert_int_equal(job.result.status, 2);
    assert_output(&job, "early\nlate\n");
}

static void test_signals(void **state)
{
    char *words[] = {"grep", "SigBlk", "/proc/self/status", NULL}; /* a shell may unblock, too */
    struct process_spec spec = {.command = words, .timeout_ns = PATIENCE_NS};
    sigset_t usr1, before;
    struct job job;

    (void)state;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    job = run_spec(&spec);
    assert_output(&job, "SigBlk:\t0000000000000000\n");
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_IGN);
    job = run("kill -PIPE $$");
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(job.result.end, PROCESS_KILLED);
    assert_int_equal(job.result.status, SIGPIPE);
}

static void test_surroundings(void **state)
{
    struct job job;

    (void)state;
    assert_int_equal(dup2(1, 50), 50);
    job = run("echo /proc/self/fd/*; read -r pid name state parent group session rest "
              "</proc/self/stat; [ $group = $$ ] && [ $session = $$ ] && echo alone");
    close(50);
    /* The shell has the directory open, too. */
    assert_output(&job, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\nalone\n");
}

static void test_ignored_children(void **state)
{
    struct job job;

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    job = run("exit 5");
    assert_int_equal(job.result.end, PROCESS_EXITED);
    assert_int_equal(job.result.status, 5);
}

static void refuses_to_start(char *word, const char *why)
{
    char *words[] = {word, NULL};
    struct process_spec spec = {.command = words, .input = "x", .timeout_ns = MS_NS};
    unsigned before = open_descriptors();
    sd_event *event = loop_new();
    struct job job = {0};
    struct error err = {{0}};

    assert_true(process_start(event, &spec, on_done, &job, &job.process, &err) < 0);
    assert_string_equal(err.text, why);
    loop_for(event, 5 * MS_NS);
    assert_int_equal(job.ended, 0);
    sd_event_unref(event);
    assert_int_equal(open_descriptors(), before);
    assert_nothing_left();
}

static void test_not_started(void **state)
{
    (void)state;
    refuses_to_start("./no-such.sh", "can't start \"./no-such.sh\": No such file or directory");
    refuses_to_start("no-such-word", "can't start \"no-such-word\": No such file or directory");
    refuses_to_start("/etc/passwd", "can't start \"/etc/passwd\": Permission denied");
    refuses_to_start("", "can't start \"\": No such file or directory");
}

static void test_many(void **state)
{
    enum { MANY = 20 };
    unsigned before = open_descriptors();
    sd_event *event = loop_new();
    struct job jobs[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        char *words[4], script[64];
        struct process_spec spec = shell(words, script);

        sprintf(script, "echo this is %d; exit %d", i, i);
        start(event, &jobs[i], &spec);
    }
    for (int i = 0; i < MANY; i++) {
        loop_until(event, &jobs[i].ended, 1);
        assert_int_equal(jobs[i].result.status, i);
        assert_int_equal(jobs[i].ended, 1);
    }
    sd_event_unref(event);
    assert_int_equal(open_descriptors(), before);
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a command's exit status, signal and last line are known", test_exits),
        TEST("the end of what it prints is kept", test_output_end),
        TEST("what it prints becomes one printable line", test_text_is_printable),
        TEST("it reads the text it is given, or nothing, however long and whether or not it does",
             test_input),
        TEST("its environment is ours with what is added", test_environment),
        TEST("what its children print after its exit is part of it", test_children),
        TEST("it has no signal blocked or ignored", test_signals),
        TEST("it has a session of its own and none of our descriptors", test_surroundings),
        TEST("its exit status is known where SIGCHLD was ignored", test_ignored_children),
        TEST("a command that can't be started is told at once, with the reason", test_not_started),
        TEST("twenty at once are told apart", test_many),
    };

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
