// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are no journal, or not one of this version's, are left as they are. */
#include "journal_files.h"

/* Whoever can't take it leaves it as it is, reads nothing of it, and says why. */
static void assert_not_touched(const struct temp_dir *dir, const char *text, const char *why)
{
    struct reading reading = {0};
    struct error err = {{0}};

    temp_file_write(dir, text, strlen(text));
    assert_refused(dir, why);
    assert_file(dir, text);
    if (!strchr(text, '\n'))
        return;
    assert_int_equal(journal_each(dir->path, visit, &reading, &err), -EINVAL);
    assert_contains(err.text, why);
    assert_int_equal(reading.count, 0);
}

static void test_newer(void **state)
{
    assert_not_touched(*state, "{\"flowsplit_journal\":2}\n" LINE "{\"torn", "newer");
    assert_not_touched(*state, "{\"flowsplit_journal\": 99, \"more\": [1, 2]}\n", "newer");
}

static void test_no_journal(void **state)
{
    static const char *const texts[] = {
        "dear diary",
        "dear diary\n",
        "dear diary\nit rains",
        LINE,
        "{}\n",
        "[1]\n",
        "\n" HEAD,
        "{\"flowsplit_journal\":\"1\"}\n",
        "{\"flowsplit_journal\":1}}",
        "{\"flowsplit_journal\":12",
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        assert_not_touched(*state, texts[i], "is no journal");
}

static void test_middle(void **state)
{
    struct reading reading = {0};
    struct error err = {{0}};
    static const char text[] = HEAD LINE LINE "{\"what\":\n" LINE;

    temp_file_write(*state, text, sizeof(text) - 1);
    assert_int_equal(journal_each(((struct temp_dir *)*state)->path, visit, &reading, &err),
                     -EINVAL);
    assert_contains(err.text, "journal:4: not a line of JSON");
    assert_int_equal(reading.count, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_DIR("a newer version's journal is refused and not touched", test_newer),
        IN_DIR("what is no journal is refused and not touched", test_no_journal),
        IN_DIR("what isn't JSON in the middle is an error with its line", test_middle),
    };

    return cmocka_run_group_tests_name("what is refused as a journal", tests, NULL, NULL);
}
