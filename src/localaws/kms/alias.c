/* Aliases. Who makes or moves one needs to be allowed both on the alias and on its key. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { LONGEST_ALIAS = 256 };

static char *alias_arn(struct call *call, const char *name)
{
    return arena_format(call->arena, "arn:aws:kms:%s:%s:%s", call->region->name, call->account->id, name);
}

static int alias_named(struct call *call, const char **name, struct error *err)
{
    if (kms_required(call, "AliasName", name, err) < 0)
        return -1;
    if (!text_starts(*name, "alias/") || text_starts(*name, "alias/aws/") || strlen(*name) > LONGEST_ALIAS ||
        !(*name)[6] || !text_only(*name, "a-zA-Z0-9:/_-"))
        return call_fail(call, err, 400, "ValidationException",
                         "AliasName begins with alias/ (not alias/aws/) and holds letters, digits, :/_-");
    return call_authorize(call, arena_format(call->arena, "kms:%s", call->action), alias_arn(call, *name),
                          NULL, err);
}

/* TargetKeyId's key, of the caller's own account. */
static int alias_key(struct call *call, const char *name, struct kms_key **key, struct error *err)
{
    *key = kms_find(call->region, call->account, name);
    if (!*key || (*key)->account != call->account)
        return call_fail(call, err, 400, "NotFoundException", "Key '%.300s' does not exist", name);
    const struct kms_use use = {.region = call->region,
                                .caller = call->caller,
                                .operation = call->action,
                                .source_ip = http_request_address_text(call->request)};
    if (kms_permit(call->arena, &use, *key, err) == 0)
        return 0;
    call->status = 400;
    return -1;
}

int create_alias(struct call *call, struct error *err)
{
    const char *name, *target;
    struct kms_key *key;
    if (alias_named(call, &name, err) < 0 || kms_required(call, "TargetKeyId", &target, err) < 0 ||
        alias_key(call, target, &key, err) < 0)
        return -1;
    if (table_get(&kms_of(call->account)->aliases, name))
        return call_fail(call, err, 400, "AlreadyExistsException", "An alias with the name %s already exists",
                         alias_arn(call, name));
    if (key->state == KEY_PENDING_DELETION)
        return call_fail(call, err, 400, "KMSInvalidStateException", "%s is pending deletion.", key->arn);
    kms_alias_add(call->account,
                  &(struct kms_alias){.name = (char *)name, .key_id = key->id, .created_ms = clock_now_ms()});
    region_changed(call->region);
    return 0;
}

static int existing(struct call *call, const char **name, struct kms_alias **alias, struct error *err)
{
    if (alias_named(call, name, err) < 0)
        return -1;
    *alias = table_get(&kms_of(call->account)->aliases, *name);
    return *alias ? 0
                  : call_fail(call, err, 400, "NotFoundException", "Alias %s is not found.",
                              alias_arn(call, *name));
}

int update_alias(struct call *call, struct error *err)
{
    const char *name, *target;
    struct kms_alias *alias;
    struct kms_key *key, *before;
    if (existing(call, &name, &alias, err) < 0 || kms_required(call, "TargetKeyId", &target, err) < 0 ||
        alias_key(call, alias->key_id, &before, err) < 0 || alias_key(call, target, &key, err) < 0)
        return -1;
    text_replace(&alias->key_id, key->id);
    region_changed(call->region);
    return 0;
}

int delete_alias(struct call *call, struct error *err)
{
    const char *name;
    struct kms_alias *alias;
    struct kms_key *key;
    if (existing(call, &name, &alias, err) < 0 || alias_key(call, alias->key_id, &key, err) < 0)
        return -1;
    kms_alias_remove(call->account, alias);
    region_changed(call->region);
    return 0;
}

int list_aliases(struct call *call, struct error *err)
{
    static const struct kms_list kind = {"Aliases", "AliasName", 50, 100};
    const char *wanted = kms_text(call, "KeyId");
    const struct kms_key *key = wanted ? kms_find(call->region, call->account, wanted) : NULL;
    if (wanted && !key)
        return call_fail(call, err, 400, "NotFoundException", "Key '%.300s' does not exist", wanted);
    json_t *list = json_array();
    const struct kms_alias *alias;
    for (size_t at = 0; (alias = table_next(&kms_of(call->account)->aliases, &at));) {
        if (key && !text_equal(alias->key_id, key->id))
            continue;
        double created = (double)alias->created_ms / 1000.0;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:f, s:f}", "AliasName", alias->name, "AliasArn",
                                        alias_arn(call, alias->name), "TargetKeyId", alias->key_id,
                                        "CreationDate", created, "LastUpdatedDate", created));
    }
    return kms_answer_page(call, &kind, list, err);
}
