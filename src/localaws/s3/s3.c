/* S3: every request it answers is a row here. What comes before a handler (path, bucket, permission, body) is
 * s3/request.c and s3/body.c. */
#include "base/log.h"
#include "localaws/s3/call.h"
#include "localaws/trail/trail.h"

/* clang-format off */
#define KEPT(query, kind, noun, permission)                                                                    \
    {HTTP_GET,    S3_BUCKET, query, "Get" noun,    "s3:Get" permission,     s3_get_document,    .document = kind}, \
    {HTTP_PUT,    S3_BUCKET, query, "Put" noun,    "s3:Put" permission,     s3_put_document,    .document = kind}
#define DOCUMENT(query, kind, noun, permission, to_delete)                                                     \
    KEPT(query, kind, noun, permission),                                                                       \
    {HTTP_DELETE, S3_BUCKET, query, "Delete" noun, "s3:" to_delete permission, s3_delete_document, .document = kind}

static const struct s3_route routes[] = {
    {HTTP_GET,    S3_SERVICE, NULL,         "ListBuckets",       "s3:ListAllMyBuckets",    s3_list_buckets},
    {HTTP_PUT,    S3_BUCKET,  NULL,         "CreateBucket",      "s3:CreateBucket",        s3_create_bucket},
    {HTTP_HEAD,   S3_BUCKET,  NULL,         "HeadBucket",        "s3:ListBucket",          s3_head_bucket},
    {HTTP_DELETE, S3_BUCKET,  NULL,         "DeleteBucket",      "s3:DeleteBucket",        s3_delete_bucket},
    {HTTP_GET,    S3_BUCKET,  "location",   "GetBucketLocation", "s3:GetBucketLocation",   s3_get_location},
    {HTTP_GET,    S3_BUCKET,  "acl",        "GetBucketAcl",      "s3:GetBucketAcl",        s3_get_acl},
    {HTTP_PUT,    S3_BUCKET,  "acl",        "PutBucketAcl",      "s3:PutBucketAcl",        s3_put_acl},
    {HTTP_GET,    S3_BUCKET,  "replication",    "GetBucketReplication",    "s3:GetReplicationConfiguration", s3_get_fixed},
    {HTTP_GET,    S3_BUCKET,  "metrics",     "ListBucketMetricsConfigurations",   "s3:GetMetricsConfiguration",   s3_get_fixed},
    {HTTP_GET,    S3_BUCKET,  "analytics",   "ListBucketAnalyticsConfigurations", "s3:GetAnalyticsConfiguration", s3_get_fixed},
    {HTTP_GET,    S3_BUCKET,  "inventory",   "ListBucketInventoryConfigurations", "s3:GetInventoryConfiguration", s3_get_fixed},
    {HTTP_GET,    S3_BUCKET,  "intelligent-tiering", "ListBucketIntelligentTieringConfigurations",
     "s3:GetIntelligentTieringConfiguration", s3_get_fixed},
    {HTTP_GET,    S3_BUCKET,  "policyStatus", "GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", s3_get_policy_status},
    {HTTP_GET,    S3_BUCKET,  "object-lock", "GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration",
     s3_get_fixed},
    KEPT("logging",        S3_LOGGING,         "BucketLogging",                   "BucketLogging"),
    KEPT("accelerate",     S3_ACCELERATE,      "BucketAccelerateConfiguration",   "AccelerateConfiguration"),
    KEPT("requestPayment", S3_REQUEST_PAYMENT, "BucketRequestPayment",            "BucketRequestPayment"),
    KEPT("notification",   S3_NOTIFICATION,    "BucketNotificationConfiguration", "BucketNotification"),
    KEPT("versioning",     S3_VERSIONING,      "BucketVersioning",                "BucketVersioning"),
    DOCUMENT("cors",              S3_CORS,          "BucketCors",              "BucketCORS",              "Put"),
    DOCUMENT("website",           S3_WEBSITE,       "BucketWebsite",           "BucketWebsite",           "Delete"),
    DOCUMENT("policy",            S3_POLICY,        "BucketPolicy",            "BucketPolicy",            "Delete"),
    DOCUMENT("encryption",        S3_ENCRYPTION,    "BucketEncryption",        "EncryptionConfiguration", "Put"),
    DOCUMENT("publicAccessBlock", S3_PUBLIC_ACCESS, "PublicAccessBlock",       "BucketPublicAccessBlock", "Put"),
    DOCUMENT("ownershipControls", S3_OWNERSHIP,     "BucketOwnershipControls", "BucketOwnershipControls", "Put"),
    DOCUMENT("tagging",           S3_TAGGING,       "BucketTagging",           "BucketTagging",           "Put"),
    DOCUMENT("lifecycle", S3_LIFECYCLE, "BucketLifecycleConfiguration", "LifecycleConfiguration", "Put"),

    {HTTP_GET,    S3_BUCKET, "list-type", "ListObjectsV2",        "s3:ListBucket",                 s3_list_objects_v2},
    {HTTP_GET,    S3_BUCKET, NULL,        "ListObjects",          "s3:ListBucket",                 s3_list_objects},
    {HTTP_GET,    S3_BUCKET, "versions",  "ListObjectVersions",   "s3:ListBucketVersions",         s3_list_versions},
    {HTTP_GET,    S3_BUCKET, "uploads",   "ListMultipartUploads", "s3:ListBucketMultipartUploads", s3_list_uploads},
    {HTTP_POST,   S3_BUCKET, "delete",    "DeleteObjects",        NULL,                            s3_delete_objects},

    {HTTP_GET,    S3_OBJECT, NULL,       "GetObject",             "s3:GetObject",           s3_get_object,
     .version_action = "s3:GetObjectVersion"},
    {HTTP_HEAD,   S3_OBJECT, NULL,       "HeadObject",            "s3:GetObject",           s3_head_object,
     .version_action = "s3:GetObjectVersion"},
    {HTTP_PUT,    S3_OBJECT, NULL,       "PutObject",             "s3:PutObject",           s3_put_object,
     .begin = s3_begin_put_object},
    {HTTP_DELETE, S3_OBJECT, NULL,       "DeleteObject",          "s3:DeleteObject",        s3_delete_object,
     .version_action = "s3:DeleteObjectVersion"},
    {HTTP_GET,    S3_OBJECT, "tagging",  "GetObjectTagging",      "s3:GetObjectTagging",    s3_get_tags,
     .version_action = "s3:GetObjectVersionTagging"},
    {HTTP_PUT,    S3_OBJECT, "tagging",  "PutObjectTagging",      "s3:PutObjectTagging",    s3_put_tags,
     .version_action = "s3:PutObjectVersionTagging"},
    {HTTP_DELETE, S3_OBJECT, "tagging",  "DeleteObjectTagging",   "s3:DeleteObjectTagging", s3_delete_tags,
     .version_action = "s3:DeleteObjectVersionTagging"},

    {HTTP_GET,    S3_OBJECT, "acl",        "GetObjectAcl",        "s3:GetObjectAcl", s3_get_object_acl,
     .version_action = "s3:GetObjectVersionAcl"},
    {HTTP_PUT,    S3_OBJECT, "acl",        "PutObjectAcl",        "s3:PutObjectAcl", s3_put_object_acl,
     .version_action = "s3:PutObjectVersionAcl"},
    {HTTP_GET,    S3_OBJECT, "attributes", "GetObjectAttributes", "s3:GetObjectAttributes", s3_get_attributes,
     .version_action = "s3:GetObjectVersionAttributes"},

    {HTTP_POST,   S3_OBJECT, "uploads",  "CreateMultipartUpload",   "s3:PutObject", s3_create_upload},
    {HTTP_PUT,    S3_OBJECT, "uploadId", "UploadPart",              "s3:PutObject", s3_upload_part,
     .begin = s3_begin_upload_part},
    {HTTP_POST,   S3_OBJECT, "uploadId", "CompleteMultipartUpload", "s3:PutObject", s3_complete_upload},
    {HTTP_DELETE, S3_OBJECT, "uploadId", "AbortMultipartUpload",    "s3:AbortMultipartUpload", s3_abort_upload},
    {HTTP_GET,    S3_OBJECT, "uploadId", "ListParts",               "s3:ListMultipartUploadParts", s3_list_parts},
};
/* clang-format on */

