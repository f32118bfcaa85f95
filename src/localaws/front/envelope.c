#include "localaws/front/envelope.h"

#include "base/text.h"
#include "localaws/trail/trail.h"

#include <stdio.h>

enum { ANSWER_LARGEST = 64 << 20 };

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static void write_ec2(struct call *call, struct buffer *out)
{
    buffer_format(out, XML_HEAD "<%sResponse xmlns=\"%s\"><requestId>%s</requestId>", call->action,
                  call->interface->xml_namespace, call->request_id);
    buffer_append(out, buffer_string(&call->answer), call->answer.length);
    buffer_format(out, "</%sResponse>", call->action);
}

static void write_query(struct call *call, struct buffer *out)
{
    buffer_format(out, "<%sResponse xmlns=\"%s\"><%sResult>", call->action, call->interface->xml_namespace,
                  call->action);
    buffer_append(out, buffer_string(&call->answer), call->answer.length);
    buffer_format(out,
                  "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>",
                  call->action, call->request_id, call->action);
}

static void write_json(struct call *call, struct buffer *out)
{
    if (call->answer.length)
        buffer_append(out, call->answer.data, call->answer.length);
    else
        buffer_text(out, "{}");
}

static void write_ec2_refusal(struct call *call, const char *code, const char *message, struct buffer *out)
{
    buffer_format(out, XML_HEAD "<Response><Errors><Error><Code>%s</Code><Message>", code);
    buffer_xml(out, message);
    buffer_format(out, "</Message></Error></Errors><RequestID>%s</RequestID></Response>", call->request_id);
}

static void write_query_refusal(struct call *call, const char *code, const char *message, struct buffer *out)
{
    buffer_format(out, "<ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type><Code>%s</Code><Message>",
                  call->interface ? call->interface->xml_namespace : "",
                  call->status >= 500 ? "Receiver" : "Sender", code);
    buffer_xml(out, message);
    buffer_format(out, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", call->request_id);
}

static void write_json_refusal(struct call *call, const char *code, const char *message, struct buffer *out)
{
    json_t *body = json_pack("{s:s, s:s?}", "__type", code, "message", message);
    if (body)
        buffer_text(out, json_text(call->arena, body));
    json_decref(body);
}

static void write_s3_refusal(struct call *call, const char *code, const char *message, struct buffer *out)
{
    if (http_request_method(call->request) == HTTP_HEAD)
        return; /* a HEAD's refusal is its status alone */
    buffer_format(out, XML_HEAD "<Error><Code>%s</Code><Message>", code);
    buffer_xml(out, message);
    buffer_text(out, "</Message><Resource>");
    buffer_xml(out, http_request_path(call->request));
    buffer_format(out, "</Resource><RequestId>%s</RequestId></Error>", call->request_id);
}

static const struct form {
    const char *content_type, *request_id_header;
    void (*answer)(struct call *call, struct buffer *out);
    void (*refusal)(struct call *call, const char *code, const char *message, struct buffer *out);
} forms[] = {
    [PROTOCOL_EC2] = {"text/xml;charset=UTF-8", "x-amzn-RequestId", write_ec2, write_ec2_refusal},
    [PROTOCOL_QUERY] = {"text/xml", "x-amzn-RequestId", write_query, write_query_refusal},
    [PROTOCOL_JSON] = {"application/x-amz-json-1.1", "x-amzn-RequestId", write_json, write_json_refusal},
    [PROTOCOL_S3] = {"application/xml", "x-amz-request-id", NULL, write_s3_refusal},
};

/* The code of an error that names none, by its kind. */
static const char *const plain_codes[][4] = {
    /*                        EC2                      QUERY                 JSON                       S3 */
    [ERROR_INVALID] = {"InvalidParameterValue", "ValidationError", "ValidationException", "InvalidRequest"},
    [ERROR_UNAUTHENTICATED] = {"AuthFailure", "MissingAuthenticationToken",
                               "MissingAuthenticationTokenException", "AccessDenied"},
    [ERROR_FORBIDDEN] = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AccessDenied"},
    [ERROR_NOT_FOUND] = {"InvalidID.NotFound", "NoSuchEntity", "NotFoundException", "NoSuchKey"},
    [ERROR_CONFLICT] = {"IncorrectState", "DeleteConflict", "ConflictException", "OperationAborted"},
    [ERROR_THROTTLED] = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "SlowDown"},
    [ERROR_UNAVAILABLE] = {"Unavailable", "ServiceUnavailable", "ServiceUnavailableException",
                           "ServiceUnavailable"},
    [ERROR_INTERNAL] = {"InternalError", "InternalFailure", "InternalFailure", "InternalError"},
};

enum http_answer call_answer(struct call *call)
{
    cleanup(buffer_free) struct buffer out = buffer_new(ANSWER_LARGEST);
    const struct form *form = &forms[call->interface->protocol];
    form->answer(call, &out);
    if (call->answer.overflow || out.overflow) {
        struct error err = {0};
        error_set(&err, ERROR_INTERNAL, "the answer is larger than this server sends");
        return call_refuse(call, &err);
    }
    trail_call(call, NULL);
    http_respond_header(call->request, form->request_id_header, call->request_id);
    http_respond(call->request, 200, form->content_type, out.data, out.length);
    return HTTP_ANSWERED;
}

enum http_answer call_refuse(struct call *call, const struct error *err)
{
    cleanup(buffer_free) struct buffer out = buffer_new(ANSWER_LARGEST);
    enum protocol protocol = call->interface ? call->interface->protocol : PROTOCOL_QUERY;
    const struct form *form = &forms[protocol];
    enum error_kind kind = err->kind == ERROR_NONE ? ERROR_INTERNAL : err->kind;
    const char *code = *err->code ? err->code : plain_codes[kind][protocol];
    if (!call->status)
        call->status = http_status(kind);
    form->refusal(call, code, err->message, &out);
    struct error coded = *err;
    snprintf(coded.code, sizeof coded.code, "%s", code);
    trail_call(call, &coded);
    http_respond_header(call->request, form->request_id_header, call->request_id);
    if (protocol == PROTOCOL_JSON)
        http_respond_header(call->request, "x-amzn-ErrorType", code);
    http_respond(call->request, call->status, form->content_type, buffer_string(&out), out.length);
    return HTTP_ANSWERED;
}
