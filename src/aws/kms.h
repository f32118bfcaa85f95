/* KMS: what the control plane needs to know of a key, and data keys for whoever encrypts. */
#ifndef AWS_KMS_H
#define AWS_KMS_H

#include "aws/client.h"

#include <stdbool.h>

struct kms_key {
    const char *id, *arn, *state; /* "Enabled", "Disabled", "PendingDeletion" */
    bool enabled;
};
int kms_describe_key(struct aws_client *client, struct arena *arena, const char *id_or_alias,
                     struct kms_key *key, struct error *err);

#endif
