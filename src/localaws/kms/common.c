#include "localaws/kms/kms.h"

#include "base/text.h"

#include <string.h>

enum { TAGS_MOST = 50 };

const char *kms_text(struct call *call, const char *member)
{
    return json_member_text(call->json, member);
}

int kms_required(struct call *call, const char *member, const char **text, struct error *err)
{
    *text = kms_text(call, member);
    if (text_empty(*text))
        return call_fail(call, err, 400, "ValidationException", "%s is required", member);
    return 0;
}

int kms_target(struct call *call, struct kms_key **key, struct error *err)
{
    return kms_target_by(call, key, NULL, err);
}

/* Texts of an array of the request, up to a few; NULL ends them. */
static const char *const *condition_pairs(struct call *call)
{
    static const struct {
        const char *member, *condition;
    } texts[] = {{"GranteePrincipal", "kms:GranteePrincipal"}, {"RetiringPrincipal", "kms:RetiringPrincipal"},
                 {"SigningAlgorithm", "kms:SigningAlgorithm"}, {"MessageType", "kms:MessageType"},
                 {"MacAlgorithm", "kms:MacAlgorithm"},         {"KeyPairSpec", "kms:DataKeyPairSpec"}};
    enum { OPERATIONS_MOST = 20 };
    const char **pairs =
        arena_alloc(call->arena, 2 * (COUNT_OF(texts) + OPERATIONS_MOST + 2) * sizeof *pairs);
    size_t count = 0, index;
    json_t *entry;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (kms_text(call, texts[i].member)) {
            pairs[count++] = texts[i].condition;
            pairs[count++] = kms_text(call, texts[i].member);
        }
    json_array_foreach(json_object_get(call->json, "Operations"), index, entry)
        if (json_is_string(entry) && index < OPERATIONS_MOST) {
            pairs[count++] = "kms:GrantOperations";
            pairs[count++] = json_string_value(entry);
        }
    const char *constraint =
        json_object_iter_key(json_object_iter(json_object_get(call->json, "Constraints")));
    if (constraint) {
        pairs[count++] = "kms:GrantConstraintType";
        pairs[count++] = constraint;
    }
    return pairs;
}

/* A token says that a grant is new, and would let it be used where it is not known yet. Here each is known at
 * once; but it must be one. */
static int check_tokens(struct call *call, struct error *err)
{
    json_t *list = json_object_get(call->json, "GrantTokens"), *token;
    size_t index;
    if (list && (!json_is_array(list) || json_array_size(list) > 10))
        return call_fail(call, err, 400, "ValidationException", "GrantTokens is a list of at most 10");
    json_array_foreach(list, index, token)
        if (!json_is_string(token) || json_string_length(token) == 0 || json_string_length(token) > 8192)
            return call_fail(call, err, 400, "InvalidGrantTokenException", "A grant token is not valid");
    return 0;
}

int kms_dry_run(struct call *call, struct error *err)
{
    if (!json_is_true(json_object_get(call->json, "DryRun")))
        return 0;
    return call_fail(call, err, 400, "DryRunOperationException",
                     "The request would have succeeded, but the DryRun option is set.");
}

int kms_target_by(struct call *call, struct kms_key **key, const struct kms_grant **grant, struct error *err)
{
    const char *name;
    if (kms_required(call, "KeyId", &name, err) < 0 || check_tokens(call, err) < 0)
        return -1;
    *key = kms_find(call->region, call->account, name);
    if (!*key)
        return call_fail(
            call, err, 400, "NotFoundException",
            text_starts(name, "alias/") ? "Alias %.300s is not found." : "Key '%.300s' does not exist", name);
    const struct kms_use use = {
        .region = call->region,
        .caller = call->caller,
        .operation = call->action,
        .source_ip = http_request_address_text(call->request),
        .named = name,
        .encryption_context = json_object_get(call->json, "EncryptionContext"),
        .more = condition_pairs(call),
        .grant = grant,
    };
    call_touched(call, (*key)->arn, (*key)->account->id);
    if (kms_permit(call->arena, &use, *key, err) < 0) {
        call->status = 400;
        return -1;
    }
    return 0;
}

void kms_answer(struct call *call, json_t *answer)
{
    buffer_text(&call->answer, json_text(call->arena, answer));
    json_decref(answer);
}

int kms_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err)
{
    json_t *list = json_object_get(call->json, "Tags"), *entry;
    size_t index;
    if (list && (!json_is_array(list) || json_array_size(list) > TAGS_MOST))
        return call_fail(call, err, 400, "TagException", "Tags is a list of at most %d", TAGS_MOST);
    *tags = arena_alloc(call->arena, (json_array_size(list) + 1) * sizeof **tags);
    *count = 0;
    json_array_foreach(list, index, entry) {
        const char *key = json_member_text(entry, "TagKey"), *value = json_member_text(entry, "TagValue");
        if (text_empty(key) || !value || strlen(key) > 128 || strlen(value) > 256)
            return call_fail(call, err, 400, "TagException",
                             "a tag has a TagKey of 1 to 128 and a TagValue of 0 to 256");
        (*tags)[(*count)++] = (struct tag){(char *)key, (char *)value};
    }
    return 0;
}

const char **kms_tag_context(struct call *call, const struct tag *tags, size_t count)
{
    const char **pairs = arena_alloc(call->arena, (4 * count + 1) * sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        pairs[4 * i] = arena_format(call->arena, "aws:RequestTag/%s", tags[i].key);
        pairs[4 * i + 1] = tags[i].value;
        pairs[4 * i + 2] = "aws:TagKeys";
        pairs[4 * i + 3] = tags[i].key;
    }
    return pairs;
}
