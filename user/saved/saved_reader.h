/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Values of what was saved: whatever it says, the model that comes of it is sound, or refused.
 * Pure. */
#ifndef FLOWSPLIT_SAVED_READER_H
#define FLOWSPLIT_SAVED_READER_H

#include <jansson.h>

#include "model.h"

/* What is being read into. */
struct saved_reader {
    struct model *model;
    uint64_t realtime_0;
    const char *service; /* name of the one at hand, for messages */
    struct error *err;
};

/* Takes an object apart by json_unpack()'s format. Returns 0, or -EINVAL with a message. */
int saved_unpack(const struct saved_reader *reader, const json_t *from, const char *format, ...);

/* Sets the message, with the service's name in front, and returns -EINVAL. */
int saved_refuse(const struct saved_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A whole number from `least` to `most`. */
int saved_number(const struct saved_reader *reader, const json_t *from, const char *key,
                 uint64_t least, uint64_t most, uint32_t *number);

/* The same; `absent` where the file is of a format that hasn't got it. */
int saved_number_or(const struct saved_reader *reader, const json_t *from, const char *key,
                    uint64_t least, uint64_t most, uint32_t absent, uint32_t *number);

/* A word of 64 bits, as 16 hexadecimal digits. */
int saved_word(const struct saved_reader *reader, const json_t *from, uint64_t *word);

#endif
