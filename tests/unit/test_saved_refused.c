// SPDX-License-Identifier: GPL-2.0-only
/* A file that was cut off, altered or is of a newer format is refused, and so are contents that
 * make no sense; what is wrong is said. */
#include "saved_world.h"

#include <errno.h>
#include <flowsplit/version.h>

/* s0: v0 with 70 %, v1 and v2; of two backends, two, and one. */
static json_t *small_contents(void)
{
    static const unsigned weights[] = {7000, 2000, 1000}, pools[] = {2, 2, 1};
    struct model *model = read_model();
    struct spec spec = {.services = calloc(1, sizeof(*spec.services)), .service_count = 1};
    struct service_spec *service = spec.services;
    struct change change = {.model = model, .is_local = odd_is_local, .notes = nowhere};
    struct error err;

    *service = (struct service_spec){.name = "s0",
                                     .vip = endpoint_of(0, 0xff, 1),
                                     .drain_ms = 5000,
                                     .version_count = COUNT(weights),
                                     .guard.false_alarm_ppb = 1000};
    assert_int_equal(rule_parse("connect_failures > 1%", &service->guard.rules[0], &err), 0);
    service->guard.rule_count = 1;
    for (uint32_t i = 0; i < COUNT(weights); i++) {
        struct version_spec *version = &service->versions[i];

        snprintf(version->name, sizeof(version->name), "v%u", i);
        version->weight_bp = weights[i];
        version->backends = calloc(pools[i], sizeof(*version->backends));
        for (; version->backend_count < pools[i]; version->backend_count++)
            version->backends[version->backend_count].at =
                endpoint_of(0, i, (uint32_t)version->backend_count);
    }
    assert_int_equal(change_apply(&change, &spec, &err), 0);
    spec_free(&spec);
    side_publish(model);
    model_free(model);
    return side_save();
}

static char *small_text(void)
{
    json_t *contents = small_contents();
    char *text = text_of(contents);

    json_decref(contents);
    return text;
}

/* --- the file */

static void assert_refused(const char *text, size_t length, const char *part)
{
    struct error err = {{0}};
    json_t *contents = saved_open(text, length, "FILE", &err);

    if (contents)
        fail_msg("%zu bytes were taken", length);
    assert_contains(err.text, "FILE");
    assert_contains(err.text, part);
}

static void test_whole(void **state)
{
    char *text = small_text();
    struct error err = {{0}};
    json_t *contents = saved_open(text, strlen(text), "FILE", &err);

    (void)state;
    assert_non_null(contents);
    assert_int_equal(saved_check(contents, &err), 0);
    json_decref(contents);
    free(text);
}

static void test_cut(void **state)
{
    char *text = small_text();
    size_t length = strlen(text);

    (void)state;
    assert_refused(text, 0, "empty");
    for (size_t at = 1; at < length; at += 1 + at / 64)
        assert_refused(text, at, at == 1 ? "cut off" : "");
    assert_refused(text, length - 1, "cut off");
    assert_refused(text, length / 2, "");
    free(text);
}

/* A byte that is another one is noticed, or it is a blank between words. */
static void test_altered(void **state)
{
    char *text = small_text();
    size_t length = strlen(text);
    struct rng rng = {12};
    unsigned taken = 0;

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        size_t at = i < 2000 && i < length ? i : rng_below(&rng, (uint32_t)length);
        char was = text[at];
        struct error err;
        json_t *contents;

        text[at] = (char)(was ^ (1 << rng_below(&rng, 7)));
        contents = saved_open(text, length, "FILE", &err);
        if (contents && was != ' ' && was != '\n')
            fail_msg("'%c' at %zu may be '%c'", was, at, text[at]);
        taken += contents != NULL;
        json_decref(contents);
        text[at] = was;
    }
    assert_in_range(taken, 0, 100);
    free(text);
}

/* The whole text with one part replaced. */
static void assert_replaced_refused(const char *part, const char *by, const char *why)
{
    char *text = small_text(), *other = calloc(1, strlen(text) + strlen(by) + 1);
    const char *at = assert_contains(text, part);

    sprintf(other, "%.*s%s%s", (int)(at - text), text, by, at + strlen(part));
    assert_refused(other, strlen(other), why);
    free(other);
    free(text);
}

