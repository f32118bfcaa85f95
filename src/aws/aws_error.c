/* What AWS means by an error answer. Three wire forms (XML of EC2, of the query services and S3; JSON) give a
 * code and a message; the code gives the kind, by name where it is listed and by its usual shape otherwise.
 */
#include "aws/request.h"
#include "base/record.h"
#include "base/text.h"

#include <string.h>

struct meaning {
    const char *code;
    enum error_kind kind;
};

static const struct meaning exact[] = {
    {"AccessDenied", ERROR_FORBIDDEN},
    {"AccessDeniedException", ERROR_FORBIDDEN},
    {"UnauthorizedOperation", ERROR_FORBIDDEN},
    {"OptInRequired", ERROR_FORBIDDEN},
    {"Blocked", ERROR_FORBIDDEN},
    {"AuthFailure", ERROR_UNAUTHENTICATED},
    {"ExpiredToken", ERROR_UNAUTHENTICATED},
    {"ExpiredTokenException", ERROR_UNAUTHENTICATED},
    {"IncompleteSignature", ERROR_UNAUTHENTICATED},
    {"InvalidAccessKeyId", ERROR_UNAUTHENTICATED},
    {"InvalidClientTokenId", ERROR_UNAUTHENTICATED},
    {"MissingAuthenticationToken", ERROR_UNAUTHENTICATED},
    {"RequestExpired", ERROR_UNAUTHENTICATED},
    {"RequestTimeTooSkewed", ERROR_UNAUTHENTICATED},
    {"SignatureDoesNotMatch", ERROR_UNAUTHENTICATED},
    {"UnrecognizedClientException", ERROR_UNAUTHENTICATED},
    {"Throttling", ERROR_THROTTLED},
    {"ThrottlingException", ERROR_THROTTLED},
    {"ThrottledException", ERROR_THROTTLED},
    {"RequestThrottled", ERROR_THROTTLED},
    {"RequestThrottledException", ERROR_THROTTLED},
    {"RequestLimitExceeded", ERROR_THROTTLED},
    {"TooManyRequestsException", ERROR_THROTTLED},
    {"PriorRequestNotComplete", ERROR_THROTTLED},
    {"EC2ThrottledException", ERROR_THROTTLED},
    {"SlowDown", ERROR_THROTTLED},
    {"RequestTimeout", ERROR_UNAVAILABLE},
    {"RequestTimeoutException", ERROR_UNAVAILABLE},
    {"InsufficientInstanceCapacity",
     ERROR_CONFLICT}, /* seconds do not help; another try is the caller's decision */
    {"InsufficientHostCapacity", ERROR_CONFLICT},
    {"InsufficientCapacity", ERROR_CONFLICT},
    {"InsufficientFreeAddressesInSubnet", ERROR_CONFLICT},
    {"Unsupported", ERROR_CONFLICT}, /* this type in this zone */
    {"InstanceLimitExceeded", ERROR_CONFLICT},
    {"VcpuLimitExceeded", ERROR_CONFLICT},
    {"IdempotentParameterMismatch", ERROR_CONFLICT},
    {"IdempotentInstanceTerminated", ERROR_CONFLICT},
    {"DependencyViolation", ERROR_CONFLICT},
    {"DeleteConflict", ERROR_CONFLICT},
    {"IncorrectInstanceState", ERROR_CONFLICT},
    {"IncorrectState", ERROR_CONFLICT},
    {"ResourceInUse", ERROR_CONFLICT},
    {"DisabledException", ERROR_CONFLICT},
    {"KMSInvalidStateException", ERROR_CONFLICT},
    {"BucketNotEmpty", ERROR_CONFLICT},
    {"BucketAlreadyOwnedByYou", ERROR_CONFLICT},
    {"OperationAborted", ERROR_CONFLICT},
};

static const struct meaning shapes[] = {
    {"NotFound", ERROR_NOT_FOUND}, {"NoSuch", ERROR_NOT_FOUND}, {"AlreadyExists", ERROR_CONFLICT},
    {"Duplicate", ERROR_CONFLICT}, {"InUse", ERROR_CONFLICT},
};

static enum error_kind meaning_of(const char *code, int status)
{
    for (size_t i = 0; i < COUNT_OF(exact); i++)
        if (strcmp(exact[i].code, code) == 0)
            return exact[i].kind;
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        if (strstr(code, shapes[i].code))
            return shapes[i].kind;
    return http_error_kind(status);
}

/* <Response><Errors><Error>, <ErrorResponse><Error>, or S3's <Error> itself. */
static xmlNode *find_error(xmlNode *node, int depth)
{
    if (strcmp(xml_name(node), "Error") == 0)
        return node;
    for (xmlNode *child = xml_first(node, NULL); child && depth < 3; child = xml_next(child, NULL)) {
        xmlNode *found = find_error(child, depth + 1);
        if (found)
            return found;
    }
    return NULL;
}

static void read_xml(const struct http_reply *reply, struct arena *arena, char **code, char **message)
{
    xmlNode *root = NULL, *error = NULL;
    if (reply->length && xml_parse(arena, "AWS's error", reply->body, reply->length, &root, NULL) == 0)
        error = find_error(root, 0);
    *code = error ? xml_child_content(arena, error, "Code") : NULL;
    *message = error ? xml_child_content(arena, error, "Message") : NULL;
}

/* {"__type": "com.amazonaws.kms#NotFoundException", "message": ...}; some services write "Message". */
static void read_json(const struct http_reply *reply, struct arena *arena, char **code, char **message)
{
    json_t *body = NULL;
    if (!reply->length || json_parse(arena, reply->body, reply->length, &body, NULL) < 0)
        return;
    const char *type = json_member_text(body, "__type");
    const char *text = json_member_text(body, "message");
    const char *hash = type ? strchr(type, '#') : NULL;
    *code = arena_strdup(arena, hash ? hash + 1 : type);
    *message = arena_strdup(arena, text ? text : json_member_text(body, "Message"));
}

int aws_error(const struct aws_request *request, const struct http_reply *reply, struct arena *arena,
              struct error *err)
{
    char *code = NULL, *message = NULL;
    if (request->service->protocol == AWS_JSON)
        read_json(reply, arena, &code, &message);
    else
        read_xml(reply, arena, &code, &message);
    if (text_empty(code)) /* answers to HEAD have no body, and a proxy's answer is not AWS's */
        return error_set(err, http_error_kind(reply->status), "%s: HTTP status %d", request->what,
                         reply->status);
    return error_code(err, meaning_of(code, reply->status), code, "%s: %s (%s)", request->what,
                      text_empty(message) ? "no reason given" : message, code);
}
