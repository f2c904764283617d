// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A cursor over a YAML document. Loading is in yaml_load.c. */
#include "yaml_doc.h"

#include <string.h>

#include "quote.h"

struct doc_at doc_root(struct doc *doc, struct error *err)
{
    return (struct doc_at){doc, yaml_document_get_root_node(&doc->yaml), err};
}

static struct doc_at doc_node(const struct doc_at *near, int id)
{
    struct doc *doc = near->doc;

    return (struct doc_at){doc, yaml_document_get_node(&doc->yaml, id), near->err};
}

struct place doc_place(const struct doc_at *at)
{
    const yaml_mark_t *mark = &at->node->start_mark;

    return (struct place){at->doc->file, (int)mark->line + 1, (int)mark->column + 1};
}

enum doc_kind doc_kind(const struct doc_at *at)
{
    if (at->node->type == YAML_SEQUENCE_NODE)
        return DOC_LIST;
    return at->node->type == YAML_MAPPING_NODE ? DOC_MAPPING : DOC_TEXT;
}

/* What a node is, in a user's words. */
static const char *kind(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        return "a list";
    case YAML_MAPPING_NODE:
        return "a mapping of keys to values";
    default:
        return node->data.scalar.length ? "a text" : "empty";
    }
}

static int refuse_kind(const struct doc_at *at, const char *what, const char *allowed)
{
    return place_refuse(doc_place(at), at->err, "%s must be %s, but is %s", what, allowed,
                        kind(at->node));
}

/* "name, weight, backends": all keys, or the required ones. */
static const char *join_keys(const struct doc_key *keys, size_t count, bool all, char *buf,
                             size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++)
        if (all || keys[i].required)
            used +=
                (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "", keys[i].name);
    return buf;
}

/* The index of the key `at` in the table, or a negative errno. */
static int find_key(const struct doc_at *at, const char *what, const struct doc_key *keys,
                    size_t count)
{
    const char *name;
    char known[256];
    int ret = doc_text(at, "a key", &name);

    if (ret)
        return ret;
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return (int)i;
    return place_refuse(doc_place(at), at->err, "unknown key %s in %s; known keys: %s",
                        quote(name).text, what, join_keys(keys, count, true, known, sizeof(known)));
}

/* Sorts the mapping's pairs into found[], one for each key of the table, NULL where there is none.
 */
static int find_pairs(const struct doc_at *at, const char *what, const struct doc_key *keys,
                      size_t count, yaml_node_pair_t **found)
{
    yaml_node_pair_t *pair = at->node->data.mapping.pairs.start;
    char required[256];

    for (; pair < at->node->data.mapping.pairs.top; pair++) {
        struct doc_at key = doc_node(at, pair->key);
        int index = find_key(&key, what, keys, count);

        if (index < 0)
            return index;
        if (found[index]) {
            struct doc_at first = doc_node(at, found[index]->key);

            return place_refuse(doc_place(&key), at->err,
                                "key \"%s\" stands twice in %s, first in line %d; once is allowed",
                                keys[index].name, what, doc_place(&first).line);
        }
        found[index] = pair;
    }
    for (size_t i = 0; i < count; i++)
        if (keys[i].required && !found[i])
            return place_refuse(doc_place(at), at->err,
                                "key \"%s\" is missing in %s; required keys: %s", keys[i].name,
                                what, join_keys(keys, count, false, required, sizeof(required)));
    return 0;
}

int doc_mapping(const struct doc_at *at, const char *what, const struct doc_key *keys,
                size_t key_count, void *into)
{
    yaml_node_pair_t *found[key_count];
    int ret;

    if (at->node->type != YAML_MAPPING_NODE)
        return refuse_kind(at, what, "a mapping of keys to values");
    memset(found, 0, sizeof(found));
    ret = find_pairs(at, what, keys, key_count, found);
    for (size_t i = 0; i < key_count && !ret; i++) {
        struct doc_at value;

        if (!found[i])
            continue;
        value = doc_node(at, found[i]->value);
        ret = keys[i].read(&value, into);
    }
    return ret;
}

struct doc_at doc_item(const struct doc_at *list, size_t index)
{
    return doc_node(list, list->node->data.sequence.items.start[index]);
}

int doc_list(const struct doc_at *at, const char *what, size_t max, size_t *count)
{
    const yaml_node_t *node = at->node;

    if (node->type != YAML_SEQUENCE_NODE)
        return refuse_kind(at, what, "a list (an empty one is [])");
    *count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (*count > max) {
        struct doc_at excess = doc_item(at, max);

        return place_refuse(doc_place(&excess), at->err, "%s has %zu items; %zu are allowed", what,
                            *count, max);
    }
    return 0;
}

struct doc_at doc_pair_key(const struct doc_at *mapping, size_t index)
{
    return doc_node(mapping, mapping->node->data.mapping.pairs.start[index].key);
}

struct doc_at doc_pair_value(const struct doc_at *mapping, size_t index)
{
    return doc_node(mapping, mapping->node->data.mapping.pairs.start[index].value);
}

int doc_pairs(const struct doc_at *at, const char *what, size_t max, size_t *count)
{
    const yaml_node_t *node = at->node;

    if (node->type != YAML_MAPPING_NODE)
        return refuse_kind(at, what, "a mapping of keys to values");
    *count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    if (*count > max) {
        struct doc_at excess = doc_pair_key(at, max);

        return place_refuse(doc_place(&excess), at->err, "%s has %zu keys; %zu are allowed", what,
                            *count, max);
    }
    return 0;
}

int doc_text(const struct doc_at *at, const char *what, const char **text)
{
    const yaml_node_t *node = at->node;

    if (node->type != YAML_SCALAR_NODE)
        return refuse_kind(at, what, "a text");
    *text = (const char *)node->data.scalar.value;
    /* A quoted text may spell one as "\0"; whoever reads the text would stop there. */
    if (strlen(*text) != node->data.scalar.length)
        return place_refuse(doc_place(at), at->err, "%s has a NUL character, which is not allowed",
                            what);
    return 0;
}
