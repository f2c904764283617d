// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a check from outside has said. */
#include "answer.h"

const char *check_answer_name(enum check_answer answer)
{
    switch (answer) {
    case CHECK_WAITING:
        return "waiting";
    case CHECK_GOOD:
        return "good";
    case CHECK_BAD:
        return "bad";
    case CHECK_NO_ANSWER:
        return "no answer";
    }
    return "unknown";
}
