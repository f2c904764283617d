// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Draws `top` on a curses screen. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "parse.h"
#include "status.h"
#include "terminal.h"
#include "top.h"

#define SPARK_WIDTH 12
#define SCORE_WIDTH 10
#define PAIR_GOOD   1
#define PAIR_WARN   2
#define PAIR_BAD    3

/* The newest values as bars, the highest of them all full. */
static void draw_spark(const struct top_history *history)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint64_t highest = 0;

    for (int i = TOP_HISTORY - SPARK_WIDTH; i < TOP_HISTORY; i++)
        if (history->values[i] > highest)
            highest = history->values[i];
    for (int i = TOP_HISTORY - SPARK_WIDTH; i < TOP_HISTORY; i++) {
        uint64_t value = history->values[i];

        addstr(value ? bars[value * 7 / highest] : " ");
    }
}

static int score_colour(double score)
{
    return COLOR_PAIR(score >= 1 ? PAIR_BAD : score >= 0.5 ? PAIR_WARN : PAIR_GOOD);
}

static void draw_score(const struct top_row *row)
{
    int filled = (int)((row->score < 1 ? row->score : 1) * SCORE_WIDTH + 0.5);

    attron(score_colour(row->score));
    for (int i = 0; i < SCORE_WIDTH; i++)
        addstr(i < filled ? "█" : "░");
    attroff(score_colour(row->score));
    printw(" %s", row->rule ? row->rule : "");
}

static void draw_row(int y, const struct top_row *row)
{
    char wished[16], count[16], packets[16], bytes[16], connect[CLOCK_TEXT_MAX],
        response[CLOCK_TEXT_MAX];
    bool bad = *row->state;

    move(y, 0);
    if (bad)
        attron(COLOR_PAIR(PAIR_BAD) | A_BOLD);
    printw("%-12.12s %-12.12s", row->service, row->version);
    if (bad)
        attroff(COLOR_PAIR(PAIR_BAD) | A_BOLD);
    printw(" %7s %6.2f%% %7s %7s %7s %6.2f%% %8s ",
           format_weight((unsigned)(row->wished * FS_BUCKETS + 0.5), wished), 100 * row->got,
           terminal_count(count, row->new_flows), terminal_count(packets, row->packets),
           terminal_count(bytes, row->bytes), 100 * row->failed,
           row->connect_p99_ns ? clock_span(row->connect_p99_ns, connect) : "-");
    draw_spark(&row->connect);
    printw(" %8s ", row->response_p99_ns ? clock_span(row->response_p99_ns, response) : "-");
    draw_spark(&row->response);
    printw(" %-9s ", row->state);
    draw_score(row);
}

static void draw_head(const struct top_view *view)
{
    const json_t *interface;
    char now[16];
    time_t seconds = time(NULL);
    struct tm parts;
    size_t i = 0;

    strftime(now, sizeof(now), "%H:%M:%S", localtime_r(&seconds, &parts));
    attron(A_BOLD);
    mvprintw(0, 0, "flowsplit  %s", now);
    attroff(A_BOLD);
    json_array_foreach(json_object_get(view->status, "interfaces"), i, interface)
        printw("  %s (%s)", json_string_value(json_object_get(interface, "name")),
               json_string_value(json_object_get(interface, "mode")));
    printw("   service: %s   order: %s%s", *view->service ? view->service : "all",
           top_order_name(view->order), view->paused ? "   PAUSED" : "");
}

static void draw_columns(int y)
{
    attron(A_REVERSE);
    mvprintw(y, 0, "%-12s %-12s %7s %7s %7s %7s %7s %7s %8s %-*s %8s %-*s %-9s %-*s", "SERVICE",
             "VERSION", "WISHED", "GOT", "NEW/s", "PKT/s", "BYTE/s", "FAILED", "CONN p99",
             SPARK_WIDTH, "", "RESP p99", SPARK_WIDTH, "", "STATE", SCORE_WIDTH + 26, "GUARD");
    attroff(A_REVERSE);
}

/* A line for each way on which packets don't reach a program. Returns the line below. */
static int draw_faults(const struct top_view *view, int y)
{
    char fault[STATUS_FAULT_MAX];
    const json_t *interface;
    size_t i = 0;

    attron(COLOR_PAIR(PAIR_BAD) | A_BOLD);
    json_array_foreach(json_object_get(view->status, "interfaces"), i, interface)
    {
        for (enum status_way way = 0; way < STATUS_WAYS; way++)
            if (status_fault(interface, way, fault))
                mvaddstr(y++, 0, fault);
    }
    attroff(COLOR_PAIR(PAIR_BAD) | A_BOLD);
    return y;
}

/* The newest at the bottom, as many as there is room for. */
static void draw_events(const struct top_view *view, int top, int bottom)
{
    size_t count = json_array_size(view->events);

    if (bottom - top < 2)
        return;
    attron(A_BOLD);
    mvaddstr(top++, 0, "EVENTS");
    attroff(A_BOLD);
    for (size_t i = count > (size_t)(bottom - top) ? count - (size_t)(bottom - top) : 0; i < count;
         i++) {
        const json_t *event = json_array_get(view->events, i);
        const char *when, *what, *service, *version, *why, *who;

        json_unpack((json_t *)event, "{s:s, s:s, s:s, s:s, s:s, s:s}", "time", &when, "what", &what,
                    "service", &service, "version", &version, "why", &why, "who", &who);
        mvprintw(top++, 0, "%.15s  %-9s %s%s%s  %s  (%s)", when + strcspn(when, "T") + 1, what,
                 service, *version ? "/" : "", version, why, who);
    }
}

void top_draw(const struct top_view *view)
{
    const int height = getmaxy(stdscr);
    int first, y;

    erase();
    draw_head(view);
    y = draw_faults(view, 1) + 1;
    draw_columns(y++);
    first = y;
    for (size_t i = 0; i < view->row_count && y < height - 2; i++)
        if (!*view->service || strcmp(view->service, view->rows[i].service) == 0)
            draw_row(y++, &view->rows[i]);
    if (y == first)
        mvaddstr(y++, 0, view->row_count ? "no such service any more" : "no services declared");
    draw_events(view, y + 1, height - 1);
    attron(A_DIM);
    mvaddstr(height - 1, 0, "q quit   s order   tab next service   a all   space pause");
    attroff(A_DIM);
    refresh();
}
