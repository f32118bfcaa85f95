/* From the operator's own AWS keys to the tenant's role, by way of the vendor's: each step is somebody's to
 * allow. */
#include "cli/ssh.h"

#include "aws/sts.h"
#include "base/text.h"

#include <stdio.h>

#define LOGIN_ROLE "vespa-ssh-login"

void ssh_grant_close(struct ssh_grant *grant)
{
    aws_credentials_free(&grant->tenant);
    aws_credentials_free(&grant->vendor);
    aws_credentials_free(&grant->own);
}

static bool refused(const struct error *err)
{
    return err->kind == ERROR_FORBIDDEN || text_equal(err->code, "AccessDenied") ||
           text_equal(err->code, "AccessDeniedException");
}

/* The vendor's role, unless these keys are a session of it already. */
static int become_vendor(struct cli *cli, const struct ssh_host *host, struct ssh_grant *grant,
                         struct error *err)
{
    const char *region = cli->settings.aws_region;
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    struct sts_identity identity;
    struct aws_keys keys;
    grant->own = aws_credentials_default();
    if (aws_client_new(grant->own, region, &aws, err) < 0 ||
        sts_get_caller_identity(aws, cli->arena, &identity, err) < 0)
        return error_context(err, "your AWS keys");
    if (text_equal(identity.role, LOGIN_ROLE))
        return 0;
    const char *role = arena_format(cli->arena, "arn:aws:iam::%s:role/" LOGIN_ROLE, identity.account);
    grant->vendor = aws_credentials_assume_role(grant->own, region, role, host->operator_name, NULL);
    if (aws_credentials_get(grant->vendor, cli->arena, &keys, err) == 0)
        return 0;
    struct error why = *err;
    return refused(&why)
               ? error_set(err, ERROR_FORBIDDEN,
                           "%s may not become the vendor's %s: that role (terraform/control-plane) decides "
                           "which operators may. AWS says: %s",
                           identity.arn, role, why.message)
               : -1;
}

int ssh_grant_open(struct cli *cli, const struct ssh_host *host, struct ssh_grant *grant, struct error *err)
{
    struct aws_keys keys;
    if (become_vendor(cli, host, grant, err) < 0)
        return -1;
    const char *role = arena_format(cli->arena, "arn:aws:iam::%s:role/" LOGIN_ROLE, host->account);
    grant->tenant =
        aws_credentials_assume_role(grant->vendor ? grant->vendor : grant->own, cli->settings.aws_region,
                                    role, host->operator_name, host->external_id);
    if (aws_credentials_get(grant->tenant, cli->arena, &keys, err) == 0)
        return 0;
    struct error why = *err;
    return refused(&why)
               ? error_set(err, ERROR_FORBIDDEN,
                           "tenant %s grants no direct access to its account %s. Only they can: by applying "
                           "terraform/modules/ssh there, with an end and a reason. AWS says: %s",
                           host->tenant, host->account, why.message)
               : -1;
}
