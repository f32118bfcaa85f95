/* Direct access to a host, when its tenant grants it (terraform/modules/ssh): a key that lasts minutes is given to the host
 * and ssh goes through a session of the tenant's Systems Manager. */
#ifndef CLI_SSH_H
#define CLI_SSH_H

#include "cli/cli.h"

#define SSH_REASON_VARIABLE "ENCLAVE_SSH_REASON" /* for the tenant's audit trail */

int ssh_proxy(struct cli *cli, struct error *err);

/* ssh_grant.c: the tenant's keys for the host, by the grant. */
struct aws_credentials;
struct ssh_host {
    const char *hostname, *instance_id, *account, *tenant, *external_id, *operator_name;
};
struct ssh_grant {
    struct aws_credentials *own, *vendor, *tenant; /* each got by the one before */
};
int ssh_grant_open(struct cli *cli, const struct ssh_host *host, struct ssh_grant *grant, struct error *err);
void ssh_grant_close(struct ssh_grant *grant); /* for cleanup() */

#endif
