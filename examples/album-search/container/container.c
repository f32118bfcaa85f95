/* The container role: what clients of the application call. Documents go to the content node that their id
 * falls to (place.h), queries to all of them, over mTLS with the node's own identity; whoever answers must be
 * a node of this application. A document that was put when there were other nodes is where it was then, so it
 * is looked for on all, and what is written anew is deleted there. */
#include "service.h"

#include "base/text.h"
#include "logs.h"
#include "place.h"
#include "zone/names.h"

#include <string.h>

enum { FORWARD_TIMEOUT_MS = 10 * 1000, CONNECT_TIMEOUT_MS = 2000, ANSWER_LARGEST = 32 << 20 };

static int call_content(struct service *service, const struct node_config *config, size_t place,
                        enum http_method method, const char *target, const char *body, size_t length,
                        struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct http_call call = {
        .method = method,
        .url = arena_format(arena, "https://[%s]:%d%s", config->content[place].address, NODE_PORT, target),
        .body = length ? body : NULL,
        .body_length = length,
        .timeout_ms = FORWARD_TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .answer_limit = ANSWER_LARGEST,
        .check_context = (void *)config->peer_principal,
    };
    if (length)
        http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    struct error why = {0};
    if (http_call(service->peers, &call, arena, reply, &why) == 0)
        return 0;
    logs_vespa(service->logs, "warning", "container.dispatch", "content node %s does not answer: %s",
               config->content[place].hostname, why.message);
    return error_set(err, why.kind, "content node %s: %s", config->content[place].hostname, why.message);
}

static int check_content(const struct node_config *config, struct error *err)
{
    return config->content_count
               ? 0
               : error_set(err, ERROR_UNAVAILABLE, "the application has no content nodes yet");
}

/* Beside the place it has now: read there when it is not here, and no older copy left of what is written. */
static void look_elsewhere(struct service *service, const struct node_config *config, size_t place,
                           enum http_method method, const char *path, struct arena *arena,
                           struct http_reply *reply)
{
    bool reading = method == HTTP_GET;
    if (reply->status != (reading ? 404 : 200))
        return;
    for (size_t i = 0; i < config->content_count; i++) {
        struct http_reply other;
        if (i == place || call_content(service, config, i, reading ? HTTP_GET : HTTP_DELETE, path, NULL, 0,
                                       arena, &other, NULL) < 0)
            continue;
        if (reading && other.status == 200) {
            *reply = other;
            return;
        }
    }
}

static enum http_answer forward_document(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    const struct node_config *config = service_config(service);
    struct arena *arena = http_request_arena(request);
    struct document_id id;
    struct http_reply reply;
    struct error err = {0};
    json_t *answer = NULL;
    size_t length = 0;
    const char *body = http_request_body(request, &length);
    if (document_id_of(request, &id, &err) < 0 || check_content(config, &err) < 0)
        return answer_error(request, &err);
    size_t place = place_of(config, document_id_text(arena, &id));
    const char *path = document_path(arena, &id);
    enum http_method method = http_request_method(request);
    if (call_content(service, config, place, method, path, body, length, arena, &reply, &err) < 0)
        return answer_error(request, &err);
    if (config->content_count > 1)
        look_elsewhere(service, config, place, method, path, arena, &reply);
    if (json_parse(arena, reply.body, reply.length, &answer, &err) < 0)
        return answer_error(request, &err);
    if (http_request_method(request) != HTTP_GET && reply.status == 200)
        atomic_fetch_add(&service->feeds, 1);
    return answer_json(request, reply.status, json_incref(answer));
}

/* While it moves a document may be on two nodes. */
static bool has_hit(const struct hits *hits, const char *id)
{
    for (size_t i = 0; i < hits->count; i++)
        if (text_equal(hits->items[i].id, id))
            return true;
    return false;
}

