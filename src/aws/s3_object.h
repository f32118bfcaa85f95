/* What the files of the S3 client share. */
#ifndef AWS_S3_OBJECT_H
#define AWS_S3_OBJECT_H

#include "aws/request.h"

/* Always path style: a bucket's name with dots, as the archive's has, is in no certificate as a host. */
int s3_request_begin(struct arena *arena, enum http_method method, const char *action, const char *bucket,
                     const char *key, const char *query, struct aws_request *request, struct error *err);
void s3_object_headers(struct arena *arena, struct aws_request *request, const char *content_type,
                       const char *kms_key_id, const char *tagging);
/* With time for its body. */
int s3_send(struct aws_client *client, struct aws_request *request, struct arena *arena,
            struct http_reply *reply, struct error *err);

#endif
