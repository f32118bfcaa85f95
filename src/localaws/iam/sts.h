/* What STS's actions share: reading what narrows and marks a session, and writing its keys. */
#ifndef LOCALAWS_IAM_STS_H
#define LOCALAWS_IAM_STS_H

#include "localaws/front/session.h"

int sts_check_name(struct call *call, const char *parameter, const char *name, struct error *err);
/* Nobody has a device, so that no code of one is right. */
int sts_refuse_devices(struct call *call, struct error *err);
/* Policy and PolicyArns, which are of this account's; Tags and TransitiveTagKeys, and those handed on. Texts
 * of the call. */
int sts_read_policies(struct call *call, const struct account *account, struct session_scope *scope,
                      struct error *err);
int sts_read_tags(struct call *call, struct session_scope *scope, struct error *err);
void sts_put_credentials(struct call *call, const struct access_key *key);
void sts_put_packed_size(struct call *call, const struct session_scope *scope);

iam_handler assume_role; /* assume.c */

#endif
