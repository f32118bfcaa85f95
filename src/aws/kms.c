#include "aws/kms.h"

#include "base/record.h"
#include "base/text.h"

int kms_describe_key(struct aws_client *client, struct arena *arena, const char *id_or_alias,
                     struct kms_key *key, struct error *err)
{
    json_t *body = json_pack("{s:s}", "KeyId", id_or_alias), *answer;
    int result = aws_json_call(client, "kms", "TrentService.DescribeKey", body, arena, &answer, err);
    json_decref(body);
    if (result < 0)
        return error_context(err, "key %s", id_or_alias);
    const json_t *found = json_object_get(answer, "KeyMetadata");
    *key = (struct kms_key){
        .id = json_member_text(found, "KeyId"),
        .arn = json_member_text(found, "Arn"),
        .state = json_member_text(found, "KeyState"),
    };
    if (text_empty(key->id) || text_empty(key->arn) || text_empty(key->state))
        return error_set(err, ERROR_UNAVAILABLE, "kms DescribeKey: the answer describes no key");
    key->enabled = text_equal(key->state, "Enabled");
    return 0;
}
