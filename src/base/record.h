/* Records: a struct described once, by a table of fields, is read from JSON, written to JSON, validated and
 * documented from the same lines. Strings and arrays read are allocated in the caller's arena; unknown JSON
 * members are ignored; a missing required member, a wrong type or a value outside its limits is ERROR_INVALID
 * naming the member by its path ("nodes[2].resources.vcpu").
 *
 *     static const struct field peer_fields[] = {
 *         FIELD_TEXT(struct peer, hostname, "hostname", REQUIRED, 255, is_hostname, "the peer's name"),
 *         FIELD_INTEGER(struct peer, port, "port", OPTIONAL, 1, 65535, "UDP port"),
 *         FIELD_LIST(struct peer, addresses, address_count, "addresses", OPTIONAL, 16, &text_record, "..."),
 *         FIELD_END,
 *     };
 *     const struct record peer_record = {"peer", sizeof(struct peer), peer_fields};
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum field_type {
    FIELD_KIND_TEXT,    /* char * */
    FIELD_KIND_INTEGER, /* int64_t */
    FIELD_KIND_NUMBER,  /* double */
    FIELD_KIND_BOOL,    /* bool */
    FIELD_KIND_ENUM,    /* int, by name */
    FIELD_KIND_RECORD,  /* struct T * (NULL when absent) */
    FIELD_KIND_LIST, /* struct T * and size_t count; of char * with `text_record`; a zeroed item follows the
                        last */
    FIELD_KIND_JSON, /* json_t *, borrowed reference owned by the arena */
};

enum field_need { OPTIONAL, REQUIRED };

struct record {
    const char *name;
    size_t size;
    const struct field *fields;
};

struct field {
    const char *name; /* the JSON member; NULL ends the table */
    enum field_type type;
    enum field_need need;
    size_t offset, count_offset;
    double minimum, maximum;         /* of a number; longest text in bytes; most items of a list */
    bool (*valid)(const char *text); /* grammar of a text, may be NULL */
    const char *const *names;        /* of an enum, NULL-terminated, index is the value */
    const struct record *record;
    const char *help;
};

#define FIELD_TEXT(owner, member, json, need_, longest, valid_, help_)                               \
    {                                                                                                \
        .name = (json), .type = FIELD_KIND_TEXT, .need = (need_), .offset = offsetof(owner, member), \
        .maximum = (longest), .valid = (valid_), .help = (help_)                                     \
    }
#define FIELD_INTEGER(owner, member, json, need_, low, high, help_)                                     \
    {                                                                                                   \
        .name = (json), .type = FIELD_KIND_INTEGER, .need = (need_), .offset = offsetof(owner, member), \
        .minimum = (low), .maximum = (high), .help = (help_)                                            \
    }
#define FIELD_NUMBER(owner, member, json, need_, low, high, help_)                                     \
    {                                                                                                  \
        .name = (json), .type = FIELD_KIND_NUMBER, .need = (need_), .offset = offsetof(owner, member), \
        .minimum = (low), .maximum = (high), .help = (help_)                                           \
    }
#define FIELD_BOOL(owner, member, json, need_, help_)                                                \
    {                                                                                                \
        .name = (json), .type = FIELD_KIND_BOOL, .need = (need_), .offset = offsetof(owner, member), \
        .help = (help_)                                                                              \
    }
#define FIELD_ENUM(owner, member, json, need_, names_, help_)                                        \
    {                                                                                                \
        .name = (json), .type = FIELD_KIND_ENUM, .need = (need_), .offset = offsetof(owner, member), \
        .names = (names_), .help = (help_)                                                           \
    }
#define FIELD_RECORD(owner, member, json, need_, record_, help_)                                       \
    {                                                                                                  \
        .name = (json), .type = FIELD_KIND_RECORD, .need = (need_), .offset = offsetof(owner, member), \
        .record = (record_), .help = (help_)                                                           \
    }
#define FIELD_LIST(owner, member, count_member, json, need_, most, record_, help_)                   \
    {                                                                                                \
        .name = (json), .type = FIELD_KIND_LIST, .need = (need_), .offset = offsetof(owner, member), \
        .count_offset = offsetof(owner, count_member), .maximum = (most), .record = (record_),       \
        .help = (help_)                                                                              \
    }
#define FIELD_JSON(owner, member, json, need_, help_)                                                \
    {                                                                                                \
        .name = (json), .type = FIELD_KIND_JSON, .need = (need_), .offset = offsetof(owner, member), \
        .help = (help_)                                                                              \
    }
#define FIELD_END    \
    {                \
        .name = NULL \
    }

extern const struct record text_record; /* marks a FIELD_LIST of char * */

/* Parses hostile text: duplicate members, depth over 64, bad UTF-8 and trailing bytes are refused.
 * The value's reference is released with the arena. */
int json_parse(struct arena *arena, const char *text, size_t length, json_t **value, struct error *err);
/* Compact text, members in insertion order; in the arena. */
char *json_text(struct arena *arena, const json_t *value);
char *json_pretty(struct arena *arena, const json_t *value);
/* A member's text, or NULL when absent or not a string. */
const char *json_member_text(const json_t *object, const char *name);

/* Absent optional members leave the object as it is: begin with {0}, or with what they shall default to. */
int record_read(const struct record *record, struct arena *arena, json_t *json, void *object,
                struct error *err);
int record_parse(const struct record *record, struct arena *arena, const char *text, size_t length,
                 void *object, struct error *err);
json_t *record_write(const struct record *record, const void *object); /* a new reference, never NULL */
char *record_text(const struct record *record, struct arena *arena, const void *object);
/* The same text, appended, and several times as fast. */
void record_append(const struct record *record, const void *object, struct buffer *out);

/* A deep copy in one block that the caller frees, for what is kept long; the object is `before` bytes (a
 * multiple of 16) into it. JSON members are shared, not copied: record_copy_release lets go of them before the
 * block is freed. */
void *record_copy(const struct record *record, const void *object, size_t before);
void record_copy_release(const struct record *record, const void *object);

#endif
