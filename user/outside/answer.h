/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a check from outside has said. Plain data. */
#ifndef FLOWSPLIT_ANSWER_H
#define FLOWSPLIT_ANSWER_H

#include <stdint.h>

enum {
    ANSWER_TEXT_MAX = 200 /* room for the words of an answer and the terminator */
};

enum check_answer {
    CHECK_WAITING, /* hasn't been answered yet */
    CHECK_GOOD,
    CHECK_BAD,       /* the limit is breached, or the command has failed */
    CHECK_NO_ANSWER, /* nothing is known: unreachable, nonsense, too late, not one number */
};

/* One answer, and why it is what it is. */
struct finding {
    enum check_answer answer;
    double value;               /* PROMETHEUS, GOOD and BAD: the number, may be infinite;
                                   EXEC: the exit status */
    char text[ANSWER_TEXT_MAX]; /* one printable line */
};

/* "waiting", "good", "bad", "no answer". */
const char *check_answer_name(enum check_answer answer);

#endif
