/* The list of KMS's actions. Those about a key are authorized by the key's policy. */
#include "localaws/kms/kms.h"

/* Key stores of one's own, material from elsewhere, other regions. */
static int unsupported(struct call *call, struct error *err)
{
    return call_fail(call, err, 400, "UnsupportedOperationException", "%s is not implemented by this KMS",
                     call->action);
}

/* clang-format off */
static const struct action actions[] = {
    {"CancelKeyDeletion", cancel_key_deletion, .own_authorization = true},
    {"ConnectCustomKeyStore", unsupported},
    {"CreateAlias", create_alias, .own_authorization = true},
    {"CreateCustomKeyStore", unsupported},
    {"CreateGrant", create_grant, .own_authorization = true},
    {"CreateKey", create_key, .own_authorization = true},
    {"Decrypt", decrypt, .own_authorization = true},
    {"DeleteAlias", delete_alias, .own_authorization = true},
    {"DeleteCustomKeyStore", unsupported},
    {"DeleteImportedKeyMaterial", unsupported},
    {"DeriveSharedSecret", unsupported},
    {"DescribeCustomKeyStores", unsupported},
    {"DescribeKey", describe_key, .own_authorization = true},
    {"DisableKey", disable_key, .own_authorization = true},
    {"DisableKeyRotation", disable_key_rotation, .own_authorization = true},
    {"DisconnectCustomKeyStore", unsupported},
    {"EnableKey", enable_key, .own_authorization = true},
    {"EnableKeyRotation", enable_key_rotation, .own_authorization = true},
    {"Encrypt", encrypt, .own_authorization = true},
    {"GenerateDataKey", generate_data_key, .own_authorization = true},
    {"GenerateDataKeyPair", generate_data_key_pair, .own_authorization = true},
    {"GenerateDataKeyPairWithoutPlaintext", generate_data_key_pair_without_plaintext, .own_authorization = true},
    {"GenerateDataKeyWithoutPlaintext", generate_data_key_without_plaintext, .own_authorization = true},
    {"GenerateMac", generate_mac, .own_authorization = true},
    {"GenerateRandom", generate_random},
    {"GetKeyPolicy", get_key_policy, .own_authorization = true},
    {"GetKeyRotationStatus", get_key_rotation_status, .own_authorization = true},
    {"GetParametersForImport", unsupported},
    {"GetPublicKey", get_public_key, .own_authorization = true},
    {"ImportKeyMaterial", unsupported},
    {"ListAliases", list_aliases},
    {"ListGrants", list_grants, .own_authorization = true},
    {"ListKeyPolicies", list_key_policies, .own_authorization = true},
    {"ListKeyRotations", list_key_rotations, .own_authorization = true},
    {"ListKeys", list_keys},
    {"ListResourceTags", list_resource_tags, .own_authorization = true},
    {"ListRetirableGrants", list_retirable_grants},
    {"PutKeyPolicy", put_key_policy, .own_authorization = true},
    {"ReEncrypt", re_encrypt, .own_authorization = true},
    {"ReplicateKey", unsupported},
    {"RetireGrant", retire_grant, .own_authorization = true},
    {"RevokeGrant", revoke_grant, .own_authorization = true},
    {"RotateKeyOnDemand", rotate_key_on_demand, .own_authorization = true},
    {"ScheduleKeyDeletion", schedule_key_deletion, .own_authorization = true},
    {"Sign", sign, .own_authorization = true},
    {"TagResource", tag_resource, .own_authorization = true},
    {"UntagResource", untag_resource, .own_authorization = true},
    {"UpdateAlias", update_alias, .own_authorization = true},
    {"UpdateCustomKeyStore", unsupported},
    {"UpdateKeyDescription", update_key_description, .own_authorization = true},
    {"UpdatePrimaryRegion", unsupported},
    {"Verify", verify, .own_authorization = true},
    {"VerifyMac", verify_mac, .own_authorization = true},
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
