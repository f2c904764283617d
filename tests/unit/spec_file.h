/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of services for the tests of spec.h: written piece by piece, then read. */
#ifndef FLOWSPLIT_UNIT_SPEC_FILE_H
#define FLOWSPLIT_UNIT_SPEC_FILE_H

#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "plan_file.h"

/* A file with its first piece. */
static inline FILE *spec_file_begin(const char *text)
{
    FILE *stream = tmpfile();

    assert_non_null(stream);
    fputs(text, stream);
    return stream;
}

/* Reads the finished file. */
static inline int spec_file_read(FILE *stream, struct spec *spec, struct error *err)
{
    int ret;

    rewind(stream);
    ret = plan_file_read_spec(stream, "f", spec, err);
    fclose(stream);
    return ret;
}

/* Reads the finished file, which must be fine. */
static inline void spec_file_accepted(FILE *stream, struct spec *spec)
{
    struct error err = {{0}};
    int ret = spec_file_read(stream, spec, &err);

    if (ret)
        print_error("%s\n", err.text);
    assert_int_equal(ret, 0);
}

/* Reads the finished file, which must be refused with this message. */
static inline void spec_file_refused(FILE *stream, const char *message)
{
    struct error err = {{0}};
    struct spec spec;

    assert_int_equal(spec_file_read(stream, &spec, &err), -EINVAL);
    assert_string_equal(err.text, message);
    assert_null(spec.services);
    assert_int_equal(spec.service_count, 0);
}

#endif
