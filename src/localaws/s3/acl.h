/* Access control lists: what buckets whose ownership is not enforced, and their objects, grant to other
 * accounts and to everyone. Kept as one line a grant, "<permission> <grantee>"; the owner's own full control,
 * which every canned list has, is a line like the others. Source: "Access control list (ACL) overview",
 * Amazon S3 User Guide. */
#ifndef LOCALAWS_S3_ACL_H
#define LOCALAWS_S3_ACL_H

#include "localaws/s3/call.h"

/* From x-amz-acl, x-amz-grant-... or (with `body`) the document of a PUT ?acl. NULL when the request says
 * nothing; refused when the bucket's ownership or public access block does not allow it. */
int s3_acl_read(struct s3_call *s3, const struct buffer *body, const char **acl, struct error *err);
/* <AccessControlPolicy>; a NULL `acl` is the owner's alone. */
void s3_acl_write(struct s3_call *s3, const char *acl, struct buffer *xml);
/* The bucket's policy and, beside it, what the ACL of the bucket (or, with `key`, of the object) grants: a
 * policy's text; NULL for none. */
const char *s3_policy_with_acl(struct s3_call *s3, const char *key);
/* Does the bucket take ACLs other than the owner's own? */
bool s3_acl_enabled(struct s3_call *s3);

#endif
