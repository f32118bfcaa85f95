/* The account itself: its alias, its summary, and what nobody in it has here. */
#include "localaws/iam/iam.h"

#include "base/text.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"

#include <string.h>

int create_account_alias(struct call *call, struct error *err)
{
    const char *alias;
    if (iam_authorize(call, "*", err) < 0 || call_required(call, "AccountAlias", &alias, err) < 0)
        return -1;
    size_t length = strlen(alias);
    if (length < 3 || length > 63 || !text_only(alias, "a-z0-9-") || *alias == '-' ||
        alias[length - 1] == '-' || strstr(alias, "--"))
        return call_fail(call, err, 400, "ValidationError",
                         "AccountAlias must be 3 to 63 small letters, digits and single dashes");
    for (struct account *account = call->region->accounts; account; account = account->next)
        if (text_equal(iam_of(account)->alias, alias) && account != call->account)
            return call_fail(call, err, 409, "EntityAlreadyExists", "The account alias %s already exists.",
                             alias);
    text_replace(&iam_of(call->account)->alias, alias);
    region_changed(call->region);
    return 0;
}

int delete_account_alias(struct call *call, struct error *err)
{
    const char *alias;
    if (iam_authorize(call, "*", err) < 0 || call_required(call, "AccountAlias", &alias, err) < 0)
        return -1;
    struct iam *iam = iam_of(call->account);
    if (!text_equal(iam->alias, alias))
        return call_fail(call, err, 404, "NoSuchEntity", "The account alias %.100s cannot be found.", alias);
    text_replace(&iam->alias, NULL);
    region_changed(call->region);
    return 0;
}

int list_account_aliases(struct call *call, struct error *err)
{
    struct iam_list list;
    const char *alias = iam_of(call->account)->alias;
    if (iam_authorize(call, "*", err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    if (alias)
        iam_list_add(&list, alias, alias);
    iam_list_put(&list, "AccountAliases", put_name);
    return 0;
}

int get_account_summary(struct call *call, struct error *err)
{
    const struct iam *iam = iam_of(call->account);
    if (iam_authorize(call, "*", err) < 0)
        return -1;
    const struct {
        const char *key;
        size_t value;
    } entries[] = {
        {"Users", iam->users.count},
        {"Groups", iam->groups.count},
        {"Policies", iam->policies.count},
        {"MFADevices", 0},
        {"AccountMFAEnabled", 0},
        {"AccountAccessKeysPresent", 1},
        {"UsersQuota", 5000},
        {"GroupsQuota", 300},
        {"PoliciesQuota", 1500},
        {"GroupsPerUserQuota", 10},
        {"AttachedPoliciesPerUserQuota", 10},
        {"AttachedPoliciesPerGroupQuota", 10},
        {"AttachedPoliciesPerRoleQuota", 10},
        {"AccessKeysPerUserQuota", 2},
        {"VersionsPerPolicyQuota", 5},
        {"PolicySizeQuota", 6144},
        {"UserPolicySizeQuota", 2048},
        {"GroupPolicySizeQuota", 5120},
    };
    put_open(&call->answer, "SummaryMap");
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        put_open(&call->answer, "entry");
        put_text(&call->answer, "key", entries[i].key);
        put_number(&call->answer, "value", (int64_t)entries[i].value);
        put_close(&call->answer, "entry");
    }
    put_close(&call->answer, "SummaryMap");
    return 0;
}

/* Nobody has passwords, devices, certificates or keys of other kinds here. Terraform asks before it deletes a
 * user. */
static int list_none(struct call *call, const char *element, struct error *err)
{
    struct principal *user;
    struct iam_list list;
    if (iam_target_user(call, &user, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    iam_list_put(&list, element, put_name);
    return 0;
}

int list_mfa_devices(struct call *call, struct error *err)
{
    return list_none(call, "MFADevices", err);
}

int list_virtual_mfa_devices(struct call *call, struct error *err)
{
    struct iam_list list;
    if (iam_authorize(call, "*", err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    iam_list_put(&list, "VirtualMFADevices", put_name);
    return 0;
}

int list_ssh_public_keys(struct call *call, struct error *err)
{
    return list_none(call, "SSHPublicKeys", err);
}

int list_signing_certificates(struct call *call, struct error *err)
{
    return list_none(call, "Certificates", err);
}

int list_service_specific_credentials(struct call *call, struct error *err)
{
    return list_none(call, "ServiceSpecificCredentials", err);
}

int get_login_profile(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    return call_fail(call, err, 404, "NoSuchEntity", "Login Profile for User %s cannot be found.",
                     user->name);
}

int delete_login_profile(struct call *call, struct error *err)
{
    return get_login_profile(call, err);
}

int get_account_password_policy(struct call *call, struct error *err)
{
    if (iam_authorize(call, "*", err) < 0)
        return -1;
    return call_fail(call, err, 404, "NoSuchEntity",
                     "The Password Policy with domain name %s cannot be found.", call->account->id);
}
