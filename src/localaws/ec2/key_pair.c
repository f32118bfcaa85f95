/* Key pairs: public keys by name, for the metadata of instances launched with them. The private half of one
 * made here is in the answer and nowhere else. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/ssh_key.h"

#include "base/text.h"

#include <string.h>

static const struct field key_pair_fields[] = {
    RESOURCE_FIELDS(struct key_pair),
    FIELD_TEXT(struct key_pair, name, "name", REQUIRED, 255, NULL, "what RunInstances calls it"),
    FIELD_TEXT(struct key_pair, type, "type", REQUIRED, 16, NULL, "rsa, ed25519"),
    FIELD_TEXT(struct key_pair, fingerprint, "fingerprint", REQUIRED, 128, NULL, "as EC2 shows it"),
    FIELD_TEXT(struct key_pair, public_key, "publicKey", REQUIRED, SSH_KEY_LONGEST, NULL,
               "as OpenSSH has it"),
    FIELD_END,
};
static const struct record key_pair_record = {"keyPair", sizeof(struct key_pair), key_pair_fields};

static const struct filter key_pair_filters[] = {
    FILTER_TEXT("key-pair-id", struct key_pair, resource.id),
    FILTER_TEXT("key-name", struct key_pair, name),
    FILTER_TEXT("fingerprint", struct key_pair, fingerprint),
    FILTER_END,
};

static void key_pair_write(struct buffer *out, const struct resource *resource)
{
    const struct key_pair *pair = (const struct key_pair *)(const void *)resource;
    put_text(out, "keyPairId", resource->id);
    put_text(out, "keyName", pair->name);
    put_text(out, "keyType", pair->type);
    put_text(out, "keyFingerprint", pair->fingerprint);
    put_time(out, "createTime", resource->created_ms);
    put_tags(out, resource);
}

static void key_pair_context(struct context *context, const struct resource *resource)
{
    const struct key_pair *pair = (const struct key_pair *)(const void *)resource;
    context_add(context, "ec2:KeyPairName", pair->name);
    context_add(context, "ec2:KeyPairType", pair->type);
}

const struct kind key_pair_kind = {
    .number = KIND_KEY_PAIR,
    .type = "key-pair",
    .prefix = "key",
    .parameter = "KeyPairId",
    .missing = "InvalidKeyPair.NotFound",
    .set = "keySet",
    .record = &key_pair_record,
    .filters = key_pair_filters,
    .write = key_pair_write,
    .context = key_pair_context,
};

struct key_pair *key_pair_find(struct account *account, const char *name)
{
    for_each_resource(struct key_pair, pair, account, &key_pair_kind)
        if (text_equal(pair->name, name))
            return pair;
    return NULL;
}

static int missing(struct call *call, const char *name, struct error *err)
{
    return call_fail(call, err, 400, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name);
}

/* Policies know a key pair by its name. */
static int authorize(struct call *call, const struct key_pair *pair, struct error *err)
{
    struct context context = context_new(call);
    if (pair->resource.id)
        context_add_resource(&context, &pair->resource);
    else
        key_pair_context(&context, &pair->resource);
    context_add_request_tags(&context, pair->resource.tags, pair->resource.id ? 0 : pair->resource.tag_count);
    return call_authorize(call, arena_format(call->arena, "ec2:%s", call->action),
                          context_arn(&context, "key-pair", pair->name), context.pairs, err);
}

int key_pair_authorize(struct call *call, const char *name, struct error *err)
{
    const struct key_pair *pair = key_pair_find(call->account, name);
    return pair ? authorize(call, pair, err) : missing(call, name, err);
}

static int take_name(struct call *call, struct key_pair *draft, struct error *err)
{
    const char *name;
    if (call_required(call, "KeyName", &name, err) < 0 ||
        call_tags(call, "key-pair", &draft->resource, err) < 0)
        return -1;
    draft->name = arena_strdup(call->arena, name);
    if (strlen(name) > 255 || !text_only(name, " -~"))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "A key pair's name has at most 255 ASCII characters");
    if (key_pair_find(call->account, name))
        return call_fail(call, err, 400, "InvalidKeyPair.Duplicate", "The key pair '%s' already exists",
                         name);
    return 0;
}

