/* Resources: what EC2 and ELB keep records of. Every kind (VPC, subnet, instance, load balancer, ...) is
 * described once, by a `struct kind`: how its ids look, how it is stored (a record's field table), how it is
 * found and filtered, how it is written. Finding, tagging, describing, saving and restoring are then the same
 * for all of them.
 *
 * A resource owns every text and list its field table names. Handlers fill a draft with texts of the call's
 * arena and resource_add makes the lasting copy. Whoever changes a member says so, with resource_changed or
 * region_changed, before the lock is let go: by that it is saved, and found by its new values. The region's
 * lock protects everything here. */
#ifndef LOCALAWS_RESOURCE_H
#define LOCALAWS_RESOURCE_H

#include "base/buffer.h"
#include "localaws/region.h"
#include "localaws/table.h"

struct tag {
    char *key, *value;
};

/* The start of every resource's struct. */
struct resource {
    const struct kind *kind;
    struct region *region;
    struct account *account;
    char *id; /* ELB's: the ARN */
    char *client_token;
    struct tag *tags;
    size_t tag_count;
    int64_t created_ms;
    struct resource *next, *previous; /* of the same kind and account, oldest first */

    int64_t sequence; /* later ones have greater ones: their order, and their key in the saved state */
    /* Not the handlers': what is still to be done about a change (filing.h), and where the indexes have it
     * (index.h). */
    enum filing { FILING_NONE, FILING_TOUCHED, FILING_UNSAVED } filing;
    bool unsaved;
    uint64_t digest; /* of its record when it was last filed */
    struct resource *filing_next, **filing_link;
    struct bucket **places;
    size_t place_count;
};

extern const struct record tag_record;

#define RESOURCE_FIELDS(owner)                                                                           \
    FIELD_TEXT(owner, resource.id, "id", REQUIRED, 512, NULL, "its identifier"),                         \
        FIELD_TEXT(owner, resource.client_token, "clientToken", OPTIONAL, 256, NULL,                     \
                   "makes creating idempotent"),                                                         \
        FIELD_LIST(owner, resource.tags, resource.tag_count, "tags", OPTIONAL, 64, &tag_record, "tags"), \
        FIELD_INTEGER(owner, resource.created_ms, "created", OPTIONAL, 0, 9e15, "when, ms since the epoch")

/* A filter of a Describe call: a text or bool member at an offset, a function that lists the values a
 * resource has, or one that decides by itself, which no index can help. */
struct wanted;                                             /* the values a filter was given, with * and ? */
struct values;                                             /* those a resource has */
void values_add(struct values *values, const char *value); /* copied; NULL adds nothing */
struct filter {
    const char *name; /* NULL ends the table */
    enum filter_of { FILTER_OF_TEXT, FILTER_OF_BOOL, FILTER_OF_EACH, FILTER_OF_CALL } of;
    size_t offset;
    void (*each)(const struct resource *resource, struct values *values);
    bool (*matches)(const struct resource *resource, const struct wanted *wanted);
};
#define FILTER_TEXT(name_, owner, member)                                        \
    {                                                                            \
        .name = (name_), .of = FILTER_OF_TEXT, .offset = offsetof(owner, member) \
    }
#define FILTER_BOOL(name_, owner, member)                                        \
    {                                                                            \
        .name = (name_), .of = FILTER_OF_BOOL, .offset = offsetof(owner, member) \
    }
#define FILTER_EACH(name_, function)                              \
    {                                                             \
        .name = (name_), .of = FILTER_OF_EACH, .each = (function) \
    }
#define FILTER_CALL(name_, function)                                 \
    {                                                                \
        .name = (name_), .of = FILTER_OF_CALL, .matches = (function) \
    }
#define FILTER_END   \
    {                \
        .name = NULL \
    }

struct context;

