#include "localaws/front/dispatch.h"

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/faults/faults.h"
#include "localaws/front/arrival.h"
#include "localaws/front/authenticate.h"
#include "localaws/front/envelope.h"
#include "localaws/front/parameters.h"
#include "localaws/services.h"
#include "localaws/ssm/channel.h"

#include <stdio.h>
#include <string.h>

enum { BODY_LARGEST = 4 << 20, ANSWER_INSIDE_LARGEST = 48 << 20 };

static void free_answer(void *call)
{
    buffer_free(&((struct call *)call)->answer);
}

static struct call *call_new(struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    struct call *call = arena_alloc(arena, sizeof *call);
    *call = (struct call){
        .region = http_request_server_context(request),
        .request = request,
        .arena = arena,
        .request_id = random_uuid(arena),
        .secure = http_request_secure(request),
        .answer = buffer_new(ANSWER_INSIDE_LARGEST),
    };
    arena_defer(arena, free_answer, call);
    http_request_set_context(request, call, NULL);
    return call;
}

struct call *call_of(struct http_request *request)
{
    return http_request_context(request);
}

int call_fail(struct call *call, struct error *err, int status, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = arena_vformat(call->arena, format, args);
    va_end(args);
    call->status = status;
    return error_code(err, http_error_kind(status), code, "%s", message);
}

void call_touched(struct call *call, const char *arn, const char *owner)
{
    for (size_t i = 0; i < call->touched_count; i++)
        if (text_equal(call->touched[i].arn, arn))
            return;
    if (call->touched_count < TOUCHED_MOST)
        call->touched[call->touched_count++] =
            (struct touched){arena_strdup(call->arena, arn), arena_strdup(call->arena, owner)};
}

const char *call_parameter(struct call *call, const char *format, ...)
{
    if (!strchr(format, '%'))
        return parameters_get(call->parameters, format);
    char name[256];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return length < (int)sizeof name ? parameters_get(call->parameters, name) : NULL;
}

bool call_true(struct call *call, const char *name)
{
    return text_equal_nocase(call_parameter(call, "%s", name), "true");
}

/* Query protocols: the action and its parameters are the body (or, of a GET, the query). */
static int read_query(struct call *call, const char *body, struct error *err)
{
    struct error why = {0};
    const char *text =
        http_request_method(call->request) == HTTP_GET ? http_request_raw_query(call->request) : body;
    if (parameters_parse(call->arena, text, &call->parameters, &why) < 0)
        return call_fail(call, err, 400, "MalformedQueryString", "%s", why.message);
    call->action = call_parameter(call, "Action");
    if (!call->action)
        return call_fail(call, err, 400, "MissingAction", "The request names no Action");
    return 0;
}

/* JSON protocols: the action is in X-Amz-Target ("TrentService.CreateKey"), its parameters the body. */
static int read_json(struct call *call, const char *body, size_t length, struct error *err)
{
    const char *target = http_request_header(call->request, "x-amz-target");
    if (!target || service_by_target(target) != call->interface)
        return call_fail(call, err, 400, "UnknownOperationException",
                         "X-Amz-Target does not name an operation of %s", call->service);
    call->action = strrchr(target, '.') + 1;
    struct error why = {0};
    if (json_parse(call->arena, length ? body : "{}", length ? length : 2, &call->json, &why) < 0 ||
        !json_is_object(call->json))
        return call_fail(call, err, 400, "SerializationException", "The body is not a JSON object: %s",
                         why.message);
    return 0;
}

/* What a caller who could not prove who they are wanted to do, if it is something that can be done: for the
 * trail. Nothing else of the body is looked at. */
static void name_unproven(struct call *call, const char *body)
{
    const char *name = http_request_header(call->request, "x-amz-target");
    enum protocol protocol = call->interface->protocol;
    if (protocol == PROTOCOL_S3)
        call->action = call->claimed_account ? s3_action(call) : NULL;
    else if (protocol == PROTOCOL_JSON)
        name = name ? strrchr(name, '.') : NULL;
    else
        name = text_starts(body, "Action=") ? body : strstr(body, "&Action=");
    if (!call->claimed_account || protocol == PROTOCOL_S3 || !name || !*name)
        return;
    name += strcspn(name, ".=") + 1;
    const struct action *action =
        service_action(call->interface, arena_strndup(call->arena, name, strcspn(name, "&")));
    call->action = action ? action->name : NULL;
}

static int read_call(struct call *call, struct error *err)
{
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct sigv4_claim claim;
    if (call_claim(call, &claim, err) < 0 || call_arrived(call, err) < 0)
        return -1;
    if (call_authenticate(call, &claim, body ? body : "", length, err) < 0) {
        name_unproven(call, body ? body : "");
        return -1;
    }
    if (call->interface->protocol == PROTOCOL_S3)
        return 0; /* GET / lists buckets; its parameters are S3's to read */
    return call->interface->protocol == PROTOCOL_JSON ? read_json(call, body, length, err)
                                                      : read_query(call, body, err);
}

static int authorize_action(struct call *call, const struct action *action, struct error *err)
{
    const char *name = arena_format(call->arena, "%s:%s", call->interface->iam_prefix, action->name);
    return action->own_authorization ? 0 : call_authorize(call, name, "*", NULL, err);
}

static int run_locked(struct call *call, const struct action *action, struct error *err)
{
    region_lock(call->region);
    cleanup(region_unlock) struct region *locked = call->region;
    (void)locked;
    return authorize_action(call, action, err) < 0 ? -1 : action->handler(call, err);
}

