/* The content role: documents where they live, for nodes of the same application only. */
#include "service.h"

#include "base/text.h"
#include "index.h"

static int fields_of(struct http_request *request, json_t **fields, struct error *err)
{
    size_t length = 0;
    const char *text = http_request_body(request, &length);
    json_t *body = NULL;
    if (json_parse(http_request_arena(request), text, length, &body, err) < 0)
        return error_context(err, "document");
    *fields = json_object_get(body, "fields");
    if (!json_is_object(*fields))
        return error_set(err, ERROR_INVALID, "a document is {\"fields\": {...}}");
    return 0;
}

/* A retired node gives what it has, but never in place of what was put here meanwhile. */
static bool is_there_already(struct http_request *request, const struct document_id *id)
{
    struct service *service = http_request_server_context(request);
    json_t *fields = NULL;
    return text_equal(http_request_query(request, "absent"), "true") &&
           index_get(service->index, http_request_arena(request), id, &fields, NULL) == 0;
}

static enum http_answer put_document(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    struct document_id id;
    struct error err = {0};
    json_t *fields = NULL;
    if (document_id_of(request, &id, &err) < 0 || fields_of(request, &fields, &err) < 0)
        return answer_error(request, &err);
    if (is_there_already(request, &id))
        return answer_json(request, 200, document_answer(http_request_arena(request), &id));
    if (index_put(service->index, &id, fields, &err) < 0)
        return answer_error(request, &err);
    atomic_fetch_add(&service->feeds, 1);
    return answer_json(request, 200, document_answer(http_request_arena(request), &id));
}

static enum http_answer get_document(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    struct document_id id;
    struct error err = {0};
    json_t *fields = NULL;
    if (document_id_of(request, &id, &err) < 0)
        return answer_error(request, &err);
    int got = index_get(service->index, http_request_arena(request), &id, &fields, &err);
    if (got < 0 && err.kind != ERROR_NOT_FOUND)
        return answer_error(request, &err);
    json_t *answer = document_answer(http_request_arena(request), &id);
    if (got == 0)
        json_object_set(answer, "fields", fields);
    return answer_json(request, got == 0 ? 200 : 404, answer);
}

static enum http_answer delete_document(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    struct document_id id;
    struct error err = {0};
    if (document_id_of(request, &id, &err) < 0 || index_delete(service->index, &id, &err) < 0)
        return answer_error(request, &err);
    atomic_fetch_add(&service->feeds, 1);
    return answer_json(request, 200, document_answer(http_request_arena(request), &id));
}

static enum http_answer search(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    struct query query;
    struct hits hits;
    struct error err = {0};
    if (query_of(request, &query, &err) < 0 ||
        index_search(service->index, http_request_arena(request), &query, &hits, &err) < 0)
        return answer_error(request, &err);
    atomic_fetch_add(&service->queries, 1);
    return answer_json(request, 200, hits_answer(&hits, &query, 100));
}

#define DOCUMENT "/document/v1/{namespace}/{type}/docid/{id}"

/* clang-format off */
const struct http_route content_routes[] = {
    /* side method      path                 who                        handler */
    {1, HTTP_GET,    "/status.html",      CALLER_ANYONE,             get_status, 0, NULL},
    {1, HTTP_GET,    "/state/v1/health",  CALLER_PEER | CALLER_HOST, get_health, 0, NULL},
    {1, HTTP_GET,    "/state/v1/metrics", CALLER_PEER | CALLER_HOST, get_metrics, 0, NULL},
    {1, HTTP_POST,   DOCUMENT,            CALLER_PEER,               put_document, DOCUMENT_LARGEST, NULL},
    {1, HTTP_GET,    DOCUMENT,            CALLER_PEER,               get_document, 0, NULL},
    {1, HTTP_DELETE, DOCUMENT,            CALLER_PEER,               delete_document, 0, NULL},
    {1, HTTP_GET,    "/search/",          CALLER_PEER,               search, 0, NULL},
};
/* clang-format on */
const size_t content_route_count = COUNT_OF(content_routes);
