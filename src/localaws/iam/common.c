#include "localaws/iam/iam.h"

#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

#include <string.h>

enum { TRUST_LARGEST = 2048, TAGS_MOST = 50 };

int iam_name_new(struct call *call, const struct iam_naming *naming, struct iam_names *names,
                 struct error *err)
{
    const char *name = call_parameter(call, "%s", naming->parameter), *path = call_parameter(call, "Path");
    if (text_empty(name) || strlen(name) > naming->longest || !text_only(name, "A-Za-z0-9_+=,.@-"))
        return call_fail(call, err, 400, "ValidationError",
                         "%s must be 1 to %zu characters of letters, digits and +=,.@-_", naming->parameter,
                         naming->longest);
    if (text_empty(path))
        path = "/";
    if (*path != '/' || !text_ends(path, "/") || strlen(path) > 512 || !text_only(path, "!-~"))
        return call_fail(call, err, 400, "ValidationError", "Path must begin and end with a slash");
    *names = (struct iam_names){
        .name = arena_strdup(call->arena, name),
        .path = arena_strdup(call->arena, path),
        .id = key_new_id(call->arena, naming->id_prefix),
        .arn =
            arena_format(call->arena, "arn:aws:iam::%s:%s%s%s", call->account->id, naming->type, path, name),
    };
    return iam_authorize(call, names->arn, err);
}

/* What the request itself says that policies may ask about. */
static void add_parameters(struct context *context)
{
    static const struct {
        const char *parameter, *key;
    } keys[] = {{"PolicyArn", "iam:PolicyARN"}, {"AWSServiceName", "iam:AWSServiceName"}};
    struct call *call = context->call;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        context_add(context, keys[i].key, call_parameter(call, "%s", keys[i].parameter));
    const char *key;
    for (size_t i = 1; (key = call_parameter(call, "Tags.member.%zu.Key", i)); i++) {
        const char *value = call_parameter(call, "Tags.member.%zu.Value", i);
        context_add(context, arena_format(call->arena, "aws:RequestTag/%s", key), value ? value : "");
        context_add(context, "aws:TagKeys", key);
    }
    for (size_t i = 1; (key = call_parameter(call, "TagKeys.member.%zu", i)); i++)
        context_add(context, "aws:TagKeys", key);
}

int iam_authorize_tagged(struct call *call, const char *arn, const struct tag *tags, size_t count,
                         const char *boundary, struct error *err)
{
    const struct caller *caller = call->caller;
    if (caller->session_began_ms && caller->kind != CALLER_ROLE) /* IAM takes no such keys without a device */
        return call_fail(call, err, 403, "InvalidClientTokenId",
                         "The security token included in the request is invalid");
    struct context context = {.call = call};
    const char *asked = call_parameter(call, "PermissionsBoundary");
    context_add(&context, "iam:PermissionsBoundary", asked ? asked : boundary);
    add_parameters(&context);
    for (size_t i = 0; i < count; i++) {
        const char *value = tags[i].value ? tags[i].value : "";
        context_add(&context, arena_format(call->arena, "aws:ResourceTag/%s", tags[i].key), value);
        context_add(&context, arena_format(call->arena, "iam:ResourceTag/%s", tags[i].key), value);
    }
    return call_authorize(call, arena_format(call->arena, "iam:%s", call->action), arn, context.pairs, err);
}

int iam_authorize(struct call *call, const char *arn, struct error *err)
{
    return iam_authorize_tagged(call, arn, NULL, 0, NULL, err);
}

int iam_target_principal(struct call *call, const struct iam_target *target, const char *name,
                         struct principal **principal, struct error *err)
{
    struct principal *found = table_get(target->table(iam_of(call->account)), name);
    const char *arn =
        found ? found->arn
              : arena_format(call->arena, "arn:aws:iam::%s:%s/%s", call->account->id, target->type, name);
    const struct principal nothing = {0}, *known = found ? found : &nothing;
    if (iam_authorize_tagged(call, arn, known->tags, known->tag_count, known->boundary, err) < 0)
        return -1;
    if (!found)
        return call_fail(call, err, 404, "NoSuchEntity", "The %s with name %.200s cannot be found.",
                         target->type, name);
    *principal = found;
    return 0;
}

int iam_document(struct call *call, const char *parameter, enum policy_kind kind, const char **text,
                 struct error *err)
{
    struct policy *policy;
    struct error why = {0};
    if (call_required(call, parameter, text, err) < 0)
        return -1;
    if (policy_parse(call->arena, *text, kind, &policy, &why) < 0)
        return call_fail(call, err, why.kind == ERROR_CONFLICT ? 409 : 400, why.code, "%s", why.message);
    if (kind == POLICY_TRUST && policy_size(*text) > TRUST_LARGEST)
        return call_fail(call, err, 409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: %d",
                         TRUST_LARGEST);
    return 0;
}

void put_tag_members(struct buffer *out, const struct tag *tags, size_t count)
{
    put_open(out, "Tags");
    for (size_t i = 0; i < count; i++) {
        put_open(out, "member");
        put_text(out, "Key", tags[i].key);
        put_text(out, "Value", tags[i].value ? tags[i].value : "");
        put_close(out, "member");
    }
    put_close(out, "Tags");
}

void put_document(struct call *call, const char *name, const char *document)
{
    put_text(&call->answer, name, percent_encode(call->arena, document, false));
}

static bool has_tag(const struct tag *tags, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(tags[i].key, key))
            return true;
    return false;
}

int iam_tag(struct call *call, struct tag **tags, size_t *count, struct error *err)
{
    struct tag *given;
    size_t given_count;
    if (call_tag_list(call, "Tags.member", &given, &given_count, err) < 0)
        return -1;
    size_t fresh = 0;
    for (size_t i = 0; i < given_count; i++)
        fresh += !has_tag(*tags, *count, given[i].key);
    if (*count + fresh > TAGS_MOST)
        return call_fail(call, err, 409, "LimitExceeded",
                         "The number of tags has reached the maximum limit.");
    for (size_t i = 0; i < given_count; i++) {
        size_t at = 0;
        while (at < *count && !text_equal((*tags)[at].key, given[i].key))
            at++;
        struct tag *tag = at < *count ? &(*tags)[at] : list_add(tags, count, sizeof **tags);
        text_replace(&tag->key, given[i].key);
        text_replace(&tag->value, given[i].value);
    }
    return 0;
}

void iam_untag(struct call *call, struct tag **tags, size_t *count)
{
    const char **keys = call_list(call, "TagKeys.member", NULL);
    for (size_t i = 0; keys[i]; i++)
        for (size_t at = *count; at-- > 0;)
            if (text_equal((*tags)[at].key, keys[i]))
                list_remove(&tag_record, tags, count, at);
}
