/* From a request's path and query to what it asks for, and whether its caller may. */
#include "localaws/faults/faults.h"
#include "localaws/s3/acl.h"
#include "localaws/s3/call.h"
#include "localaws/s3/public_access.h"

#include <string.h>

const char *s3_query(struct s3_call *s3, const char *name)
{
    return http_request_query(s3->call->request, name);
}

const char *s3_header(struct s3_call *s3, const char *name)
{
    return http_request_header(s3->call->request, name);
}

char *s3_arn(struct s3_call *s3, const char *key)
{
    return arena_format(s3->arena, "arn:aws:s3:::%s%s%s", s3->bucket_name, key ? "/" : "", key ? key : "");
}

/* RestrictPublicBuckets: while a bucket's policy is public, other accounts have no use of it. */
/* Where who asks pays, others must say that they know. */
static int check_payer(struct s3_call *s3, struct error *err)
{
    const char *payment = s3->bucket.documents[S3_REQUEST_PAYMENT];
    if (!payment || !strstr(payment, ">Requester<") || text_equal(s3->call->account->id, s3->bucket.owner) ||
        text_equal(s3_header(s3, "x-amz-request-payer"), "requester"))
        return 0;
    return s3_fail(s3, err, 403, "AccessDenied", "Access Denied: the requester pays, and must say so");
}

static int check_restricted(struct s3_call *s3, struct error *err)
{
    const char *policy = s3->bucket.documents[S3_POLICY];
    if (text_equal(s3->call->account->id, s3->bucket.owner) || !policy ||
        !s3_public_access_read(s3->arena, s3->bucket.documents[S3_PUBLIC_ACCESS]).restrict_buckets ||
        !s3_policy_is_public(s3->arena, policy))
        return 0;
    return s3_fail(s3, err, 403, "AccessDenied",
                   "Access Denied: the bucket's RestrictPublicBuckets keeps others out");
}

int s3_authorize(struct s3_call *s3, const char *action, const char *key, struct error *err)
{
    static const struct {
        const char *condition, *name;
        bool query;
    } known[] = {
        {"s3:prefix", "prefix", true},
        {"s3:delimiter", "delimiter", true},
        {"s3:max-keys", "max-keys", true},
        {"s3:VersionId", "versionId", true},
        {"s3:x-amz-acl", "x-amz-acl", false},
        {"s3:x-amz-copy-source", "x-amz-copy-source", false},
        {"s3:x-amz-server-side-encryption", "x-amz-server-side-encryption", false},
        {"s3:x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-aws-kms-key-id",
         false},
        {"s3:x-amz-content-sha256", "x-amz-content-sha256", false},
    };
    const char *context[2 * COUNT_OF(known) + 1];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        const char *value = known[i].query ? s3_query(s3, known[i].name) : s3_header(s3, known[i].name);
        if (!value)
            continue;
        context[count++] = known[i].condition;
        context[count++] = value;
    }
    context[count] = NULL;
    if (s3->bucket.name && (check_restricted(s3, err) < 0 || check_payer(s3, err) < 0))
        return -1;
    if (!s3->bucket.name) /* the service, or a bucket to be */
        return call_authorize(s3->call, action, *s3->bucket_name ? s3_arn(s3, NULL) : "*", context, err);
    return call_authorize_with_policy(s3->call, action, s3_arn(s3, key), s3->bucket.owner,
                                      s3_policy_with_acl(s3, key), context, err);
}

/* The bucket in a Host such as "bucket.s3.us-east-1.amazonaws.com:443"; NULL when it is in the path. */
static const char *bucket_of_host(struct s3_call *s3)
{
    const char *host = s3_header(s3, "host");
    const char *const ends[] = {
        arena_format(s3->arena, ".s3.%s.amazonaws.com", s3->call->region->name),
        arena_format(s3->arena, ".s3.dualstack.%s.amazonaws.com", s3->call->region->name),
        ".s3.amazonaws.com",
        ".s3.localhost",
    };
    if (!host)
        return NULL;
    host = arena_strndup(s3->arena, host, strcspn(host, ":"));
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (strlen(host) > strlen(ends[i]) && text_ends(host, ends[i]))
            return arena_strndup(s3->arena, host, strlen(host) - strlen(ends[i]));
    return NULL;
}

/* "/bucket/some/key": all but the first slash of a key belong to it. With the bucket in the Host all of it is
 * the key. */
