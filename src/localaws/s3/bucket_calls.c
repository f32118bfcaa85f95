/* Buckets themselves, and their configuration. */
#include "base/xml.h"
#include "localaws/s3/acl.h"
#include "localaws/s3/call.h"
#include "localaws/s3/public_access.h"

#include <string.h>

enum { MOST_BUCKETS = 10000 };

/* All of them, unless max-buckets asks for pages; a token is the name of the last one of the page before. */
int s3_list_buckets(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    const char *prefix = s3_query(s3, "prefix"), *after = s3_query(s3, "continuation-token");
    const char *most = s3_query(s3, "max-buckets"), *last = NULL;
    struct s3_bucket *buckets;
    int64_t limit = INT64_MAX, listed = 0;
    if (most && text_number(most, 1, MOST_BUCKETS, "max-buckets", &limit, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument", "max-buckets is a number from 1 to %d", MOST_BUCKETS);
    size_t count = s3_bucket_list(s3->call->region, s3->arena, s3->call->account, &buckets);
    buffer_text(&xml, S3_XML_HEAD "<ListAllMyBucketsResult " S3_NAMESPACE ">");
    s3_write_owner(&xml, "Owner", "", s3->call->account->id);
    buffer_text(&xml, "<Buckets>");
    for (size_t i = 0; i < count; i++) {
        if ((prefix && !text_starts(buckets[i].name, prefix)) ||
            (after && strcmp(buckets[i].name, after) <= 0) || listed++ >= limit)
            continue;
        buffer_format(&xml, "<Bucket><Name>%s</Name><CreationDate>%s</CreationDate></Bucket>",
                      buckets[i].name, s3_time(s3->arena, buckets[i].created_ms));
        last = buckets[i].name;
    }
    buffer_text(&xml, "</Buckets>");
    if (listed > limit)
        buffer_format(&xml, "<ContinuationToken>%s</ContinuationToken>", last);
    buffer_text(&xml, "</ListAllMyBucketsResult>");
    return s3_answer_xml(s3, &xml, err);
}

/* <CreateBucketConfiguration><LocationConstraint>: this region's name; in us-east-1 there is none, and naming
 * it is an error. */
static int check_location(struct s3_call *s3, struct error *err)
{
    const struct buffer *body = &s3->body->collected;
    const char *region = s3->call->region->name, *place = NULL;
    bool first = text_equal(region, "us-east-1");
    struct error why = {0};
    xmlNode *root;
    if (body->length && xml_parse(s3->arena, "the body", body->data, body->length, &root, &why) < 0)
        return s3_fail(s3, err, 400, "MalformedXML", "%s", why.message);
    if (body->length)
        place = xml_child_content(s3->arena, root, "LocationConstraint");
    if (first ? text_empty(place) : text_equal(place, region))
        return 0;
    if (first && text_equal(place, region))
        return s3_fail(s3, err, 400, "InvalidLocationConstraint",
                       "The specified location-constraint is not valid");
    return s3_fail(s3, err, 400, "IllegalLocationConstraintException",
                   "The %s location constraint is incompatible for the region specific endpoint this request "
                   "was sent to.",
                   text_empty(place) ? "unspecified" : place);
}

/* What a new bucket has at AWS since April 2023: no ACLs, nothing public. */
static const char blocked[] =
    "<PublicAccessBlockConfiguration " S3_NAMESPACE "><BlockPublicAcls>true</BlockPublicAcls>"
    "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>"
    "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

static int configure(struct s3_call *s3, const char *acl, struct error *err)
{
    const char *ownership = s3_header(s3, "x-amz-object-ownership");
    const char *text = arena_format(s3->arena,
                                    "<OwnershipControls " S3_NAMESPACE
                                    "><Rule><ObjectOwnership>%s</ObjectOwnership></Rule></OwnershipControls>",
                                    ownership ? ownership : "BucketOwnerEnforced");
    struct region *region = s3->call->region;
    if (!s3_bucket_find(region, s3->arena, s3->bucket_name, &s3->bucket) ||
        s3_bucket_set(region, &s3->bucket, S3_OWNERSHIP, text, err) < 0 ||
        s3_bucket_set(region, &s3->bucket, S3_PUBLIC_ACCESS, blocked, err) < 0)
        return -1;
    return acl ? s3_bucket_set(region, &s3->bucket, S3_ACL, acl, err) : 0;
}

/* The header's value must be one of the three; an ACL must be one that such a bucket takes. */
static int check_ownership(struct s3_call *s3, const char **acl, struct error *err)
{
    const char *ownership = s3_header(s3, "x-amz-object-ownership");
    if (ownership && !text_equal(ownership, "BucketOwnerEnforced") &&
        !text_equal(ownership, "BucketOwnerPreferred") && !text_equal(ownership, "ObjectWriter"))
        return s3_fail(s3, err, 400, "InvalidArgument", "Invalid x-amz-object-ownership header: %.60s",
                       ownership);
    s3->bucket.owner = s3->call->account->id;
    s3->bucket.documents[S3_OWNERSHIP] = ownership ? ownership : "BucketOwnerEnforced";
    s3->bucket.documents[S3_PUBLIC_ACCESS] = blocked;
    struct error why = {0};
    if (s3_acl_read(s3, NULL, acl, &why) == 0)
        return 0;
    bool enforced = text_equal(why.code, "AccessControlListNotSupported");
    return s3_fail(s3, err, 400, enforced ? "InvalidBucketAclWithObjectOwnership" : why.code, "%s",
                   enforced ? "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
                            : why.message);
}

int s3_create_bucket(struct s3_call *s3, struct error *err)
{
    struct error why = {0};
    const char *acl;
    if (text_equal_nocase(s3_header(s3, "x-amz-bucket-object-lock-enabled"), "true"))
        return s3_fail(s3, err, 501, "NotImplemented", "Object lock is not implemented");
    if (check_location(s3, err) < 0 || check_ownership(s3, &acl, err) < 0)
        return -1;
    int created = s3_bucket_create(s3->call->region, s3->call->account, s3->bucket_name, &why);
    /* To make one's own bucket again is fine in us-east-1, and only there. */
    bool again = created < 0 && text_equal(why.code, "BucketAlreadyOwnedByYou") &&
                 text_equal(s3->call->region->name, "us-east-1");
    if (created < 0 && !again)
        return s3_fail(s3, err, 409, why.code, "%s", why.message);
    if (created == 0 && configure(s3, acl, err) < 0)
        return -1;
    s3_answer_header(s3, "Location", arena_format(s3->arena, "/%s", s3->bucket_name));
    return s3_answer_empty(s3, 200);
}

int s3_head_bucket(struct s3_call *s3, struct error *err)
{
    (void)err;
    s3_answer_header(s3, "x-amz-bucket-region", s3->call->region->name);
    s3_answer_header(s3, "x-amz-access-point-alias", "false");
    return s3_answer_empty(s3, 200);
}

int s3_delete_bucket(struct s3_call *s3, struct error *err)
{
    struct s3_object object;
    struct error why = {0};
    if (s3_store_next_version(s3->s3->store, s3->arena, s3->bucket.id, "", 0, &object, &why) == 0)
        return s3_fail(
            s3, err, 409, "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.");
    if (why.kind != ERROR_NOT_FOUND)
        return error_set(err, why.kind, "%s", why.message);
    if (s3_bucket_delete(s3->call->region, &s3->bucket, err) < 0 ||
        s3_store_drop(s3->s3->store, s3->bucket.id, err) < 0)
        return -1;
    return s3_answer_empty(s3, 204);
}

int s3_get_location(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    bool first = text_equal(s3->call->region->name, "us-east-1"); /* the one whose name S3 does not say */
    buffer_format(&xml, S3_XML_HEAD "<LocationConstraint " S3_NAMESPACE ">%s</LocationConstraint>",
                  first ? "" : s3->call->region->name);
    return s3_answer_xml(s3, &xml, err);
}

/* The documents */

static const char minimum_header[] = "x-amz-transition-default-minimum-object-size";

int s3_get_document(struct s3_call *s3, struct error *err)
{
    const struct s3_document_kind *kind = &s3_document_kinds[s3->route->document];
    const char *text = s3->bucket.documents[s3->route->document];
    if (!text)
        text = kind->otherwise;
    if (!text)
        return s3_fail(s3, err, 404, kind->missing, "%s", kind->message);
    if (s3->route->document == S3_LIFECYCLE)
        s3_answer_header(s3, minimum_header, s3->bucket.documents[S3_LIFECYCLE_MINIMUM]);
    http_respond_text(s3->call->request, 200, kind->root ? "application/xml" : "application/json", text);
    s3_answer_header(s3, "x-amz-request-id", s3->call->request_id);
    return 0;
}

/* Which transitions small objects take part in: not part of the document, but of the configuration. */
static int put_minimum(struct s3_call *s3, struct error *err)
{
    const char *minimum = s3_header(s3, minimum_header);
    if (!minimum)
        minimum = "all_storage_classes_128K";
    if (!text_equal(minimum, "all_storage_classes_128K") && !text_equal(minimum, "varies_by_storage_class"))
        return s3_fail(s3, err, 400, "InvalidRequest", "%s is not valid", minimum_header);
    s3_answer_header(s3, minimum_header, minimum);
    return s3_bucket_set(s3->call->region, &s3->bucket, S3_LIFECYCLE_MINIMUM, minimum, err);
}

static int check_blocked(struct s3_call *s3, const char *policy, struct error *err)
{
    if (!s3_public_access_read(s3->arena, s3->bucket.documents[S3_PUBLIC_ACCESS]).block_policy ||
        !s3_policy_is_public(s3->arena, policy))
        return 0;
    return s3_fail(s3, err, 403, "AccessDenied",
                   "Access Denied: the bucket's BlockPublicPolicy blocks policies that are public");
}

/* Logs go to a bucket of the same owner that exists. */
static int check_log_target(struct s3_call *s3, const char *text, struct error *err)
{
    struct s3_bucket target;
    xmlNode *root;
    if (xml_parse(s3->arena, "the logging", text, strlen(text), &root, err) < 0)
        return -1;
    const char *name = xml_child_content(s3->arena, xml_first(root, "LoggingEnabled"), "TargetBucket");
    if (!name || (s3_bucket_find(s3->call->region, s3->arena, name, &target) &&
                  text_equal(target.owner, s3->bucket.owner)))
        return 0;
    return s3_fail(s3, err, 400, "InvalidTargetBucketForLogging",
                   "The target bucket for logging does not exist, is not owned by you, or does not have the "
                   "appropriate grants for the log-delivery group.");
}

/* Enforced ownership leaves no room for what an ACL grants to others. */
static int check_enforceable(struct s3_call *s3, const char *text, struct error *err)
{
    const char *acl = s3->bucket.documents[S3_ACL];
    if (!strstr(text, "BucketOwnerEnforced") || !acl || !strchr(strchr(acl, '\n') + 1, '\n'))
        return 0;
    return s3_fail(s3, err, 400, "InvalidBucketAclWithObjectOwnership",
                   "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
}

int s3_put_document(struct s3_call *s3, struct error *err)
{
    enum s3_document document = s3->route->document;
    const struct buffer *body = &s3->body->collected;
    struct error why = {0};
    if (s3_document_check(document, buffer_string(body), body->length, &why) < 0) {
        bool beyond = text_equal(why.code, "NotImplemented");
        return s3_fail(s3, err, beyond ? 501 : 400, *why.code ? why.code : "MalformedXML", "%s", why.message);
    }
    if (document == S3_POLICY && check_blocked(s3, buffer_string(body), err) < 0)
        return -1;
    if ((document == S3_LIFECYCLE && put_minimum(s3, err) < 0) ||
        (document == S3_LOGGING && check_log_target(s3, buffer_string(body), err) < 0) ||
        (document == S3_OWNERSHIP && check_enforceable(s3, buffer_string(body), err) < 0))
        return -1;
    if (s3_bucket_set(s3->call->region, &s3->bucket, document, buffer_string(body), err) < 0)
        return -1;
    return s3_answer_empty(s3, document == S3_POLICY || document == S3_TAGGING ? 204 : 200);
}

int s3_delete_document(struct s3_call *s3, struct error *err)
{
    if (s3_bucket_set(s3->call->region, &s3->bucket, s3->route->document, NULL, err) < 0)
        return -1;
    return s3_answer_empty(s3, 204);
}

/* What no bucket here ever has: S3's answer for a bucket without it. */
int s3_get_fixed(struct s3_call *s3, struct error *err)
{
    static const struct {
        const char *query, *text, *missing, *message;
    } fixed[] = {
        {"replication", NULL, "ReplicationConfigurationNotFoundError",
         "The replication configuration was not found"},
        {"object-lock", NULL, "ObjectLockConfigurationNotFoundError",
         "Object Lock configuration does not exist for this bucket"},
        {"metrics",
         "<ListMetricsConfigurationsResult " S3_NAMESPACE
         "><IsTruncated>false</IsTruncated></ListMetricsConfigurationsResult>",
         NULL, NULL},
        {"analytics",
         "<ListBucketAnalyticsConfigurationResult " S3_NAMESPACE
         "><IsTruncated>false</IsTruncated></ListBucketAnalyticsConfigurationResult>",
         NULL, NULL},
        {"inventory",
         "<ListInventoryConfigurationsResult " S3_NAMESPACE
         "><IsTruncated>false</IsTruncated></ListInventoryConfigurationsResult>",
         NULL, NULL},
        {"intelligent-tiering",
         "<ListBucketIntelligentTieringConfigurationsOutput " S3_NAMESPACE
         "><IsTruncated>false</IsTruncated></ListBucketIntelligentTieringConfigurationsOutput>",
         NULL, NULL},
    };
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    size_t i = 0;
    while (strcmp(fixed[i].query, s3->route->query) != 0)
        i++;
    if (fixed[i].text && s3_query(s3, "id"))
        return s3_fail(s3, err, 404, "NoSuchConfiguration", "The specified configuration does not exist.");
    if (!fixed[i].text)
        return s3_fail(s3, err, 404, fixed[i].missing, "%s", fixed[i].message);
    buffer_format(&xml, S3_XML_HEAD "%s", fixed[i].text);
    return s3_answer_xml(s3, &xml, err);
}
