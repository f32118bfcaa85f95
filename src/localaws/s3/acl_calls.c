/* ACLs of buckets and objects; and whether a bucket's policy is public. */
#include "localaws/s3/acl.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/public_access.h"
#include "localaws/s3/versioning.h"

#include <string.h>

int s3_get_acl(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    s3_acl_write(s3, s3_acl_enabled(s3) ? s3->bucket.documents[S3_ACL] : NULL, &xml);
    return s3_answer_xml(s3, &xml, err);
}

static int read_acl(struct s3_call *s3, const char **acl, struct error *err)
{
    if (s3_acl_read(s3, &s3->body->collected, acl, err) < 0)
        return -1;
    return *acl ? 0
                : s3_fail(s3, err, 400, "MissingSecurityHeader",
                          "Your request was missing a required header: x-amz-acl, or a document");
}

int s3_put_acl(struct s3_call *s3, struct error *err)
{
    const char *acl;
    if (read_acl(s3, &acl, err) < 0 || s3_bucket_set(s3->call->region, &s3->bucket, S3_ACL, acl, err) < 0)
        return -1;
    return s3_answer_empty(s3, 200);
}

int s3_get_object_acl(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object object;
    if (s3_find_object(s3, &object, err) < 0)
        return -1;
    s3_answer_version(s3, object.version);
    s3_acl_write(s3, s3_acl_enabled(s3) ? object.acl : NULL, &xml);
    return s3_answer_xml(s3, &xml, err);
}

int s3_put_object_acl(struct s3_call *s3, struct error *err)
{
    struct s3_object object;
    const char *acl;
    if (read_acl(s3, &acl, err) < 0 || s3_find_object(s3, &object, err) < 0 ||
        s3_store_describe(s3->s3->store, &object, NULL, acl, err) < 0)
        return -1;
    s3_answer_version(s3, object.version);
    return s3_answer_empty(s3, 200);
}

int s3_get_policy_status(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    const char *policy = s3->bucket.documents[S3_POLICY];
    if (!policy)
        return s3_fail(s3, err, 404, "NoSuchBucketPolicy", "The bucket policy does not exist");
    buffer_format(&xml, S3_XML_HEAD "<PolicyStatus " S3_NAMESPACE "><IsPublic>%s</IsPublic></PolicyStatus>",
                  s3_policy_is_public(s3->arena, policy) ? "true" : "false");
    return s3_answer_xml(s3, &xml, err);
}