static void test_newer(void **state)
{
    (void)state;
    assert_replaced_refused("\"flowsplit_saved\": 2", "\"flowsplit_saved\": 3",
                            "of format 3, and this flowsplit knows formats up to 2");
    assert_replaced_refused("\"flowsplit_saved\": 2", "\"flowsplit_saved\": 3",
                            "saved by " FLOWSPLIT_VERSION);
}

static void test_other_files(void **state)
{
    static const char *const texts[] = {"services: []\n", "{}", "[1, 2]",
                                        "{\"flowsplit_saved\": 0}", "{\"flowsplit_saved\": \"1\"}"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_refused(texts[i], strlen(texts[i]), "no file of `flowsplit save`");
    assert_replaced_refused("\"weight_bp\": 7000", "\"weight_bp\": 7001", "has been altered");
    assert_replaced_refused("\"weight_bp\": 7000", "\"weight_bp\": 7000, \"weight_bp\": 1",
                            "duplicate");
    assert_replaced_refused("\"checksum\"", "\"and\": 1, \"checksum\"", "has been altered");
    assert_replaced_refused("\"checksum\"", "\"sum\"", "has been altered");
}

/* --- contents, whose checksum would be right */

/* Where `path` ("services.0.name") leads to; its last word is left in `word`. */
static json_t *find(json_t *from, const char *path, char *word)
{
    const char *dot;

    while ((dot = strchr(path, '.'))) {
        snprintf(word, 32, "%.*s", (int)(dot - path), path);
        from = json_is_array(from) ? json_array_get(from, (size_t)atoi(word))
                                   : json_object_get(from, word);
        assert_non_null(from);
        path = dot + 1;
    }
    snprintf(word, 32, "%s", path);
    return from;
}

/* Another value in its place; NULL: none. */
static void edit(json_t *contents, const char *path, const char *value)
{
    char word[32];
    json_t *from = find(contents, path, word);
    json_t *json = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;

    assert_true(!value || json);
    if (json_is_array(from))
        json_array_set_new(from, (size_t)atoi(word), json);
    else if (value)
        json_object_set_new(from, word, json);
    else
        assert_int_equal(json_object_del(from, word), 0);
}

#define V0 "services.0.versions.0."
#define V1 "services.0.versions.1."
#define V2 "services.0.versions.2."

static const struct {
    const char *path, *value, *part;
} rows[] = {
    {"instance", NULL, "instance"},
    {"instance.key_add", "[\"0\", \"1\"]", "16 hexadecimal digits"},
    {"instance.key_add", "[\"0123456789abcdef\"]", ""},
    {"instance.key_mul", "[\"0123456789abcdef\", \"0123456789abcde0\"]", "odd"},
    {"instance.next_service", "0", "next_service"},
    {"services.0.name", "\"No\"", "service name"},
    {"services.0.name", NULL, "name"},
    {"services.0.vip", "\"10.0.0.1\"", "10.0.0.1"},
    {"services.0.mode", "\"dsr\"", "dsr"},
    {"services.0.affinity", "\"some\"", "some"},
    {"services.0.id", "2", "id"},
    {"services.0.id", "0", "id"},
    {"services.0.salt", "7", "16 hexadecimal digits"},
    {"services.0.generation", "0", "generation"},
    {"services.0.drain_ms", "10", "drain_ms"},
    {"services.0.sample", "-1", "sample"},
    {"services.0.http", "1", "true or false"},
    {"services.0.baseline", "3", "version 3 can't be the baseline"},
    {"services.0.baseline", "32", "baseline"},
    {"services.0.guard", "null", "on_trip"},
    {"services.0.guard.rules", "[\"luck > 1%\"]", "luck"},
    {"services.0.guard.rules", "[7]", "a rule is no text"},
    {"services.0.guard.on_trip", "2", "on_trip"},
    {"services.0.guard.false_alarm_ppb", "0", "false_alarm_ppb"},
    {"services.0.control", "{}", "buckets"},
    {"services.0.control", "{\"health\": 0, \"buckets\": \"\"}", "health slot 0 is taken"},
    {"services.0.control", "{\"health\": 9, \"buckets\": \"10000\"}", "10000 is too high"},
    {V0 "withdrawn", "true", "version 0 can't be the baseline"},
    {V0 "buckets", "\"\"", "is nobody's"},
    {V0 "buckets", NULL, "buckets are missing"},
    {V1 "number", "0", "stands twice"},
    {V1 "number", "32", "number"},
    {V1 "name", "\"v0\"", "stands twice"},
    {V1 "name", "\"V\"", "version name"},
    {V1 "rank", "0", "stands twice"},
    {V1 "rank", "16", "rank"},
    {V1 "health", "0", "health slot 0 is taken"},
    {V1 "health", "1025", "health"},
    {V1 "weight_bp", "1999", "v1 has 2000 buckets, and its weight is 1999"},
    {V1 "weight_bp", "10001", "weight_bp"},
    {V1 "withdrawn", "7", "true or false"},
    {"services.0.guard.clients", "65", "clients"},
    {"services.0.guard.recover_at_most", "11", "recover_at_most"},
    {V1 "trip", "{}", "rule"},
    {V1 "trip", "7", "rule"},
    {V1 "buckets", "\"x\"", "no number or range"},
    {V1 "slot_count", "255", "no power of two"},
    {V1 "slot_count", "131072", "slot_count"},
    {V1 "slot_count", "0", "slots without backends"},
    {V1 "slot_count", "512", "is nobody's"},
    {V1 "slot_count", "128", "too high"},
    {V1 "backends", "[]", "slots without backends"},
    {V1 "backends.0", "{}", "at"},
    {V1 "backends.0.at", "\"10.0.0.0\"", "10.0.0.0"},
    {V1 "backends.0.at", "\"[2001:db8::1]:80\"", "another family"},
    {V1 "backends.0.number", "0", "number 0 is in use"},
    {V1 "backends.0.number", "65536", "number"},
    {V1 "backends.0.slots", NULL, "slots are missing"},
    {V1 "backends.0.slots", "\"0-255\"", "twice"},
    {V2 "backends.0.slots", "\"0-127/1\"", "was backend 1's"},
    {V2 "backends.0.slots", "\"0-127/70000\"", "was backend 70000's"},
    {V2 "backends.0.slots", "\"0-126\"", "slot 127 of version v2 is nobody's"},
};

static void test_nonsense(void **state)
{
    json_t *contents = small_contents();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *other = json_deep_copy(contents);
        struct error err = {{0}};

        edit(other, rows[i].path, rows[i].value);
        if (!saved_check(other, &err))
            fail_msg("%s may be %s", rows[i].path, rows[i].value ? rows[i].value : "missing");
        assert_contains(err.text, "what was saved makes no sense");
        assert_contains(err.text, rows[i].part);
        json_decref(other);
    }
    json_decref(contents);
}