static int run_call(struct call *call, struct error *err)
{
    const struct action *action = service_action(call->interface, call->action);
    if (!action)
        return call_fail(call, err, 400,
                         call->interface->protocol == PROTOCOL_JSON ? "UnknownOperationException"
                                                                    : "InvalidAction",
                         "The action %.100s is not valid for this web service", call->action);
    call->action = action->name;
    if (faults_meet(call, err) < 0)
        return -1;
    if (!action->unlocked)
        return run_locked(call, action, err);
    if (authorize_action(call, action, err) < 0)
        return -1;
    return action->handler(call, err);
}

static void log_call(const struct call *call, const struct error *err)
{
    log_debug("call", "service", call->service, "action", call->action, "caller",
              call->caller ? call->caller->arn : NULL, "request", call->request_id, "error",
              *err->code ? err->code : NULL, "message", err->kind ? err->message : NULL, NULL);
}

/* Of a bucket that is named by the Host alone, S3's path is "/", too. */
static int take_s3_body(struct call *call, struct error *err)
{
    size_t length;
    const char *body = http_request_body(call->request, &length);
    return length ? s3_body_piece(call->request, body, length, err) : 0;
}

static enum http_answer answer_call(struct http_request *request)
{
    struct call *call = call_new(request);
    struct error err = {0};
    int result = read_call(call, &err);
    if (result == 0 && call->interface->protocol == PROTOCOL_S3)
        result = take_s3_body(call, &err);
    if (result == 0 && call->interface->protocol == PROTOCOL_S3)
        return call_late(call, s3_handle(call));
    if (result == 0)
        result = run_call(call, &err);
    log_call(call, &err);
    return call_late(call, result < 0 ? call_refuse(call, &err) : call_answer(call));
}

static enum http_answer answer_s3(struct http_request *request)
{
    return call_late(call_of(request), s3_handle(call_of(request)));
}

/* An S3 body streams, so its caller is known before it comes; the other services' signatures cover the body
 * and are verified with it. */
enum { SIGNED_HEADERS = 1, SIGNED_BODY = 2, OPENED_BY_TOKEN = 4 };

static int authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    (void)context;
    if (who == SIGNED_BODY || who == OPENED_BY_TOKEN)
        return 0;
    struct call *call = call_new(request);
    struct sigv4_claim claim;
    if (call_claim(call, &claim, err) < 0 || call_arrived(call, err) < 0)
        return -1;
    if (call->interface->protocol != PROTOCOL_S3)
        return call_fail(call, err, 403, "SignatureDoesNotMatch",
                         "Only s3 has paths; the call is signed for %s", call->service);
    if (call_authenticate(call, &claim, NULL, 0, err) == 0)
        return http_request_header(request, "expect") ? s3_begin(call, err) : 0;
    if (call->claimed_account)
        call->action = s3_action(call);
    return -1;
}

/* What the HTTP server refuses before a handler sees it, in S3's words (the other services have one path). */
static const struct {
    int status;
    const char *code;
} http_refusals[] = {
    {400, "InvalidRequest"},   {403, "AccessDenied"},   {404, "NoSuchBucket"},
    {405, "MethodNotAllowed"}, {413, "EntityTooLarge"}, {503, "ServiceUnavailable"},
};

static void refuse(struct http_request *request, int status, const struct error *err)
{
    struct call *call = call_of(request) ? call_of(request) : call_new(request);
    struct error refusal = *err;
    if (!call->interface && !text_equal(http_request_path(request), "/"))
        call->interface = service_by_name("s3");
    for (size_t i = 0; !call->status && i < COUNT_OF(http_refusals); i++)
        if (http_refusals[i].status == status)
            snprintf(refusal.code, sizeof refusal.code, "%s", http_refusals[i].code);
    if (!call->status)
        call->status = status;
    call_refuse(call, &refusal);
}

/* clang-format off */
static const struct http_route routes[] = {
    {API_SIDE, HTTP_POST,   "/",          SIGNED_BODY,    answer_call, .body_limit = BODY_LARGEST},
    {API_SIDE, HTTP_GET,    "/",          SIGNED_BODY,    answer_call},
    {API_SIDE, HTTP_GET,    "/v1/data-channel/{session}", OPENED_BY_TOKEN, ssm_open_channel}, /* no bucket is named so shortly */
    {API_SIDE, HTTP_GET,    "/{rest...}", SIGNED_HEADERS, answer_s3},
    {API_SIDE, HTTP_HEAD,   "/{rest...}", SIGNED_HEADERS, answer_s3},
    {API_SIDE, HTTP_DELETE, "/{rest...}", SIGNED_HEADERS, answer_s3},
    {API_SIDE, HTTP_POST,   "/{rest...}", SIGNED_HEADERS, answer_s3, .piece = s3_body_piece},
    {API_SIDE, HTTP_PUT,    "/{rest...}", SIGNED_HEADERS, answer_s3, .piece = s3_body_piece},
};
/* clang-format on */

int api_start(struct region *region, const struct http_listener *listeners, size_t count,
              struct http_server **server, struct error *err)
{
    const struct http_server_options options = {
        .name = "api",
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .authorize = authorize,
        .error_body = refuse,
        .context = region,
        .worker_threads = 8,
        .idle_timeout_s = 300,
    };
    return http_server_start(&options, listeners, count, server, err);
}
