// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What goes to a person's terminal or into a pipe. */
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_terminal(void)
{
    return isatty(STDOUT_FILENO);
}

const char *terminal_style(enum style style)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[33m", "\033[32m"};
    const char *no_color = getenv("NO_COLOR");

    return is_terminal() && !(no_color && *no_color) ? codes[style] : "";
}

const char *terminal_bar(char *buf, int width, double part, double whole)
{
    const char *full = is_terminal() ? "█" : "#", *empty = is_terminal() ? "░" : ".";
    int filled = whole > 0 ? (int)(part / whole * width + 0.5) : 0;

    *buf = '\0';
    for (int i = 0; i < width; i++)
        strcat(buf, i < filled ? full : empty);
    return buf;
}

const char *terminal_count(char *buf, double count)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    int unit = 0;

    while (count >= 9999.5 && unit < 5) {
        count /= 1000;
        unit++;
    }
    snprintf(buf, 16, unit && count < 99.95 ? "%.1f%s" : "%.0f%s", count, units[unit]);
    return buf;
}

void terminal_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(value);
}
