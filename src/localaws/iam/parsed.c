/* Policies that come as text with every call (of buckets, of sessions) are parsed once and kept by their
 * text. */
#include "localaws/iam/iam.h"
#include "localaws/iam/permission.h"

#include <string.h>

enum { KEPT_MOST = 512 };

static char *key_of(struct arena *arena, const char *text, enum policy_kind kind)
{
    return arena_format(arena, "%d%s", (int)kind, text);
}

void parsed_begin(struct region *region)
{
    struct table *kept = &iam_region_of(region)->parsed;
    if (kept->count <= KEPT_MOST)
        return;
    struct parsed_policy *parsed;
    for (size_t at = 0; (parsed = table_next(kept, &at));) {
        parsed_policy_clear(parsed);
        free(parsed);
    }
    table_free(kept);
    *kept = (struct table){0};
}

const struct policy *parsed_find(struct region *region, const char *text, enum policy_kind kind)
{
    cleanup(arena_free) struct arena *scratch = arena_new();
    struct table *kept = &iam_region_of(region)->parsed;
    const char *key = key_of(scratch, text, kind);
    struct parsed_policy *parsed = table_get(kept, key);
    if (parsed)
        return parsed->policy;
    struct parsed_policy fresh = {0};
    if (parsed_policy_set(&fresh, text, kind, NULL) < 0)
        return NULL;
    parsed = memory_alloc(sizeof *parsed);
    *parsed = fresh;
    table_put(kept, key, parsed);
    return parsed->policy;
}
