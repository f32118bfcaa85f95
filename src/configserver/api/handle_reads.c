/* Load balancers, measurements and health: reads for operators and the controller. */
#include "base/buffer.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/api/shown.h"
#include "configserver/hosts/gauges.h"
#include "configserver/hosts/zone_gauges.h"

enum http_answer list_load_balancers(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    const char *application = http_request_query(request, "application"), *value;
    struct error err = {0};
    for (size_t i = 0; i < http_request_query_count(request); i++)
        if (!text_equal(http_request_query_at(request, i, &value), "application")) {
            error_set(&err, ERROR_INVALID, "there is no filter '%.40s': application is",
                      http_request_query_at(request, i, &value));
            return http_fail(request, &err);
        }
    VIEW(view, zone->repository);
    json_t *list = json_array();
    const char *id = shown_application_id(arena, application);
    if (id)
        view_each_of(view, LOAD_BALANCERS_OF_APPLICATION, id, struct load_balancer, balancer)
            json_array_append_new(list, show_load_balancer(view, balancer, arena));
    else
        view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
            json_array_append_new(list, show_load_balancer(view, balancer, arena));
    http_respond_json(request, 200, json_pack("{s:o}", "loadBalancers", list));
    return HTTP_ANSWERED;
}

enum http_answer get_metrics(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    cleanup(buffer_free) struct buffer text = buffer_new(ZONE_ANSWER_LARGEST);
    cleanup(arena_free) struct arena *arena = arena_new(); /* larger than a request's, and gone at once */
    struct exposition *exposition = exposition_begin(arena);
    VIEW(view, zone->repository);
    zone_gauges_add(zone, view, arena, exposition);
    gauges_add(zone->gauges, view, arena, exposition);
    exposition_print(exposition, &text);
    http_respond(request, 200, "text/plain; version=0.0.4", buffer_string(&text), text.length);
    return HTTP_ANSWERED;
}

enum http_answer get_health(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    http_respond_json(
        request, 200,
        json_pack("{s:I,s:{s:s}}", "time", (json_int_t)zone_now_ms(zone), "status", "code", "up"));
    return HTTP_ANSWERED;
}