static int read_path(struct s3_call *s3, struct error *err)
{
    const char *path = http_request_path(s3->call->request) + 1, *host = bucket_of_host(s3);
    const char *slash = host ? path - 1 : strchrnul(path, '/');
    const char *first = host ? host : arena_strndup(s3->arena, path, (size_t)(slash - path));
    char *bucket, *key;
    if (percent_decode(s3->arena, first, false, &bucket, NULL) < 0 ||
        percent_decode(s3->arena, *slash ? slash + 1 : "", false, &key, NULL) < 0 ||
        !text_utf8(key, strlen(key)))
        return s3_fail(s3, err, 400, "InvalidURI", "Couldn't parse the specified URI.");
    if (*bucket && !s3_bucket_name_is_valid(bucket))
        return s3_fail(s3, err, 400, "InvalidBucketName", "The specified bucket is not valid.");
    if (strlen(key) > S3_LONGEST_KEY)
        return s3_fail(s3, err, 400, "KeyTooLongError", "Your key is too long");
    s3->bucket_name = bucket;
    s3->key = key;
    return 0;
}

/* Parameters that ask for something no row of the table does. */
static const char *const elsewhere[] = {"legal-hold", "metadataTable", "renameObject", "restore",
                                        "retention",  "select",        "session",      "torrent"};

static bool asks_for_more(struct s3_call *s3, const struct s3_route *routes, size_t count)
{
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
        if (s3_query(s3, elsewhere[i]))
            return true;
    for (size_t i = 0; i < count; i++)
        if (routes[i].query && s3_query(s3, routes[i].query))
            return true;
    return false;
}

static bool is_at(struct s3_call *s3, const struct s3_route *route)
{
    enum s3_level level = *s3->key ? S3_OBJECT : *s3->bucket_name ? S3_BUCKET : S3_SERVICE;
    return route->method == http_request_method(s3->call->request) && route->level == level;
}

static int find_route(struct s3_call *s3, const struct s3_route *routes, size_t count, struct error *err)
{
    for (size_t i = 0; i < count && !s3->route; i++)
        if (is_at(s3, &routes[i]) && routes[i].query && s3_query(s3, routes[i].query))
            s3->route = &routes[i];
    bool more = asks_for_more(s3, routes, count);
    for (size_t i = 0; i < count && !s3->route && !more; i++)
        if (is_at(s3, &routes[i]) && !routes[i].query)
            s3->route = &routes[i];
    if (!s3->route)
        return s3_fail(s3, err, 501, "NotImplemented",
                       "A header or query you provided implies functionality that is not implemented.");
    s3->call->action = s3->route->name;
    return 0;
}

const char *s3_call_name(struct call *call, const struct s3_route *routes, size_t count)
{
    struct s3_call *s3 = arena_alloc(call->arena, sizeof *s3);
    struct error why = {0};
    s3->call = call;
    s3->arena = call->arena;
    int status = call->status;
    bool found = read_path(s3, &why) == 0 && find_route(s3, routes, count, &why) == 0;
    call->status = status;
    return found ? s3->route->name : NULL;
}

static int find_bucket(struct s3_call *s3, struct error *err)
{
    bool creates = s3->route->level == S3_BUCKET && s3->route->method == HTTP_PUT && !s3->route->query;
    if (creates || !*s3->bucket_name)
        return 0;
    if (!s3_bucket_find(s3->call->region, s3->arena, s3->bucket_name, &s3->bucket))
        return s3_fail(s3, err, 404, "NoSuchBucket", "The specified bucket does not exist");
    const char *expected = s3_header(s3, "x-amz-expected-bucket-owner");
    if (expected && !text_equal(expected, s3->bucket.owner))
        return s3_fail(s3, err, 403, "AccessDenied", "Access Denied");
    return 0;
}

static int read_version(struct s3_call *s3, struct error *err)
{
    s3->version = s3_query(s3, "versionId");
    if (!s3->version || s3->route->version_action)
        return 0;
    return s3_fail(s3, err, 400, "InvalidArgument", "This operation does not accept a version-id.");
}

/* Before anything is looked up. */
static int authorize_route(struct s3_call *s3, struct error *err)
{
    const char *action = s3->version ? s3->route->version_action : s3->route->action;
    return action ? s3_authorize(s3, action, *s3->key ? s3->key : NULL, err) : 0;
}

int s3_call_begin(struct call *call, const struct s3_route *routes, size_t route_count, struct s3_call **made,
                  struct error *err)
{
    struct s3_call *s3 = arena_alloc(call->arena, sizeof(*s3));
    s3->call = call;
    s3->arena = call->arena;
    *made = s3;
    if (s3_region(call->region, &s3->s3, err) < 0 || read_path(s3, err) < 0 ||
        find_route(s3, routes, route_count, err) < 0 || faults_meet(call, err) < 0 ||
        find_bucket(s3, err) < 0 || read_version(s3, err) < 0 || authorize_route(s3, err) < 0)
        return -1;
    return s3->route->begin ? s3->route->begin(s3, err) : 0;
}