/* Adds what one content node found; the answer is one of ours, but nothing is taken from it unchecked. */
static void gather(struct arena *arena, json_t *answer, struct hits *hits, size_t room)
{
    json_t *root = json_object_get(answer, "root"), *child;
    size_t i;
    hits->total += json_integer_value(json_object_get(json_object_get(root, "fields"), "totalCount"));
    json_array_foreach(json_object_get(root, "children"), i, child) {
        const char *id = json_member_text(child, "id");
        json_t *fields = json_object_get(child, "fields");
        if (id && has_hit(hits, id))
            hits->total--;
        else if (id && json_is_object(fields) && hits->count < room)
            hits->items[hits->count++] = (struct hit){
                arena_strdup(arena, id), json_number_value(json_object_get(child, "relevance")), fields};
    }
}

static char *search_target(struct arena *arena, const struct query *query)
{
    const char *what = query->everything
                           ? arena_format(arena, "yql=%s", percent_encode(arena, "where true", false))
                           : arena_format(arena, "query=%s", percent_encode(arena, query->words, false));
    return arena_format(arena, "/search/?%s&hits=%lld", what, (long long)(query->hits + query->offset));
}

/* One node that is away makes the result incomplete, and it says so; only all of them make it fail. */
static int search_everywhere(struct service *service, const struct node_config *config, struct arena *arena,
                             const struct query *query, struct hits *hits, int *coverage, struct error *err)
{
    size_t room = (size_t)(query->hits + query->offset) * config->content_count, answered = 0;
    const char *target = search_target(arena, query);
    *hits = (struct hits){.items = arena_alloc(arena, (room + 1) * sizeof *hits->items)};
    for (size_t i = 0; i < config->content_count; i++) {
        struct http_reply reply;
        json_t *answer = NULL;
        if (call_content(service, config, i, HTTP_GET, target, NULL, 0, arena, &reply, err) < 0 ||
            http_reply_check(&reply, config->content[i].hostname, err) < 0 ||
            json_parse(arena, reply.body, reply.length, &answer, err) < 0)
            continue;
        gather(arena, answer, hits, room);
        answered++;
    }
    *coverage = (int)(answered * 100 / config->content_count);
    hits_sort(hits);
    return answered ? 0 : -1;
}

static enum http_answer search(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    const struct node_config *config = service_config(service);
    struct query query;
    struct hits hits;
    struct error err = {0};
    int coverage = 0;
    if (query_of(request, &query, &err) < 0 || check_content(config, &err) < 0)
        return answer_error(request, &err);
    /* Inside, a node finds what it finds; here the window the client asked for is cut out. */
    if (search_everywhere(service, config, http_request_arena(request), &query, &hits, &coverage, &err) < 0)
        return answer_error(request, &err);
    atomic_fetch_add(&service->queries, 1);
    return answer_json(request, 200, hits_answer(&hits, &query, coverage));
}

#define DOCUMENT "/document/v1/{namespace}/{type}/docid/{id}"

/* clang-format off */
const struct http_route container_routes[] = {
    /* side method      path                 who                                        handler */
    {1, HTTP_GET,    "/status.html",      CALLER_ANYONE,                             get_status, 0, NULL},
    {1, HTTP_GET,    "/state/v1/health",  CALLER_PEER | CALLER_HOST | CALLER_CLIENT, get_health, 0, NULL},
    {1, HTTP_GET,    "/state/v1/metrics", CALLER_PEER | CALLER_HOST,                 get_metrics, 0, NULL},
    {1, HTTP_POST,   DOCUMENT,            CALLER_CLIENT,                             forward_document, DOCUMENT_LARGEST, NULL},
    {1, HTTP_GET,    DOCUMENT,            CALLER_CLIENT,                             forward_document, 0, NULL},
    {1, HTTP_DELETE, DOCUMENT,            CALLER_CLIENT,                             forward_document, 0, NULL},
    {1, HTTP_GET,    "/search/",          CALLER_CLIENT,                             search, 0, NULL},
    {1, HTTP_POST,   "/search/",          CALLER_CLIENT,                             search, 0, NULL},
};
/* clang-format on */
const size_t container_route_count = COUNT_OF(container_routes);
