// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The journal keeps whole lines and nothing else, whatever becomes of the disk and of who writes
 * it. */
#include "journal_files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "clock.h"

/* --- a disk that fails: these stand in the place of the C library's --- */

static struct {
    int truncates, syncs; /* so many fail */
    unsigned synced;
} disk;

static int fails(int *times)
{
    if (!*times)
        return 0;
    (*times)--;
    errno = EIO;
    return 1;
}

int ftruncate(int fd, off_t length)
{
    return fails(&disk.truncates) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int fdatasync(int fd)
{
    disk.synced++;
    return fails(&disk.syncs) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* --- tests --- */

static void test_append(void **state)
{
    struct journal *journal;

    assert_lines(*state, 0);
    journal = open_it(*state);
    assert_lines(*state, 0);
    assert_file(*state, HEAD);
    for (int i = 1; i <= 3; i++) {
        unsigned before = disk.synced;

        appended(journal, i);
        assert_int_equal(disk.synced, before + 1);
        assert_lines(*state, (unsigned)i);
    }
    journal_close(journal);
    journal = open_it(*state);
    appended(journal, 4);
    journal_close(journal);
    assert_lines(*state, 4);
}

static void test_visit_stops(void **state)
{
    struct journal *journal = open_it(*state);
    struct reading reading = {.stop_at = 2};
    struct error err;

    for (int i = 1; i <= 3; i++)
        appended(journal, i);
    journal_close(journal);
    assert_int_equal(journal_each(((struct temp_dir *)*state)->path, visit, &reading, &err), 42);
    assert_int_equal(reading.count, 2);
}

static void test_directories(void **state)
{
    const struct temp_dir *dir = *state;
    struct temp_dir deep = *dir;
    struct journal *journal;

    snprintf(deep.path, sizeof(deep.path), "%.40s/a/b", dir->path);
    journal = open_it(&deep);
    appended(journal, 1);
    journal_close(journal);
    assert_lines(&deep, 1);
    snprintf(deep.file, sizeof(deep.file), "%.63s/journal", deep.path);
    temp_dir_remove(&deep);
    snprintf(deep.path, sizeof(deep.path), "%.40s/a", dir->path);
    assert_int_equal(rmdir(deep.path), 0);
}

static void test_unwritable(void **state)
{
    struct temp_dir under = *(struct temp_dir *)*state;
    struct error err = {{0}};

    temp_file_write(*state, "", 0);
    snprintf(under.path, sizeof(under.path), "%.63s", under.file); /* a file, no directory */
    assert_null(journal_open(under.path, &err));
    assert_contains(err.text, "the state directory must be writable");
    assert_contains(err.text, strerror(ENOTDIR));
}

/* Cut off at every byte of the last line: who reads sees those before, who opens repairs. */
static void test_torn(void **state)
{
    struct journal *journal = open_it(*state);
    size_t whole, length;
    char *text;

    appended(journal, 1);
    journal_close(journal);
    free(temp_file_read(*state, &whole));
    journal = open_it(*state);
    appended(journal, 2);
    journal_close(journal);
    text = temp_file_read(*state, &length);
    assert_true(length > whole + 20);
    for (size_t cut = whole; cut < length; cut++) {
        temp_file_write(*state, text, cut);
        assert_lines(*state, 1);
        journal = open_it(*state);
        assert_lines(*state, 1);
        appended(journal, 2);
        journal_close(journal);
        assert_lines(*state, 2);
    }
    free(text);
}

/* What a file system leaves behind that had made room, but not written when the power went. */
static void test_zeros(void **state)
{
    struct journal *journal;

    temp_file_write(*state, HEAD LINE "\0\0\0\0\0\0\0\0", sizeof(HEAD LINE) - 1 + 8);
    assert_int_equal(read_it(*state).count, 1);
    journal = open_it(*state);
    journal_close(journal);
    assert_file(*state, HEAD LINE);
}

static void test_torn_head(void **state)
{
    for (size_t cut = 0; cut < 2 * sizeof(HEAD) - 2; cut++) {
        char head[sizeof(HEAD)] = "";
        struct journal *journal;

        memcpy(head, HEAD, cut / 2);
        temp_file_write(*state, head, cut % 2 ? sizeof(head) : cut / 2);
        assert_lines(*state, 0);
        journal = open_it(*state);
        assert_file(*state, HEAD);
        appended(journal, 1);
        journal_close(journal);
        assert_lines(*state, 1);
    }
}

static void set_limit(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* There is room for nothing, for a part of the line, for all of it but its end. */
static void test_full(void **state)
{
    struct journal *journal = open_it(*state);
    size_t before, after;
    char *text;

    appended(journal, 1);
    free(temp_file_read(*state, &before));
    appended(journal, 2);
    text = temp_file_read(*state, &after);
    for (size_t room = after; room < after + (after - before); room++) {
        struct error err = {{0}};

        set_limit(room);
        assert_int_equal(append(journal, 3, &err), -EFBIG);
        set_limit(RLIM_INFINITY);
        assert_contains(err.text, "can't write to");
        assert_contains(err.text, strerror(EFBIG));
        assert_file(*state, text);
    }
    appended(journal, 3);
    assert_lines(*state, 3);
    journal_close(journal);
    free(text);
}

static void test_full_at_first(void **state)
{
    struct journal *journal;

    set_limit(5);
    assert_refused(*state, "can't write to");
    set_limit(RLIM_INFINITY);
    assert_lines(*state, 0);
    journal = open_it(*state);
    journal_close(journal);
    assert_file(*state, HEAD);
}

static void test_unsynced(void **state)
{
    struct journal *journal = open_it(*state);
    struct error err = {{0}};

    appended(journal, 1);
    disk.syncs = 1;
    assert_int_equal(append(journal, 2, &err), -EIO);
    assert_lines(*state, 1);
    appended(journal, 2);
    assert_lines(*state, 2);
    journal_close(journal);
}

/* What can't be taken back at once is taken back before the next line. */
static void test_unrepaired(void **state)
{
    struct journal *journal = open_it(*state);
    struct error err = {{0}};
    size_t length;

    appended(journal, 1);
    free(temp_file_read(*state, &length));
    disk.truncates = 2;
    set_limit(length + 10);
    assert_int_equal(append(journal, 2, &err), -EFBIG);
    set_limit(RLIM_INFINITY);
    assert_contains(err.text, strerror(EFBIG));
    assert_contains(err.text, "can't repair");
    assert_lines(*state, 1);
    assert_int_equal(append(journal, 2, &err), -EIO);
    assert_contains(err.text, "repair");
    assert_lines(*state, 1);
    appended(journal, 2);
    assert_lines(*state, 2);
    appended(journal, 3);
    assert_lines(*state, 3);
    journal_close(journal);
}

static void test_two(void **state)
{
    struct journal *journal = open_it(*state);

    appended(journal, 1);
    assert_refused(*state, "another controller has");
    appended(journal, 2);
    assert_lines(*state, 2);
    journal_close(journal);
    journal_close(open_it(*state));
}
static void test_time(void **state)
{
    struct journal *journal = open_it(*state);
    uint64_t before = clock_real_ms(), after;

    appended(journal, 1);
    after = clock_real_ms();
    assert_in_range(read_it(*state).time_ms, before, after);
    journal_close(journal);
}

static uint64_t time_of(const char *text)
{
    json_t *line = json_pack("{s:s}", "time", text);
    uint64_t ms = journal_time_ms(line);

    json_decref(line);
    return ms;
}

static void test_times(void **state)
{
    json_t *none = json_object();

    (void)state;
    assert_int_equal(time_of("1970-01-01T00:00:00.001Z"), 1);
    assert_int_equal(time_of("2026-11-21T08:00:00.042Z"), 1795248000042);
    assert_int_equal(time_of("2028-02-29T23:59:59.999Z"), 1835481599999);
    assert_int_equal(time_of(""), 0);
    assert_int_equal(time_of("yesterday"), 0);
    assert_int_equal(time_of("2026-11-21T08:00:00Z"), 0);
    assert_int_equal(journal_time_ms(none), 0);
    assert_int_equal(journal_time_ms(NULL), 0);
    json_decref(none);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_DIR("lines are read as they were appended, each synced, by the next opener too",
               test_append),
        IN_DIR("a visitor may stop the reading", test_visit_stops),
        IN_DIR("the directory is made, and those above it", test_directories),
        IN_DIR("where there can be none, the message says so", test_unwritable),
        IN_DIR("a torn last line is ignored by readers and repaired on opening", test_torn),
        IN_DIR("zeros at the end are a torn line", test_zeros),
        IN_DIR("a first line that was torn is written again", test_torn_head),
        IN_DIR("a full disk leaves the file as it was, and a later line is appended", test_full),
        IN_DIR("a journal that could not be begun can be later", test_full_at_first),
        IN_DIR("a line that could not be synced is taken back", test_unsynced),
        IN_DIR("a torn line that can't be taken back keeps others out until it can",
               test_unrepaired),
        IN_DIR("a second opener is refused", test_two),
        IN_DIR("a line's time is when it was appended", test_time),
        TEST("times are read to the millisecond; what isn't one is 0", test_times),
    };

    return cmocka_run_group_tests_name("the journal", tests, NULL, NULL);
}
