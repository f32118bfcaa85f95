/* Buckets themselves, and their configuration. */
#include "base/xml.h"
#include "localaws/s3/call.h"
#include "localaws/s3/public_access.h"

#include <string.h>

#define GRANTEE_TYPE " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\""

int s3_list_buckets(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_bucket *buckets;
    size_t count = s3_bucket_list(s3->call->region, s3->arena, s3->call->account, &buckets);
    buffer_text(&xml, S3_XML_HEAD "<ListAllMyBucketsResult " S3_NAMESPACE ">");
    s3_write_owner(&xml, "Owner", "", s3->call->account->id);
    buffer_text(&xml, "<Buckets>");
    for (size_t i = 0; i < count; i++)
        buffer_format(&xml, "<Bucket><Name>%s</Name><CreationDate>%s</CreationDate></Bucket>",
                      buckets[i].name, s3_time(s3->arena, buckets[i].created_ms));
    buffer_text(&xml, "</Buckets></ListAllMyBucketsResult>");
    return s3_answer_xml(s3, &xml, err);
}

/* <CreateBucketConfiguration><LocationConstraint>, which must be this region; without, it is. */
static int check_location(struct s3_call *s3, struct error *err)
{
    const struct buffer *body = &s3->body->collected;
    struct error why = {0};
    xmlNode *root;
    if (!body->length)
        return 0;
    if (xml_parse(s3->arena, "the body", body->data, body->length, &root, &why) < 0)
        return s3_fail(s3, err, 400, "MalformedXML", "%s", why.message);
    const char *place = xml_child_content(s3->arena, root, "LocationConstraint");
    if (text_empty(place) || text_equal(place, s3->call->region->name))
        return 0;
    return s3_fail(s3, err, 400, "InvalidLocationConstraint",
                   "The specified location-constraint is not valid");
}

int s3_create_bucket(struct s3_call *s3, struct error *err)
{
    struct error why = {0};
    if (text_equal(s3_header(s3, "x-amz-bucket-object-lock-enabled"), "true"))
        return s3_fail(s3, err, 501, "NotImplemented", "Object lock is not implemented");
    if (check_location(s3, err) < 0)
        return -1;
    if (s3_bucket_create(s3->call->region, s3->call->account, s3->bucket_name, &why) < 0)
        return s3_fail(s3, err, 409, why.code, "%s", why.message);
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
    if (document == S3_LIFECYCLE && put_minimum(s3, err) < 0)
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
        {"cors", NULL, "NoSuchCORSConfiguration", "The CORS configuration does not exist"},
        {"website", NULL, "NoSuchWebsiteConfiguration",
         "The specified bucket does not have a website configuration"},
        {"replication", NULL, "ReplicationConfigurationNotFoundError",
         "The replication configuration was not found"},
        {"object-lock", NULL, "ObjectLockConfigurationNotFoundError",
         "Object Lock configuration does not exist for this bucket"},
        {"logging", "<BucketLoggingStatus " S3_NAMESPACE "/>", NULL, NULL},
        {"accelerate", "<AccelerateConfiguration " S3_NAMESPACE "/>", NULL, NULL},
        {"requestPayment",
         "<RequestPaymentConfiguration " S3_NAMESPACE
         "><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
         NULL, NULL},
    };
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    size_t i = 0;
    while (strcmp(fixed[i].query, s3->route->query) != 0)
        i++;
    if (!fixed[i].text)
        return s3_fail(s3, err, 404, fixed[i].missing, "%s", fixed[i].message);
    buffer_format(&xml, S3_XML_HEAD "%s", fixed[i].text);
    return s3_answer_xml(s3, &xml, err);
}

int s3_get_acl(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    buffer_text(&xml, S3_XML_HEAD "<AccessControlPolicy " S3_NAMESPACE ">");
    s3_write_owner(&xml, "Owner", "", s3->bucket.owner);
    buffer_text(&xml, "<AccessControlList><Grant>");
    s3_write_owner(&xml, "Grantee", GRANTEE_TYPE, s3->bucket.owner);
    buffer_text(&xml,
                "<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>");
    return s3_answer_xml(s3, &xml, err);
}

/* The only ACL there is: the owner's. */
int s3_put_acl(struct s3_call *s3, struct error *err)
{
    const char *acl = s3_header(s3, "x-amz-acl");
    if (!text_equal(acl, "private") && !text_equal(acl, "bucket-owner-full-control"))
        return s3_fail(s3, err, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs");
    return s3_answer_empty(s3, 200);
}
