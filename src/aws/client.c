#include "aws/client.h"

#include "aws/request.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/record.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

struct aws_client {
    struct aws_credentials *credentials;
    char *region;
    bool leave_throttles;
    int64_t longest_call; /* ms; 0 */
    int64_t bear_until;   /* 0: throttled calls are tried as often as any */
};

int aws_client_new(struct aws_credentials *credentials, const char *region, struct aws_client **client,
                   struct error *err)
{
    if (text_empty(region) || !text_only(region, "a-z0-9-"))
        return error_set(err, ERROR_INVALID, "\"%s\" is no AWS region", region ? region : "");
    *client = memory_alloc(sizeof(**client));
    (*client)->credentials = credentials;
    (*client)->region = memory_strdup(region);
    return 0;
}

void aws_client_free(struct aws_client **client)
{
    if (!*client)
        return;
    memory_free(&(*client)->region);
    memory_free(client);
}

void aws_client_leave_throttles(struct aws_client *client)
{
    client->leave_throttles = true;
}

void aws_client_bear_throttles(struct aws_client *client, int64_t milliseconds)
{
    client->bear_until = clock_monotonic_ms() + milliseconds;
}

void aws_client_limit_calls(struct aws_client *client, int64_t milliseconds)
{
    client->longest_call = milliseconds;
}

int64_t aws_client_longest_call(const struct aws_client *client)
{
    return client->longest_call;
}

bool aws_client_tries_throttled_again(const struct aws_client *client, int tries)
{
    if (client->leave_throttles)
        return false;
    return client->bear_until > 0 ? clock_monotonic_ms() < client->bear_until : tries < AWS_TRIES;
}

const char *aws_client_region(const struct aws_client *client)
{
    return client->region;
}

struct aws_credentials *aws_client_credentials(const struct aws_client *client)
{
    return client->credentials;
}

void aws_parameter(struct arena *arena, struct aws_parameters *parameters, const char *value,
                   const char *name_format, ...)
{
    if (!value)
        return;
    va_list args;
    va_start(args, name_format);
    char *name = arena_vformat(arena, name_format, args);
    va_end(args);
    http_headers_add(arena, &parameters->items, name, value);
}

enum { LONGEST_FORM = 1 << 20 };

static int form(struct arena *arena, const char *action, const char *version,
                const struct aws_parameters *parameters, struct buffer *body, struct error *err)
{
    buffer_format(body, "Action=%s&Version=%s", action, version);
    for (size_t i = 0; parameters && i < parameters->items.count; i++)
        buffer_format(body, "&%s=%s", percent_encode(arena, parameters->items.items[i].name, false),
                      percent_encode(arena, parameters->items.items[i].value, false));
    return body->overflow ? error_set(err, ERROR_INVALID, "%s: too many parameters", action) : 0;
}

int aws_query_call(struct aws_client *client, const char *service, const char *action,
                   const struct aws_parameters *parameters, struct arena *arena, xmlNode **answer,
                   struct error *err)
{
    const struct aws_service *found = aws_service_find(service);
    cleanup(buffer_free) struct buffer body = buffer_new(LONGEST_FORM);
    if (form(arena, action, found->version, parameters, &body, err) < 0)
        return -1;
    struct aws_request request = {
        .service = found,
        .what = arena_format(arena, "%s %s", service, action),
        .method = HTTP_POST,
        .path = "/",
        .query = "",
        .body = body.data,
        .body_length = body.length,
    };
    http_headers_add(arena, &request.headers, "content-type",
                     "application/x-www-form-urlencoded; charset=utf-8");
    struct http_reply reply;
    if (aws_send(client, &request, arena, &reply, err) < 0)
        return -1;
    return xml_parse(arena, request.what, reply.body, reply.length, answer, err);
}

int aws_json_call(struct aws_client *client, const char *service, const char *target, json_t *body,
                  struct arena *arena, json_t **answer, struct error *err)
{
    struct aws_request request = {
        .service = aws_service_find(service),
        .what = arena_format(arena, "%s %s", service, target),
        .method = HTTP_POST,
        .path = "/",
        .query = "",
        .body = json_text(arena, body),
    };
    request.body_length = strlen(request.body);
    http_headers_add(arena, &request.headers, "content-type", "application/x-amz-json-1.1");
    http_headers_add(arena, &request.headers, "x-amz-target", target);
    struct http_reply reply;
    if (aws_send(client, &request, arena, &reply, err) < 0)
        return -1;
    if (json_parse(arena, reply.body, reply.length, answer, err) < 0)
        return error_context(err, "%s", request.what);
    return 0;
}
