/* What both roles have: how the node is, and the forms of documents, queries and results. */
#include "service.h"

#include "base/clock.h"
#include "base/text.h"
#include "index.h"

#include <string.h>
#include <sys/statvfs.h>

enum { NAME_OF_DOCUMENT_LONGEST = 512 };

enum http_answer get_status(struct http_request *request)
{
    static const char ok[] = "OK\n";
    http_respond_text(request, 200, "text/plain", ok);
    return HTTP_ANSWERED;
}

static json_t *gauge(const char *name, double value)
{
    return json_pack("{s:s, s:{s:f}}", "name", name, "values", "last", value);
}

enum http_answer get_health(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    json_t *health = json_pack("{s:I, s:{s:s}}", "time", (json_int_t)clock_now_ms(), "status", "code", "up");
    if (atomic_load(&service->moved))
        json_object_set_new(health, "dataMoved", json_true());
    const char *follows = service_follows(service);
    if (follows)
        json_object_set_new(health, "configChecksum", json_string(follows));
    http_respond_json(request, 200, health);
    return HTTP_ANSWERED;
}

enum http_answer get_metrics(struct http_request *request)
{
    struct service *service = http_request_server_context(request);
    json_t *values = json_array();
    json_array_append_new(values, gauge("requests_total", (double)atomic_load(&service->requests)));
    json_array_append_new(values, gauge("failed_requests_total", (double)atomic_load(&service->failures)));
    json_array_append_new(values, gauge("feed_operations_total", (double)atomic_load(&service->feeds)));
    json_array_append_new(values, gauge("queries_total", (double)atomic_load(&service->queries)));
    if (service->index)
        json_array_append_new(values, gauge("documents", (double)index_count(service->index)));
    struct statvfs disk;
    if (service->index && statvfs(service->data_directory, &disk) == 0)
        json_array_append_new(values,
                              gauge("disk_free_bytes", (double)disk.f_bavail * (double)disk.f_frsize));
    http_respond_json(request, 200,
                      json_pack("{s:{s:s}, s:{s:o}}", "status", "code", "up", "metrics", "values", values));
    return HTTP_ANSWERED;
}

static bool is_document_name(const char *text)
{
    return !text_empty(text) && strlen(text) <= NAME_OF_DOCUMENT_LONGEST;
}

int document_id_of(struct http_request *request, struct document_id *id, struct error *err)
{
    *id = (struct document_id){
        .space = http_request_parameter(request, "namespace"),
        .type = http_request_parameter(request, "type"),
        .id = http_request_parameter(request, "id"),
    };
    if (!is_document_name(id->space) || !text_only(id->space, "A-Za-z0-9_.-") ||
        !is_document_name(id->type) || !text_only(id->type, "A-Za-z0-9_-") || !is_document_name(id->id))
        return error_set(err, ERROR_INVALID, "a document is at /document/v1/<namespace>/<type>/docid/<id>");
    return 0;
}

char *document_id_text(struct arena *arena, const struct document_id *id)
{
    return arena_format(arena, "id:%s:%s::%s", id->space, id->type, id->id);
}

char *document_path(struct arena *arena, const struct document_id *id)
{
    return arena_format(arena, "/document/v1/%s/%s/docid/%s", id->space, id->type,
                        percent_encode(arena, id->id, false));
}

json_t *document_answer(struct arena *arena, const struct document_id *id)
{
    return json_pack("{s:s, s:s}", "pathId", document_path(arena, id), "id", document_id_text(arena, id));
}

static int number_of(const char *text, const char *name, int64_t most, int64_t *number, struct error *err)
{
    return text ? text_number(text, 0, most, name, number, err) : 0;
}

/* Members of a JSON body are parameters too; numbers may be written as numbers. */
static const char *parameter_of(struct http_request *request, json_t *body, const char *name)
{
    json_t *member = json_object_get(body, name);
    if (json_is_integer(member))
        return arena_format(http_request_arena(request), "%lld", (long long)json_integer_value(member));
    const char *text = json_string_value(member);
    return text ? text : http_request_query(request, name);
}

int query_of(struct http_request *request, struct query *query, struct error *err)
{
    size_t length = 0;
    const char *text = http_request_body(request, &length);
    json_t *body = NULL;
    if (length && json_parse(http_request_arena(request), text, length, &body, err) < 0)
        return error_context(err, "the query's body");
    *query = (struct query){.words = parameter_of(request, body, "query"), .hits = HITS_DEFAULT};
    const char *yql = parameter_of(request, body, "yql");
    query->everything = text_empty(query->words) && yql && strstr(yql, "where true");
    if (number_of(parameter_of(request, body, "hits"), "hits", HITS_MOST, &query->hits, err) < 0 ||
        number_of(parameter_of(request, body, "offset"), "offset", OFFSET_MOST, &query->offset, err) < 0)
        return -1;
    if (text_empty(query->words) && !query->everything)
        return error_set(err, ERROR_INVALID,
                         "no query: give query=<words>, or yql with \"where true\" for everything");
    return 0;
}

static int by_relevance(const void *left, const void *right)
{
    const struct hit *a = left, *b = right;
    if (a->relevance > b->relevance || a->relevance < b->relevance)
        return a->relevance > b->relevance ? -1 : 1;
    return strcmp(a->id, b->id);
}

void hits_sort(struct hits *hits)
{
    if (hits->count)
        qsort(hits->items, hits->count, sizeof *hits->items, by_relevance);
}

json_t *hits_answer(const struct hits *hits, const struct query *query, int coverage)
{
    json_t *children = json_array();
    size_t end = (size_t)(query->offset + query->hits);
    for (size_t i = (size_t)query->offset; i < hits->count && i < end; i++)
        json_array_append_new(children, json_pack("{s:s, s:f, s:O}", "id", hits->items[i].id, "relevance",
                                                  hits->items[i].relevance, "fields", hits->items[i].fields));
    return json_pack("{s:{s:s, s:f, s:{s:I}, s:{s:i, s:b}, s:o}}", "root", "id", "toplevel", "relevance", 1.0,
                     "fields", "totalCount", (json_int_t)hits->total, "coverage", "coverage", coverage,
                     "full", coverage == 100, "children", children);
}
