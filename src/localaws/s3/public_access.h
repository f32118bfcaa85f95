/* A public access block: ACLs and policies that let everyone in are refused, and those that are there all the
 * same let no other account in. */
#ifndef LOCALAWS_S3_PUBLIC_ACCESS_H
#define LOCALAWS_S3_PUBLIC_ACCESS_H

#include "base/memory.h"

#include <stdbool.h>

struct s3_public_access {
    bool block_acls, ignore_acls, block_policy, restrict_buckets;
};
/* `text` may be NULL: nothing is blocked. */
struct s3_public_access s3_public_access_read(struct arena *arena, const char *text);
/* Does the policy allow something to everyone, whoever and wherever they are? */
bool s3_policy_is_public(struct arena *arena, const char *text);

#endif
