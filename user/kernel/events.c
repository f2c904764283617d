// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes and reads the ring of events. */
#include "events.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "health.h"
#include "rule.h"

/* Nobody writes an event for longer than that: who has begun one and is that late has been killed.
 */
#define WRITING_NS 1000000000ull

/* The person behind sudo, if there is one. */
static void who_acts(char *buf, size_t size)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());

    if (sudo && *sudo)
        snprintf(buf, size, "%.40s (sudo)", sudo);
    else if (user)
        snprintf(buf, size, "%.40s", user->pw_name);
    else
        snprintf(buf, size, "uid %u", (unsigned)getuid());
}

/* So that every terminal and JSON can take it, whatever a user or an interface is called. */
static void make_plain(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static void log_line(const struct instance *instance, const char *verb, const char *line,
                     size_t length)
{
    const char *colon = memchr(line, ':', length);
    size_t name = colon && colon[1] == ' ' ? (size_t)(colon - line) : 0;
    char who[sizeof(((struct fs_event *)NULL)->who)];
    struct fs_event *event;
    uint64_t number;

    who_acts(who, sizeof(who));
    number = __atomic_fetch_add(&instance->trips->event_count, 1, __ATOMIC_RELAXED);
    event = &instance->events[number & (FS_EVENTS - 1)];
    __atomic_store_n(&event->number, 0, __ATOMIC_RELEASE);
    memset(&event->time_ns, 0, sizeof(*event) - offsetof(struct fs_event, time_ns));
    event->time_ns = clock_now_ns();
    event->kind = FS_EVENT_COMMAND;
    if (name && name <= FS_NAME_MAX) {
        memcpy(event->service, line, name);
        line += name + 2;
        length -= name + 2;
    }
    snprintf(event->verb, sizeof(event->verb), "%s", verb);
    memcpy(event->who, who, sizeof(who));
    snprintf(event->text, sizeof(event->text), "%.*s", (int)length, line);
    make_plain(event->who);
    make_plain(event->text);
    __atomic_store_n(&event->number, number + 1, __ATOMIC_RELEASE);
}

void events_log(const struct instance *instance, const char *verb, const char *notes)
{
    while (*notes) {
        size_t length = strcspn(notes, "\n");

        if (length)
            log_line(instance, verb, notes, length);
        notes += length + (notes[length] == '\n');
    }
}

/* Copies an event, unless it is being overwritten. */
static bool read_event(const struct instance *instance, uint64_t number, struct fs_event *event)
{
    const struct fs_event *slot = &instance->events[number & (FS_EVENTS - 1)];

    if (__atomic_load_n(&slot->number, __ATOMIC_ACQUIRE) != number + 1)
        return false;
    memcpy(event, slot, sizeof(*event));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&slot->number, __ATOMIC_RELAXED) == number + 1;
}

bool events_has_trip(const struct fs_event *event)
{
    return event->kind == FS_EVENT_TRIP || event->kind == FS_EVENT_RECOVERY;
}

/* The first flow that was diverted comes after the event was written: it is with the version. */
static void add_what_followed(const struct instance *instance, struct fs_event *event)
{
    const struct fs_trip *trip;

    if (!events_has_trip(event) || event->health >= FS_HEALTH_SLOTS)
        return;
    trip = &instance->health[event->health].trip;
    if (trip->trip_ns == event->trip.trip_ns)
        event->trip.diverted_ns = trip->diverted_ns;
}

uint64_t events_skip_gone(const struct instance *instance, uint64_t *from)
{
    uint64_t end = __atomic_load_n(&instance->trips->event_count, __ATOMIC_ACQUIRE), gone = 0;

    if (end > FS_EVENTS && *from < end - FS_EVENTS) {
        gone = end - FS_EVENTS - *from;
        *from = end - FS_EVENTS;
    }
    return gone;
}

/* Is an event that can't be read yet to be written? How long ago it was begun, those behind it
 * tell; if there are none, it keeps nobody back. */
static bool is_to_come(const struct instance *instance, uint64_t number, uint64_t end)
{
    const struct fs_event *slot = &instance->events[number & (FS_EVENTS - 1)];
    struct fs_event next;

    if (__atomic_load_n(&slot->number, __ATOMIC_ACQUIRE) > number + 1)
        return false;
    for (uint64_t behind = number + 1; behind < end; behind++)
        if (read_event(instance, behind, &next))
            return next.time_ns + WRITING_NS > clock_now_ns();
    return true;
}

