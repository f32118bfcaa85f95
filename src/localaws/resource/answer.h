/* Query protocols, both ways: lists of parameters in, elements of XML out, and the generic Describe call: by
 * ids, by filters (with AWS's wildcards), in pages. Used by every EC2 and ELB handler. */
#ifndef LOCALAWS_ANSWER_H
#define LOCALAWS_ANSWER_H

#include "localaws/resource/resource.h"

/* Values of PREFIX.1, PREFIX.2, ...: NULL-terminated, in the arena; `count` may be NULL. At most 1,000. */
const char **call_list(struct call *call, const char *prefix, size_t *count);
/* The parameter's value, or MissingParameter. */
int call_required(struct call *call, const char *name, const char **value, struct error *err);
/* A number; `otherwise` when absent; InvalidParameterValue when it is none or out of its range. */
int call_number(struct call *call, const char *name, int64_t minimum, int64_t maximum, int64_t otherwise,
                int64_t *number, struct error *err);

/* Elements. Text that is NULL writes nothing. */
void put_text(struct buffer *out, const char *name, const char *text);
void put_bool(struct buffer *out, const char *name, bool value);
void put_number(struct buffer *out, const char *name, int64_t number);
void put_time(struct buffer *out, const char *name, int64_t ms);
void put_open(struct buffer *out, const char *name);
void put_close(struct buffer *out, const char *name);
void put_texts(struct buffer *out, const char *name, const char *item, char *const *texts, size_t count);
void put_tag_set(struct buffer *out, const struct tag *tags, size_t count); /* <tagSet> */
void put_tags(struct buffer *out, const struct resource *resource);
void put_true(struct call *call); /* <return>true</return> */

/* What a Describe call asks for. */
struct selection {
    struct resource **items; /* in the arena */
    size_t count;
    char *next_token; /* NULL: no more */
};
/* The same for every kind: <parameter>.N ids (missing ones are an error), Filter.N,
 * MaxResults, NextToken. */
int resource_select(struct call *call, const struct kind *kind, struct selection *selection,
                    struct error *err);
/* A whole Describe action: <set><item>...</item></set><nextToken/>. */
int resource_describe(struct call *call, const struct kind *kind, struct error *err);
bool text_matches(const char *pattern, const char *value); /* * and ?; a NULL value matches nothing */
bool wanted_has(const struct wanted *wanted, const char *value);
bool wanted_has_bool(const struct wanted *wanted, bool value);
bool wanted_has_number(const struct wanted *wanted, int64_t value);

/* For what is described but is no resource (zones, tags, rules): do all Filter.N hold, given the value each
 * filter name has here (NULL: none)? */
typedef const char *filter_value(struct call *call, const void *item, const char *filter);
bool call_filters_pass(struct call *call, filter_value *value_of, const void *item);

/* <parameter> names a resource of the caller's account: finds it, or fails with the kind's missing code. */
int resource_named(struct call *call, const struct kind *kind, const char *parameter, void *resource,
                   struct error *err);
/* The draft of a new record, and a text on its way into one: refused when longer than what is read back. */
int draft_check(struct call *call, const struct record *record, const void *draft, struct error *err);
/* Is there room for more in a list that is read back with at most so many? */
int room_check(struct call *call, const char *what, size_t wanted, size_t most, struct error *err);
int text_check(struct call *call, const char *what, const char *text, size_t longest, struct error *err);
int resource_missing(struct call *call, const struct kind *kind, const char *id, struct error *err);

#endif
