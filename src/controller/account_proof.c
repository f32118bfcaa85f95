#include "controller/account_proof.h"

#include "aws/iam.h"
#include "base/text.h"
#include "zone/names.h"

#include <string.h>

enum { SESSION_S = 900 };
#define SESSION_NAME "enclave-controller"

int account_check_signer(struct controller *controller, const struct sts_proof *proof, const char *account,
                         const char *nonce, const char *key_hash, struct arena *arena, struct error *err)
{
    struct sts_identity identity;
    if (sts_proof_verify(proof, controller->config->aws_region, nonce, key_hash, arena, &identity, err) < 0)
        return -1;
    if (!text_equal(identity.account, account))
        return error_code(err, ERROR_FORBIDDEN, "PROOF_REFUSED", "the proof was signed in account %s, not in %s",
                          identity.account, account);
    return 0;
}

/* "arn:aws:iam::" of our own role's ARN: the partition is the same. */
static char *tenants_provisioner(struct controller *controller, struct arena *arena, const char *account)
{
    const char *ours = controller->config->provisioner_role_arn;
    const char *end = strstr(ours, ":iam::");
    int length = end ? (int)(end - ours) : 0;
    return arena_format(arena, "%.*s:iam::%s:role/" PROVISIONER_ROLE, length, ours, account);
}

static int missing(struct error *err, const char *what)
{
    struct error why = *err;
    if (why.kind == ERROR_UNAVAILABLE || why.kind == ERROR_THROTTLED || why.kind == ERROR_INTERNAL)
        return -1;
    return error_code(err, ERROR_INVALID, "ACCOUNT_NOT_SET_UP",
                      "%s (%s); apply the enclave Terraform module in the account, with this tenant's name and external "
                      "id: terraform apply",
                      what, why.message);
}

/* A role that anyone whom the vendor serves could have us use is not proof of anything, and a danger to its owner. */
static int check_external_id_needed(struct aws_client *aws, const char *role_arn, struct arena *arena,
                                    struct error *err)
{
    struct aws_keys keys;
    struct error refused = {0};
    if (sts_assume_role(aws, arena, role_arn, SESSION_NAME, NULL, SESSION_S, &keys, &refused) == 0)
        return error_code(err, ERROR_INVALID, "ACCOUNT_NOT_SET_UP",
                          "role %s lets us in without an external id; its trust policy must demand the tenant's: "
                          "terraform apply",
                          role_arn);
    if (refused.kind == ERROR_UNAVAILABLE || refused.kind == ERROR_THROTTLED)
        return error_set(err, refused.kind, "%s", refused.message);
    return 0;
}

static int check_host_role(struct controller *controller, const struct tenant *tenant, const char *account,
                           struct aws_credentials *inside, struct arena *arena, struct error *err)
{
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    const char *name = host_role_name(arena, tenant->name, account);
    struct iam_role role;
    if (aws_client_new(inside, controller->config->aws_region, &aws, err) < 0)
        return -1;
    if (iam_get_role(aws, arena, name, &role, err) < 0)
        return missing(err, arena_format(arena, "account %s has no role %s", account, name));
    return 0;
}

int account_check_roles(struct controller *controller, const struct tenant *tenant, const char *account,
                        struct arena *arena, struct error *err)
{
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    cleanup(aws_credentials_free) struct aws_credentials *inside = NULL;
    const char *role_arn = tenants_provisioner(controller, arena, account);
    struct aws_keys keys;
    if (aws_client_new(controller->provisioner, controller->config->aws_region, &aws, err) < 0)
        return -1;
    if (sts_assume_role(aws, arena, role_arn, SESSION_NAME, tenant->external_id, SESSION_S, &keys, err) < 0)
        return missing(err, arena_format(arena, "role %s does not let us in with the external id of tenant %s",
                                         role_arn, tenant->name));
    if (check_external_id_needed(aws, role_arn, arena, err) < 0)
        return -1;
    inside = aws_credentials_static(&keys);
    return check_host_role(controller, tenant, account, inside, arena, err);
}
