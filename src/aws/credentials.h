/* AWS credentials: the standard chain (environment, shared file, IMDSv2), AssumeRole on top of any of them,
 * cached and refreshed five minutes before they expire. Safe to use from several threads. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>

struct aws_keys {
    const char *access_key_id, *secret_access_key, *session_token; /* the last NULL for long-term keys */
    int64_t expires_ms;                                            /* 0: never */
};

struct aws_credentials; /* a source of keys */

struct aws_credentials *aws_credentials_static(const struct aws_keys *keys);
/* Environment, then ~/.aws/credentials (AWS_PROFILE), then the instance's role by IMDSv2. */
struct aws_credentials *aws_credentials_default(void);
struct aws_credentials *aws_credentials_instance(void); /* IMDSv2 only */
/* A session of `role_arn` got with `source`'s keys (borrowed; must live longer); external_id may be NULL. */
struct aws_credentials *aws_credentials_assume_role(struct aws_credentials *source, const char *region,
                                                    const char *role_arn, const char *session_name,
                                                    const char *external_id);
void aws_credentials_free(struct aws_credentials **credentials);

/* Valid keys now, fetching or refreshing as needed; in the arena. */
int aws_credentials_get(struct aws_credentials *credentials, struct arena *arena, struct aws_keys *keys,
                        struct error *err);

#endif