static void test_twice(void **state)
{
    json_t *contents = small_contents();
    json_t *services = json_object_get(contents, "services");
    json_t *second = json_deep_copy(json_array_get(services, 0));
    struct error err;

    (void)state;
    json_array_append_new(services, second);
    assert_int_not_equal(saved_check(contents, &err), 0);
    assert_contains(err.text, "its name or VIP stands twice");
    json_object_set_new(second, "name", json_string("s1"));
    assert_int_not_equal(saved_check(contents, &err), 0);
    assert_contains(err.text, "its name or VIP stands twice");
    json_object_set_new(second, "vip", json_string("10.9.9.9:80/tcp"));
    assert_int_not_equal(saved_check(contents, &err), 0);
    assert_contains(err.text, "its id stands twice");
    json_decref(contents);
}

/* The model is thrown away then, so nothing is half there. */
static void test_not_alone(void **state)
{
    json_t *contents = small_contents();
    struct model *model = read_model();
    struct error err;

    (void)state;
    assert_int_equal(saved_restore(contents, model, 0, &err), -EEXIST);
    assert_contains(err.text, "there are services already (the first is s0)");
    assert_false(model->changed);
    model_free(model);
    json_decref(contents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD("a whole file is taken", test_whole),
        WORLD("one that was cut off is refused, wherever that was", test_cut),
        WORLD("one in which a bit was altered is refused, whichever it was", test_altered),
        WORLD("one of a newer format is refused as such, and by whom it was saved is said",
              test_newer),
        WORLD("other files are refused", test_other_files),
        WORLD("contents that make no sense are refused, and what is wrong is said", test_nonsense),
        WORLD("services of the same name, VIP or id are refused", test_twice),
        WORLD("an instance that has services refuses all of it", test_not_alone),
    };

    return cmocka_run_group_tests_name("saved_refused", tests, NULL, NULL);
}
