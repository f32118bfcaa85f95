#include "base/text.h"
#include "net/server.h"

#include <string.h>
#include <unistd.h>

enum { STREAM_BLOCK = 32 * 1024 };

void answer_clear(struct answer *answer)
{
    if (answer->response)
        MHD_destroy_response(answer->response);
    answer->response = NULL;
}

static void set_answer(struct http_request *request, int status, const char *content_type,
                       struct MHD_Response *response)
{
    answer_clear(&request->answer);
    request->answer.response = response;
    request->answer.status = response ? status : 500;
    request->answer.content_type = arena_strdup(request->arena, content_type);
}

void http_respond(struct http_request *request, int status, const char *content_type, const void *body,
                  size_t length)
{
    set_answer(request, status, content_type,
               MHD_create_response_from_buffer(length, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY));
}

void http_respond_text(struct http_request *request, int status, const char *content_type, const char *text)
{
    http_respond(request, status, content_type, text, strlen(text));
}

void http_respond_json(struct http_request *request, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(json);
    if (!text) {
        struct error err = {0};
        error_set(&err, ERROR_INTERNAL, "the answer cannot be written as JSON");
        respond_error(request, 500, &err);
        return;
    }
    set_answer(request, status, "application/json",
               MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

void http_respond_header(struct http_request *request, const char *name, const char *value)
{
    http_headers_add(request->arena, &request->answer.headers, name, value);
}

struct stream {
    http_body_read *read;
    void *context;
    void (*release)(void *context);
};

static ssize_t stream_read(void *context, uint64_t position, char *buffer, size_t room)
{
    struct stream *stream = context;
    int64_t count = stream->read(stream->context, position, buffer, room);
    if (count < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return count == 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)count;
}

static void stream_free(void *context)
{
    struct stream *stream = context;
    if (stream->release)
        stream->release(stream->context);
    free(stream);
}

void http_respond_stream(struct http_request *request, int status, const char *content_type, int64_t length,
                         http_body_read *read, void *context, void (*release)(void *context))
{
    struct stream *stream = memory_alloc(sizeof *stream);
    *stream = (struct stream){.read = read, .context = context, .release = release};
    uint64_t size = length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length;
    set_answer(request, status, content_type,
               MHD_create_response_from_callback(size, STREAM_BLOCK, stream_read, stream, stream_free));
}

void http_respond_file(struct http_request *request, int status, const char *content_type, int fd, uint64_t offset,
                       uint64_t length)
{
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(length, fd, offset);
    if (!response)
        close(fd);
    set_answer(request, status, content_type, response);
}

/* Vespa's names for what went wrong, where the error brings none of its own. */
static const char *default_code(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {400, "BAD_REQUEST"},        {401, "UNAUTHORIZED"},        {403, "FORBIDDEN"},
        {404, "NOT_FOUND"},          {405, "METHOD_NOT_ALLOWED"},  {409, "CONFLICT"},
        {413, "CONTENT_TOO_LARGE"},  {429, "TOO_MANY_REQUESTS"},   {503, "SERVICE_UNAVAILABLE"},
    };
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "INTERNAL_SERVER_ERROR";
}

static void write_error(struct http_request *request, int status, const char *code, const char *message)
{
    json_t *body = json_pack("{s:s, s:s}", "error-code", code, "message", message);
    if (!body) /* the message quoted bytes that are not UTF-8 */
        body = json_pack("{s:s, s:s}", "error-code", code, "message", "the request is not valid UTF-8");
    http_respond_json(request, status, body);
}

void respond_error(struct http_request *request, int status, const struct error *err)
{
    struct error coded = *err;
    if (!coded.code[0])
        strncpy(coded.code, default_code(status), sizeof coded.code - 1);
    if (request->server->options.error_body)
        request->server->options.error_body(request, status, &coded);
    else
        write_error(request, status, coded.code, coded.message);
}

enum http_answer http_fail(struct http_request *request, const struct error *err)
{
    respond_error(request, http_status(err->kind == ERROR_NONE ? ERROR_INTERNAL : err->kind), err);
    return HTTP_ANSWERED;
}

static void add_headers(struct answer *answer)
{
    bool typed = false;
    for (size_t i = 0; i < answer->headers.count; i++) {
        const struct http_header *header = &answer->headers.items[i];
        typed |= text_equal_nocase(header->name, "Content-Type");
        MHD_add_response_header(answer->response, header->name, header->value);
    }
    if (!typed && answer->content_type)
        MHD_add_response_header(answer->response, "Content-Type", answer->content_type);
}

void http_respond_hang_up(struct http_request *request)
{
    answer_clear(&request->answer);
    request->answer.hung_up = true;
}

enum MHD_Result respond_send(struct http_request *request)
{
    if (request->answer.hung_up)
        return MHD_NO;
    if (!request->answer.response) {
        struct error err = {0};
        error_set(&err, ERROR_INTERNAL, "the request got no answer");
        respond_error(request, 500, &err);
    }
    if (!request->answer.response)
        return MHD_NO;
    add_headers(&request->answer);
    enum MHD_Result result =
        MHD_queue_response(request->mhd, (unsigned)request->answer.status, request->answer.response);
    answer_clear(&request->answer);
    return result;
}

enum MHD_Result respond_closing(struct MHD_Connection *mhd)
{
    static char body[] = "{\"error-code\":\"SERVICE_UNAVAILABLE\",\"message\":\"the server is stopping\"}";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof body - 1, body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(mhd, 503, response);
    MHD_destroy_response(response);
    return result;
}