struct kind {
    unsigned number;       /* place among an account's lists */
    const char *type;      /* "network-acl": in ARNs, TagSpecification and DescribeTags */
    const char *prefix;    /* of its ids: "acl" */
    const char *parameter; /* that names it: "NetworkAclId" */
    const char *missing;   /* error code: "InvalidNetworkAclID.NotFound" */
    const char *set;       /* element around the items of a Describe answer: "networkAclSet" */
    const struct record *record;
    const struct filter *filters;
    void (*write)(struct buffer *out, const struct resource *resource); /* the inside of an item */
    void (*context)(struct context *context,
                    const struct resource *resource);                  /* condition keys; may be NULL */
    void (*added)(struct region *region, struct resource *resource);   /* other indexes; may be NULL */
    void (*removed)(struct region *region, struct resource *resource); /* may be NULL */
    /* The resource whose filters look at this one too (an interface's instance); NULL: none. */
    struct resource *(*part_of)(const struct resource *resource);
    /* There are many: whoever changes one says so with resource_changed. When one of another kind comes or
     * goes, everything of its account is looked at once for what changed with it. */
    bool numerous;
};

enum { KINDS = 48 };

struct resource_list {
    struct resource *first, *last;
    size_t count;
    struct index *indexes; /* index.h */
};

/* Region-wide: what is looked up without knowing the account. */
struct registry {
    struct table by_id, by_token;
    struct table by_address; /* "vpc-1 10.0.0.4": interfaces */
    struct table role_keys;  /* of instances, as the metadata service gave them last */
    struct filings {         /* filing.h */
        struct resource *touched, *unsaved;
        bool unknown;     /* something changed, and nobody said what */
        int64_t *removed; /* saved ones that are gone, by their sequence */
        size_t removed_count, removed_room;
    } filings;
    int64_t last_sequence;
};
struct registry *registry_of(struct region *region);

struct resource_list *resources_of(struct account *account, const struct kind *kind);
#define for_each_resource(type_, item, account, kind)                                 \
    for (type_ *item = (type_ *)(void *)resources_of((account), (kind))->first; item; \
         item = (type_ *)(void *)((struct resource *)(void *)item)->next)

/* Copies the draft (a whole struct of kind->record->size) to last; gives it an id when it has none. */
void *resource_add(struct region *region, struct account *account, const struct kind *kind,
                   const void *draft);
void resource_remove(struct region *region, struct resource *resource);
void resource_changed(struct resource *resource);

/* Of the account; NULL when there is none (or the id is NULL). */
void *resource_find(struct region *region, struct account *account, const struct kind *kind, const char *id);
/* Of whatever account. */
struct resource *resource_anywhere(struct region *region, const struct kind *kind, const char *id);
/* What an earlier call with this client token made, or NULL. */
void *resource_by_token(struct region *region, struct account *account, const struct kind *kind,
                        const char *token);
const char *resource_arn(struct region *region, struct arena *arena, const struct resource *resource);

const char *resource_tag(const struct resource *resource, const char *key); /* value, or NULL */
/* The same, of whatever has tags. */
void tags_set(struct tag **tags, size_t *count, const char *key, const char *value);
void tags_remove(struct tag **tags, size_t *count, const char *key, const char *value);
void resource_set_tag(struct resource *resource, const char *key, const char *value);
void resource_remove_tag(struct resource *resource, const char *key, const char *value); /* value NULL: any */

/* One as it was saved: the text of its record. */
int resource_restore(struct region *region, struct account *account, const struct kind *kind,
                     int64_t sequence, const char *text, size_t length, struct error *err);

/* Owned members. */
void text_replace(char **text, const char *value);
/* Makes room for one more, zeroed, and returns it. `items` points to the array's pointer. */
void *list_add(void *items, size_t *count, size_t size);
/* Frees what item `at` owns and closes the gap. `record` describes an item; &text_record for texts. */
void list_remove(const struct record *record, void *items, size_t *count, size_t at);
void list_clear(const struct record *record, void *items, size_t *count);
void list_add_text(char ***items, size_t *count, const char *text);
bool list_has_text(char *const *items, size_t count, const char *text);

#endif
