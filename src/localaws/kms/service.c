/* The list of KMS's actions. Those about a key are authorized by the key's policy. */
#include "localaws/kms/kms.h"

/* clang-format off */
static const struct action actions[] = {
    {"CancelKeyDeletion", cancel_key_deletion, .own_authorization = true},
    {"CreateAlias", create_alias, .own_authorization = true},
    {"CreateGrant", create_grant, .own_authorization = true},
    {"CreateKey", create_key, .own_authorization = true},
    {"Decrypt", decrypt, .own_authorization = true},
    {"DeleteAlias", delete_alias, .own_authorization = true},
    {"DescribeKey", describe_key, .own_authorization = true},
    {"DisableKey", disable_key, .own_authorization = true},
    {"DisableKeyRotation", disable_key_rotation, .own_authorization = true},
    {"EnableKey", enable_key, .own_authorization = true},
    {"EnableKeyRotation", enable_key_rotation, .own_authorization = true},
    {"Encrypt", encrypt, .own_authorization = true},
    {"GenerateDataKey", generate_data_key, .own_authorization = true},
    {"GenerateDataKeyWithoutPlaintext", generate_data_key_without_plaintext, .own_authorization = true},
    {"GenerateRandom", generate_random},
    {"GetKeyPolicy", get_key_policy, .own_authorization = true},
    {"GetKeyRotationStatus", get_key_rotation_status, .own_authorization = true},
    {"ListAliases", list_aliases},
    {"ListGrants", list_grants, .own_authorization = true},
    {"ListKeyPolicies", list_key_policies, .own_authorization = true},
    {"ListKeys", list_keys},
    {"ListResourceTags", list_resource_tags, .own_authorization = true},
    {"PutKeyPolicy", put_key_policy, .own_authorization = true},
    {"ReEncrypt", re_encrypt, .own_authorization = true},
    {"RevokeGrant", revoke_grant, .own_authorization = true},
    {"ScheduleKeyDeletion", schedule_key_deletion, .own_authorization = true},
    {"TagResource", tag_resource, .own_authorization = true},
    {"UntagResource", untag_resource, .own_authorization = true},
    {"UpdateAlias", update_alias, .own_authorization = true},
    {"UpdateKeyDescription", update_key_description, .own_authorization = true},
    {NULL},
};
/* clang-format on */

const struct service kms_service = {
    .name = "kms",
    .iam_prefix = "kms",
    .protocol = PROTOCOL_JSON,
    .target_prefix = "TrentService",
    .actions = actions,
};
