#include "localaws/trail/event.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/trail/json_out.h"
#include "localaws/trail/request_shape.h"

#include <string.h>
#include <time.h>

#define EVENT_VERSION "1.11"

/* What only reads begins with one of these, or is listed: KMS's uses of a key, and taking a role's session.
 */
static const char *const reading[] = {"Describe", "Get", "List", "Head", "Lookup", "Search"};
static const struct {
    const char *service, *action;
} also_reading[] = {
    {"kms", "Encrypt"},
    {"kms", "Decrypt"},
    {"kms", "GenerateDataKey"},
    {"kms", "GenerateDataKeyWithoutPlaintext"},
    {"kms", "ReEncrypt"},
    {"kms", "GenerateRandom"},
    {"kms", "GenerateMac"},
    {"kms", "VerifyMac"},
    {"kms", "Sign"},
    {"kms", "Verify"},
    {"sts", "AssumeRole"},
    {"sts", "AssumeRoleWithWebIdentity"},
};

bool event_is_read_only(const char *service, const char *action)
{
    for (size_t i = 0; i < COUNT_OF(reading); i++)
        if (text_starts(action, reading[i]))
            return true;
    for (size_t i = 0; i < COUNT_OF(also_reading); i++)
        if (text_equal(service, also_reading[i].service) && text_equal(action, also_reading[i].action))
            return true;
    return false;
}

bool event_is_data(const char *service, const char *action)
{
    static const char *const about_buckets[] = {"ListBuckets", "CreateBucket", "DeleteBucket"};
    if (!text_equal(service, "s3"))
        return false;
    for (size_t i = 0; i < COUNT_OF(about_buckets); i++)
        if (text_equal(action, about_buckets[i]))
            return false;
    /* GetBucketPolicy, PutPublicAccessBlock and the like are about the bucket, HeadBucket is not */
    return text_equal(action, "HeadBucket") ||
           !(strstr(action, "Bucket") || strstr(action, "PublicAccessBlock") || strstr(action, "ObjectLock"));
}

