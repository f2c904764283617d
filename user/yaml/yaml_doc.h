/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A YAML document and a cursor over it: mappings by a table of known keys, lists, texts; whatever
 * is not as expected is refused with its place. (Not yaml.h: that is libyaml's.) */
#ifndef FLOWSPLIT_YAML_DOC_H
#define FLOWSPLIT_YAML_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <yaml.h>

#include "error.h"
#include "place.h"

/* What a node is. */
enum doc_kind { DOC_TEXT, DOC_LIST, DOC_MAPPING };

enum {
    DOC_MAX_BYTES = 16 << 20, /* of a file */
    DOC_MAX_DEPTH = 16,       /* lists and mappings within each other */
    DOC_MAX_ANCHORS = 1024
};

/* A loaded document. */
struct doc {
    yaml_document_t yaml;
    const char *file; /* its name in messages; the caller's, must outlive the document */
};

/* A node of a document, and where to put what is wrong with it. */
struct doc_at {
    struct doc *doc;
    yaml_node_t *node;
    struct error *err;
};

/* Reads a stream to its end, which must hold exactly one YAML document in UTF-8. An IPv6 endpoint
 * like [2001:db8::1]:80 is text here even without the quotes that YAML wants around it, and of
 * `by: adaptive {up: 10%, down: 5%}` the mapping is what `by` has. Returns 0 with *doc to be
 * released by doc_free(), or a negative errno with *err set and nothing to release. */
int doc_load(FILE *stream, const char *file, struct doc *doc, struct error *err);
void doc_free(struct doc *doc);

/* The outermost node. */
struct doc_at doc_root(struct doc *doc, struct error *err);

struct place doc_place(const struct doc_at *at);

/* For what may be written in several ways. */
enum doc_kind doc_kind(const struct doc_at *at);

/* One known key of a mapping. */
struct doc_key {
    const char *name;
    int (*read)(const struct doc_at *value, void *into);
    bool required;
};

/* Reads a mapping: first refuses unknown, duplicate and missing keys, then calls `read` for the
 * keys that are there, in the table's order, so that a key may build on those above it. `what`
 * names the mapping in messages ("a service"). Like all below returns 0 or a negative errno. */
int doc_mapping(const struct doc_at *at, const char *what, const struct doc_key *keys,
                size_t key_count, void *into);

/* Checks that this is a list of at most `max` items; `what` names these ("services"). */
int doc_list(const struct doc_at *at, const char *what, size_t max, size_t *count);

/* The item `index` of a list that doc_list() has accepted. */
struct doc_at doc_item(const struct doc_at *list, size_t index);

/* Checks that this is a mapping of at most `max` pairs, whose keys are the file's own words; `what`
 * names it. */
int doc_pairs(const struct doc_at *at, const char *what, size_t max, size_t *count);

/* The pair `index` of a mapping that doc_pairs() has accepted. */
struct doc_at doc_pair_key(const struct doc_at *mapping, size_t index);
struct doc_at doc_pair_value(const struct doc_at *mapping, size_t index);

/* Checks that this is a text; it lives as long as the document. */
int doc_text(const struct doc_at *at, const char *what, const char **text);

#endif
