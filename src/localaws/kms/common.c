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
    const char *name;
    if (kms_required(call, "KeyId", &name, err) < 0)
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
