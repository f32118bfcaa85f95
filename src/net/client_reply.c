#include "base/file.h"
#include "base/record.h"
#include "base/text.h"
#include "net/client.h"

#include <string.h>

enum { ANSWER_LIMIT = 16 << 20, MESSAGE_LONGEST = 800 };

static size_t give_up(struct exchange *exchange, const char *why)
{
    error_set(&exchange->refusal, ERROR_INVALID, "%s %.200s: %s", http_method_name(exchange->call->method),
              exchange->call->url, why);
    return 0;
}

/* "HTTP/1.1 200 OK" begins an answer; an interim one ("100 Continue") may come before the one that counts. */
static void begin_answer(struct exchange *exchange, const char *line)
{
    const char *space = strchr(line, ' ');
    exchange->status = space ? atoi(space + 1) : 0;
    exchange->reply->headers = (struct http_headers){0};
}

size_t client_take_header(char *line, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count;
    exchange->header_bytes += length;
    if (exchange->header_bytes > HEADERS_LARGEST)
        return give_up(exchange, "the answer's headers are too long");
    char *text = text_trim(exchange->arena, arena_strndup(exchange->arena, line, length));
    char *colon = strchr(text, ':');
    if (text_starts(text, "HTTP/")) {
        begin_answer(exchange, text);
    } else if (colon) {
        *colon = '\0';
        http_headers_add(exchange->arena, &exchange->reply->headers, text, text_trim(exchange->arena, colon + 1));
    }
    return length;
}

size_t client_take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const struct http_call *call = exchange->call;
    size_t length = size * count;
    if (call->answer_file > 0 && exchange->status / 100 == 2) {
        if (call->answer_limit && length > call->answer_limit - exchange->answered)
            return give_up(exchange, "the answer is larger than wanted");
        exchange->answered += length;
        return file_write_all(call->answer_file, bytes, length, &exchange->refusal) < 0 ? 0 : length;
    }
    if (!exchange->answer.maximum)
        exchange->answer = buffer_new(call->answer_limit ? call->answer_limit : ANSWER_LIMIT);
    buffer_append(&exchange->answer, bytes, length);
    return exchange->answer.overflow ? give_up(exchange, "the answer is larger than wanted") : length;
}

int http_reply_check(const struct http_reply *reply, const char *what, struct error *err)
{
    enum error_kind kind = http_error_kind(reply->status);
    if (kind == ERROR_NONE)
        return 0;
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *json = NULL;
    const char *message = NULL, *code = NULL;
    if (json_parse(arena, reply->body ? reply->body : "", reply->length, &json, NULL) == 0) {
        message = json_member_text(json, "message");
        code = json_member_text(json, "error-code");
    }
    if (message)
        error_code(err, kind, code ? code : "", "%.*s", MESSAGE_LONGEST, message);
    else
        error_set(err, kind, "HTTP status %d", reply->status);
    return what ? error_context(err, "%s", what) : -1;
}
