#include "localaws/iam/encoded.h"

#include "base/random.h"
#include "base/text.h"

#include <string.h>

enum { REMEMBERED_MOST = 1000, TEXT_BYTES = 48 };

static json_t *items_of(json_t *list)
{
    return json_pack("{s:o}", "items", list);
}

static json_t *conditions_of(const struct policy_request *request)
{
    json_t *list = json_array();
    for (size_t i = 0; i < request->context_count; i++) {
        json_t *values = json_array();
        json_array_append_new(values, json_pack("{s:s}", "value", request->context[i].value));
        json_array_append_new(
            list, json_pack("{s:s, s:o}", "key", request->context[i].key, "values", items_of(values)));
    }
    return items_of(list);
}

static json_t *statements_of(const struct decision *decision)
{
    json_t *list = json_array();
    if (decision->match.policy) {
        const char *sid = policy_statement_sid(decision->match.policy, decision->match.statement);
        json_array_append_new(list, json_pack("{s:s, s:s}", "statementId", sid ? sid : "", "effect", "DENY"));
    }
    return items_of(list);
}

static char *describe(struct arena *arena, const struct policy_request *request, const struct caller *caller,
                      const struct decision *decision)
{
    json_t *context = json_pack("{s:{s:s, s:s}, s:s, s:s, s:o}", "principal", "id", caller->user_id, "arn",
                                caller->arn, "action", request->action, "resource", request->resource,
                                "conditions", conditions_of(request));
    json_t *message =
        json_pack("{s:b, s:b, s:s, s:o, s:o, s:o}", "allowed", false, "explicitDeny", decision->explicitly,
                  "decidedBy", policy_source_name(decision->source, RESOURCE_MAY), "matchedStatements",
                  statements_of(decision), "failures", items_of(json_array()), "context", context);
    char *text = json_text(arena, message);
    json_decref(message);
    return text;
}

/* Of AWS's alphabet: without '+', '/' and '='. */
static char *new_text(struct arena *arena)
{
    unsigned char bytes[TEXT_BYTES];
    random_bytes(bytes, sizeof bytes);
    char *text = base64_encode(arena, bytes, sizeof bytes);
    for (char *at = text; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    return text;
}

char *refusal_encode(struct region *region, struct arena *arena, const struct policy_request *request,
                     const struct caller *caller, const struct decision *decision)
{
    struct table *refusals = &iam_region_of(region)->refusals;
    char *text = new_text(arena);
    size_t at = 0;
    char *oldest = refusals->count >= REMEMBERED_MOST ? table_next(refusals, &at) : NULL;
    if (oldest) {
        cleanup(memory_free) char *key = memory_strdup(refusals->entries[at - 1].key);
        table_remove(refusals, key);
        free(oldest);
    }
    table_put(refusals, text, memory_strdup(describe(arena, request, caller, decision)));
    return text;
}

char *refusal_decode(struct region *region, struct arena *arena, const char *text)
{
    return arena_strdup(arena, table_get(&iam_region_of(region)->refusals, text));
}
