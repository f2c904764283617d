/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds out what this machine allows. Each subject has a file of its own; one more is a file and a
 * line of DOCTOR_CHECKS. Nothing is changed, and without root what can't be looked at is said. */
#ifndef FLOWSPLIT_DOCTOR_H
#define FLOWSPLIT_DOCTOR_H

#include "instance.h"
#include "report.h"

/* Whom a check looks at. */
struct patient {
    const char *pin_dir;
    const struct instance *instance; /* NULL if there is none, or none that can be read */
    const struct model *model;       /* its services; NULL with `instance` */
    int why_none;                    /* -errno of opening it */
    struct error words;              /* its message */
};

/* In the order of the report: check_NAME() of NAME.c appends its findings. */
#define DOCTOR_CHECKS(CHECK) \
    CHECK(kernel)            \
    CHECK(rights)            \
    CHECK(bpffs)             \
    CHECK(programs)          \
    CHECK(memory)            \
    CHECK(interfaces)        \
    CHECK(holders)           \
    CHECK(offloads)          \
    CHECK(settings)          \
    CHECK(services)

#define DECLARE(name) void check_##name(struct report *report, const struct patient *patient);
DOCTOR_CHECKS(DECLARE)
#undef DECLARE

/* Runs all checks. */
void doctor_examine(struct report *report, const char *pin_dir);

/* The start of a file of /proc or /sys, blanks at its end cut off. Returns buf, or NULL if it can't
 * be read. */
const char *doctor_read(char *buf, size_t size, const char *path);

/* The number that a file begins with, or -1. */
int doctor_number(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The name of a loaded program, or its number if that can't be had; buf holds 64. Returns buf. */
const char *doctor_program(uint32_t id, char *buf);

#endif
