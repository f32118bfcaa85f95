/* Where credentials come from, for credentials.c, which keeps what a source gives until it nears its end. */
#ifndef AWS_CREDENTIALS_SOURCE_H
#define AWS_CREDENTIALS_SOURCE_H

#include "aws/credentials.h"

struct credentials_source {
    /* New keys, in the arena. May take as long as a call to AWS does. */
    int (*fetch)(void *context, struct arena *arena, struct aws_keys *keys, struct error *err);
    void *context;
    void (*release)(void *context); /* may be NULL */
};

struct aws_credentials *aws_credentials_new(const struct credentials_source *source);

/* ~/.aws/credentials, or AWS_SHARED_CREDENTIALS_FILE, for AWS_PROFILE or "default"; ERROR_NOT_FOUND without.
 */
int credentials_file_read(struct arena *arena, struct aws_keys *keys, struct error *err);
/* The text of such a file, for one profile. */
int credentials_file_parse(struct arena *arena, const char *text, const char *profile, struct aws_keys *keys,
                           struct error *err);

#endif
