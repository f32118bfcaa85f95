/* Conditional requests (RFC 9110 §13): whether a version of an object is the one its client means. */
#ifndef LOCALAWS_S3_CONDITIONS_H
#define LOCALAWS_S3_CONDITIONS_H

#include "localaws/s3/call.h"

enum s3_condition { S3_CONDITION_HOLDS, S3_CONDITION_UNCHANGED, S3_CONDITION_FAILED };

/* If-Match and its like of a GET or HEAD. */
enum s3_condition s3_conditions(struct s3_call *s3, const struct s3_object *object);
/* x-amz-copy-source-if-match and its like: 412 when they do not hold. */
int s3_copy_conditions(struct s3_call *s3, const struct s3_object *source, struct error *err);
/* If-None-Match: * and If-Match of a PUT. */
int s3_put_expectation(struct s3_call *s3, struct s3_expectation *expected, struct error *err);
/* What S3 says when the store found it not to hold. */
int s3_precondition_failed(struct s3_call *s3, const struct error *why, struct error *err);

#endif