static int add(struct call *call, struct key_pair *draft, const struct ssh_key *key, struct key_pair **pair,
               struct error *err)
{
    draft->type = arena_strdup(call->arena, key->type);
    draft->fingerprint = key->fingerprint;
    draft->public_key = key->line;
    if (authorize(call, draft, err) < 0 ||
        tagging_authorize(call, &key_pair_kind, draft->resource.tags, draft->resource.tag_count, err) < 0 ||
        draft_check(call, &key_pair_record, draft, err) < 0 || call_dry_run(call, err) < 0)
        return -1;
    *pair = resource_add(call->region, call->account, &key_pair_kind, draft);
    put_text(&call->answer, "keyPairId", (*pair)->resource.id);
    put_text(&call->answer, "keyName", (*pair)->name);
    put_text(&call->answer, "keyFingerprint", (*pair)->fingerprint);
    put_tags(&call->answer, &(*pair)->resource);
    return 0;
}

/* Making a key takes a tenth of a second: the lock is given back meanwhile, before anything was looked at. */
static int make_unlocked(struct call *call, bool ed25519, struct ssh_key *key, char **pem, struct error *err)
{
    struct region *region = call->region;
    region_unlock(&region);
    int result = ssh_key_make(call->arena, ed25519, key, pem, err);
    region_lock(call->region);
    return result;
}

int key_pair_create(struct call *call, struct error *err)
{
    const char *type = call_parameter(call, "KeyType"), *format = call_parameter(call, "KeyFormat");
    struct key_pair draft = {0}, *pair;
    struct ssh_key key;
    char *pem;
    if (type && !text_equal(type, "rsa") && !text_equal(type, "ed25519"))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter keyType is invalid", type);
    if (format && !text_equal(format, "pem"))
        return call_fail(call, err, 400, "UnsupportedOperation", "Keys are given in the format 'pem' here");
    if (make_unlocked(call, text_equal(type, "ed25519"), &key, &pem, err) < 0 ||
        take_name(call, &draft, err) < 0 || add(call, &draft, &key, &pair, err) < 0)
        return -1;
    put_text(&call->answer, "keyMaterial", pem);
    return 0;
}

int key_pair_import(struct call *call, struct error *err)
{
    struct key_pair draft = {0}, *pair;
    struct ssh_key key;
    const char *base64;
    unsigned char *text;
    size_t length;
    if (call_required(call, "PublicKeyMaterial", &base64, err) < 0 || take_name(call, &draft, err) < 0)
        return -1;
    if (base64_decode(call->arena, base64, &text, &length, NULL) < 0 ||
        strlen((const char *)text) != length ||
        ssh_key_parse(call->arena, (const char *)text, &key, NULL) < 0)
        return call_fail(call, err, 400, "InvalidKey.Format",
                         "Key is not in valid OpenSSH public key format");
    return add(call, &draft, &key, &pair, err);
}

int key_pair_delete(struct call *call, struct error *err)
{
    const char *id = call_parameter(call, "KeyPairId"), *name = call_parameter(call, "KeyName");
    if (!id && !name)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter KeyName or KeyPairId");
    struct key_pair *pair = id ? resource_find(call->region, call->account, &key_pair_kind, id)
                               : key_pair_find(call->account, name);
    if (!pair && id)
        return missing(call, id, err);
    if (pair && (authorize(call, pair, err) < 0 || call_dry_run(call, err) < 0))
        return -1;
    put_true(call); /* also for a name that nobody has */
    if (!pair)
        return 0;
    put_text(&call->answer, "keyPairId", pair->resource.id);
    resource_remove(call->region, &pair->resource);
    return 0;
}

static bool name_asked(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (text_equal(*names, name))
            return true;
    return false;
}

int key_pair_describe(struct call *call, struct error *err)
{
    struct selection selection;
    size_t count;
    const char **names = call_list(call, "KeyName", &count);
    bool with_key = call_true(call, "IncludePublicKey");
    for (size_t i = 0; i < count; i++)
        if (!key_pair_find(call->account, names[i]))
            return missing(call, names[i], err);
    if (resource_select(call, &key_pair_kind, &selection, err) < 0)
        return -1;
    put_open(&call->answer, "keySet");
    for (size_t i = 0; i < selection.count; i++) {
        const struct key_pair *pair = (const struct key_pair *)(const void *)selection.items[i];
        if (count && !name_asked(names, pair->name))
            continue;
        put_open(&call->answer, "item");
        key_pair_write(&call->answer, selection.items[i]);
        put_text(&call->answer, "publicKey",
                 with_key ? arena_format(call->arena, "%s %s", pair->public_key, pair->name) : NULL);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "keySet");
    return 0;
}
