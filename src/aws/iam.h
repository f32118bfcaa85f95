/* IAM: what the controller and config servers read of an account's roles. */
#ifndef AWS_IAM_H
#define AWS_IAM_H

#include "aws/client.h"

struct iam_role {
    const char *name, *arn, *trust_policy;
};
int iam_get_role(struct aws_client *client, struct arena *arena, const char *name, struct iam_role *role,
                 struct error *err);
/* The instance profile's ARN; ERROR_NOT_FOUND. */
int iam_get_instance_profile(struct aws_client *client, struct arena *arena, const char *name,
                             const char **arn, struct error *err);

#endif