uint64_t events_each(const struct instance *instance, uint64_t *from,
                     void (*visit)(void *context, const struct fs_event *event), void *context)
{
    uint64_t end, lost = events_skip_gone(instance, from);
    struct fs_event event;

    end = __atomic_load_n(&instance->trips->event_count, __ATOMIC_ACQUIRE);
    for (; *from < end; (*from)++) {
        if (!read_event(instance, *from, &event)) {
            if (is_to_come(instance, *from, end))
                break;
            lost++;
            continue;
        }
        add_what_followed(instance, &event);
        visit(context, &event);
    }
    return lost;
}

static json_t *trip_json(const struct fs_event *event)
{
    const struct fs_trip *trip = &event->trip;
    char rule[RULE_TEXT_MAX];

    return json_pack(
        "{s:s, s:I, s:I, s:f, s:f, s:b, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:b}, s:I, "
        "s:I}",
        "rule", health_trip_why(trip, rule), "outcomes", (json_int_t)trip->total, "bad",
        (json_int_t)trip->bad, "score", (double)trip->score / FS_SCORE_ONE, "threshold",
        (double)event->trip.cause.threshold / FS_SCORE_ONE, "withdrawn",
        trip->state != FS_TRIP_REPORTED, "first_bad_ns", (json_int_t)trip->first_bad_ns, "trip_ns",
        (json_int_t)trip->trip_ns, "last_new_ns", (json_int_t)trip->last_new_ns,
        "first_diverted_ns", (json_int_t)trip->diverted_ns, "clients", (json_int_t)trip->clients,
        "baseline", "outcomes", (json_int_t)trip->baseline_total, "bad",
        (json_int_t)trip->baseline_bad, "breaks_it", trip->baseline_breaks != 0, "back_ns",
        (json_int_t)trip->back_ns, "recovered", (json_int_t)trip->recovered);
}

static const char *what_happened(const struct fs_event *event)
{
    if (event->kind == FS_EVENT_COMMAND)
        return event->verb;
    if (event->kind == FS_EVENT_HEARTBEAT)
        return "heartbeat";
    if (event->kind == FS_EVENT_RECOVERY)
        return "recovery";
    return event->trip.state == FS_TRIP_WITHDRAWN ? "trip" : "report";
}

/* What a rule saw of a version and of the baseline. */
static void explain_trip(const struct fs_trip *trip, char *text, size_t size)
{
    char span[CLOCK_TEXT_MAX], why[RULE_TEXT_MAX], clients[40] = "", others[80] = "", back[60] = "";

    if (trip->clients)
        snprintf(clients, sizeof(clients), ", of %u clients", trip->clients);
    if (trip->baseline_total)
        snprintf(others, sizeof(others), "; baseline %llu of %llu%s",
                 (unsigned long long)trip->baseline_bad, (unsigned long long)trip->baseline_total,
                 trip->baseline_breaks ? ", which breaks it, too" : "");
    if (trip->back_ns)
        snprintf(back, sizeof(back), "; back in %s",
                 clock_span(trip->back_ns - trip->trip_ns, span));
    snprintf(text, size, "%s: %llu of %llu bad%s%s%s", health_trip_why(trip, why),
             (unsigned long long)trip->bad, (unsigned long long)trip->total, clients, others, back);
}

/* What a trip, its end or a lost heartbeat has to say. */
static void explain(const struct fs_event *event, char *text, size_t size)
{
    const struct fs_trip *trip = &event->trip;
    char span[CLOCK_TEXT_MAX], why[RULE_TEXT_MAX];

    if (event->kind == FS_EVENT_COMMAND)
        snprintf(text, size, "%.*s", (int)sizeof(event->text), event->text);
    else if (event->kind == FS_EVENT_HEARTBEAT)
        snprintf(text, size, "no heartbeat for %s: the rollout holds",
                 clock_span(trip->trip_ns - trip->first_bad_ns, span));
    else if (trip->rule == FS_RULE_HEARTBEAT)
        snprintf(text, size, "no heartbeat for %s",
                 clock_span(trip->trip_ns - trip->first_bad_ns, span));
    else if (event->kind == FS_EVENT_RECOVERY)
        snprintf(text, size, "%s was %s ago: back by itself, time number %u",
                 health_trip_why(trip, why), clock_span(event->time_ns - trip->trip_ns, span),
                 trip->recovered);
    else
        explain_trip(trip, text, size);
}

json_t *events_json(const struct fs_event *event)
{
    char when[CLOCK_TEXT_MAX], text[sizeof(event->text) + 1];
    json_t *object;

    explain(event, text, sizeof(text));
    object =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "number", (json_int_t)event->number - 1,
                  "time", clock_text(event->time_ns, when), "what", what_happened(event), "service",
                  event->service, "version", event->version, "who",
                  event->kind == FS_EVENT_COMMAND ? event->who : "kernel", "why", text);
    if (events_has_trip(event))
        json_object_set_new(object, "trip", trip_json(event));
    return object;
}