/* Names that CloudTrail has otherwise than the API. */
static const char *shown_action(const char *service, const char *action)
{
    static const struct {
        const char *service, *action, *shown;
    } others[] = {
        {"s3", "ListObjectsV2", "ListObjects"},
        {"s3", "GetPublicAccessBlock", "GetBucketPublicAccessBlock"},
        {"s3", "PutPublicAccessBlock", "PutBucketPublicAccessBlock"},
        {"s3", "DeletePublicAccessBlock", "DeleteBucketPublicAccessBlock"},
        {"s3", "GetBucketLifecycleConfiguration", "GetBucketLifecycle"},
        {"s3", "PutBucketLifecycleConfiguration", "PutBucketLifecycle"},
        {"s3", "DeleteBucketLifecycleConfiguration", "DeleteBucketLifecycle"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (text_equal(service, others[i].service) && text_equal(action, others[i].action))
            return others[i].shown;
    return action;
}

static void out_time(struct buffer *out, const char *name, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    out_member(out, name, text);
}

/* "arn:aws:iam::1:role/path/name" -> "name" */
static const char *last_part(const char *arn)
{
    const char *slash = strrchr(arn, '/');
    return slash ? slash + 1 : arn;
}

static void out_session(struct buffer *out, const struct caller *caller)
{
    const char *colon = strchrnul(caller->user_id, ':');
    out_name(out, "sessionContext");
    buffer_text(out, "{\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":");
    out_text_n(out, caller->user_id, (size_t)(colon - caller->user_id));
    out_member(out, "arn", caller->principal_arn);
    out_member(out, "accountId", caller->account->id);
    out_member(out, "userName", last_part(caller->principal_arn));
    buffer_text(out, "},\"attributes\":{");
    out_time(out, "creationDate", caller->session_began_ms);
    out_member(out, "mfaAuthenticated", "false");
    buffer_text(out, "}");
    out_member(out, "sourceIdentity", caller->source_identity);
    buffer_text(out, "}");
}

static const char *const types[] = {[CALLER_ROOT] = "Root",
                                    [CALLER_USER] = "IAMUser",
                                    [CALLER_ROLE] = "AssumedRole",
                                    [CALLER_SERVICE] = "AWSService",
                                    [CALLER_FEDERATED] = "FederatedUser"};

/* Another account than the caller's learns its account and id, not its name. */
static void out_identity(struct buffer *out, const struct event *event, const char *recipient)
{
    const struct caller *caller = event->caller;
    out_name(out, "userIdentity");
    buffer_text(out, "{");
    if (!caller) {
        out_member(out, "type", "Unknown");
        out_member(out, "accountId", event->account);
        out_member(out, "accessKeyId", event->claimed_key);
    } else if (caller->kind == CALLER_SERVICE) {
        out_member(out, "type", types[caller->kind]);
    } else if (!text_equal(recipient, caller->account->id)) {
        out_member(out, "type", "AWSAccount");
        out_member(out, "principalId", caller->user_id);
        out_member(out, "accountId", caller->account->id);
    } else {
        out_member(out, "type", types[caller->kind]);
        out_member(out, "principalId", caller->user_id);
        out_member(out, "arn", caller->arn);
        out_member(out, "accountId", caller->account->id);
        out_member(out, "accessKeyId", caller->access_key_id);
        if (caller->kind == CALLER_USER)
            out_member(out, "userName", last_part(caller->arn));
        if (caller->kind == CALLER_ROLE)
            out_session(out, caller);
    }
    out_member(out, "invokedBy", event->invoked_by);
    buffer_text(out, "}");
}

/* EC2's codes say whose fault it was, and a few others are not called what the API calls them. */
static void out_error(struct buffer *out, const struct event *event)
{
    static const struct {
        const char *service, *code, *shown;
    } others[] = {
        {"kms", "AccessDeniedException", "AccessDenied"},
        {"ssm", "AccessDeniedException", "AccessDenied"},
        {"cloudtrail", "AccessDeniedException", "AccessDenied"},
        {"iam", "NoSuchEntity", "NoSuchEntityException"},
        {"iam", "EntityAlreadyExists", "EntityAlreadyExistsException"},
        {"iam", "DeleteConflict", "DeleteConflictException"},
        {"iam", "LimitExceeded", "LimitExceededException"},
        {"iam", "MalformedPolicyDocument", "MalformedPolicyDocumentException"},
    };
    static const char *const servers[] = {"InsufficientInstanceCapacity", "InternalError", "InternalFailure",
                                          "Unavailable", "ServiceUnavailable"};
    const char *shown = event->code, *whose = "Client";
    if (!event->code)
        return;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (text_equal(event->service, others[i].service) && text_equal(event->code, others[i].code))
            shown = others[i].shown;
    for (size_t i = 0; i < COUNT_OF(servers); i++)
        if (text_equal(event->code, servers[i]))
            whose = "Server";
    out_name(out, "errorCode");
    if (text_equal(event->service, "ec2"))
        buffer_format(out, "\"%s.%s\"", whose, shown); /* our own codes: letters, digits and dots */
    else
        out_text(out, shown);
    if (!text_empty(event->message))
        out_member(out, "errorMessage", event->message);
}

static void out_resources(struct buffer *out, const struct event *event)
{
    if (!event->resource_count)
        return;
    out_name(out, "resources");
    buffer_text(out, "[");
    for (size_t i = 0; i < event->resource_count; i++) {
        out_comma(out);
        buffer_text(out, "{");
        out_member(out, "accountId", event->resources[i].owner);
        out_member(out, "type", event->resources[i].type);
        out_member(out, "ARN", event->resources[i].arn);
        buffer_text(out, "}");
    }
    buffer_text(out, "]");
}

static void out_bool(struct buffer *out, const char *name, bool value)
{
    out_name(out, name);
    buffer_text(out, value ? "true" : "false");
}

/* Who could not prove who they are has nothing of theirs shown. */
static void out_asked(struct buffer *out, const struct event *event)
{
    out_name(out, "requestParameters");
    if (event->call && event->caller)
        out_request(out, event->call);
    else if (event->parameters)
        out_json(out, event->service, event->parameters);
    else
        buffer_text(out, "null");
    out_name(out, "responseElements");
    if (event->shows_answer)
        out_response(out, event->call);
    else
        buffer_text(out, "null");
}

static void out_tls(struct buffer *out, const struct event *event)
{
    if (!event->tls_version)
        return;
    char version[16] = "";
    if (text_starts(event->tls_version, "TLS"))
        strncat(strcpy(version, "TLSv"), event->tls_version + 3, sizeof version - 5);
    out_name(out, "tlsDetails");
    buffer_text(out, "{");
    out_member(out, "tlsVersion", version);
    out_member(out, "cipherSuite", event->tls_suite);
    out_member(out, "clientProvidedHostHeader", event->host);
    buffer_text(out, "}");
}

static void out_source(struct buffer *out, const char *service)
{
    char source[64] = "";
    strncat(strncat(source, service, 40), ".amazonaws.com", 20);
    out_member(out, "eventSource", source);
}

void event_write(struct buffer *out, const struct event *event, const char *recipient, const char *id,
                 const char *shared)
{
    bool is_data = event_is_data(event->service, event->action);
    buffer_text(out, "{\"eventVersion\":\"" EVENT_VERSION "\"");
    out_identity(out, event, recipient);
    out_time(out, "eventTime", clock_now_ms());
    out_source(out, event->service);
    out_member(out, "eventName", shown_action(event->service, event->action));
    out_member(out, "awsRegion", event->region->name);
    out_member(out, "sourceIPAddress", event->source);
    out_member(out, "userAgent", event->user_agent);
    out_error(out, event);
    out_asked(out, event);
    if (text_equal(event->service, "s3") && !event->invoked_by) {
        out_name(out, "additionalEventData");
        buffer_text(out, "{\"SignatureVersion\":\"SigV4\"");
        out_member(out, "CipherSuite", event->tls_suite);
        out_member(out, "AuthenticationMethod", event->presigned ? "QueryString" : "AuthHeader");
        buffer_text(out, "}");
    }
    out_member(out, "requestID", event->request_id);
    out_member(out, "eventID", id);
    out_bool(out, "readOnly", event_is_read_only(event->service, event->action));
    out_resources(out, event);
    out_member(out, "eventType", "AwsApiCall");
    out_bool(out, "managementEvent", !is_data);
    out_member(out, "recipientAccountId", recipient);
    out_member(out, "sharedEventID", shared);
    out_member(out, "eventCategory", is_data ? "Data" : "Management");
    out_tls(out, event);
    buffer_text(out, "}");
}
