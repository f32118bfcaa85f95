/* What the files about parameters share. */
#ifndef LOCALAWS_SSM_PARAMETER_H
#define LOCALAWS_SSM_PARAMETER_H

#include "localaws/ssm/ssm.h"

const char *parameter_arn(struct call *call, const char *name);

/* parameter_secret.c: a SecureString's value, sealed under a data key of draft->key's, as KMS allows it to
 * the caller. */
int parameter_seal(struct call *call, struct parameter *draft, const char *value, struct error *err);
int parameter_unseal(struct call *call, const struct parameter *parameter, const char **value,
                     struct error *err);

#endif