/* The request's state, begun when its first byte or its end comes, whichever is first, or before the client
 * is told to send its body. Its collected or streamed body is made ready with it. */
int s3_begin(struct call *call, struct error *err)
{
    struct s3_call *s3;
    if (s3_call_begin(call, routes, COUNT_OF(routes), &s3, err) < 0)
        return -1;
    enum http_method method = http_request_method(call->request);
    if (!s3->body && (method == HTTP_PUT || method == HTTP_POST) &&
        s3_body_open(call, NULL, NULL, &s3->body, err) < 0)
        return -1;
    call->state = s3;
    return 0;
}

int s3_body_piece(struct http_request *request, const void *bytes, size_t length, struct error *err)
{
    struct call *call = call_of(request);
    if (!call->state && s3_begin(call, err) < 0)
        return -1;
    struct s3_call *s3 = call->state;
    if (!s3->body &&
        s3_body_open(call, NULL, NULL, &s3->body, err) < 0) /* of a GET, say: signed, and of no use */
        return -1;
    return s3_body_receive(s3->body, bytes, length, err);
}

static int answer(struct call *call, struct error *err)
{
    if (!call->state && s3_begin(call, err) < 0)
        return -1;
    struct s3_call *s3 = call->state;
    if (s3->body && s3_body_check(s3->body, err) < 0)
        return -1;
    return s3->route->handle(s3, err);
}

const char *s3_action(struct call *call)
{
    return s3_call_name(call, routes, COUNT_OF(routes));
}

enum http_answer s3_handle(struct call *call)
{
    struct error err = {0};
    int result = answer(call, &err);
    log_debug("call", "service", "s3", "action", call->action, "caller",
              call->caller ? call->caller->arn : NULL, "request", call->request_id, "path",
              http_request_path(call->request), "error", *err.code ? err.code : NULL, "message",
              result < 0 ? err.message : NULL, NULL);
    if (result == 0)
        trail_call(call, NULL);
    return result < 0 ? call_refuse(call, &err) : HTTP_ANSWERED;
}
