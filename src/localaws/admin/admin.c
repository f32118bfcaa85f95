#include "localaws/admin/admin.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/ec2/event.h"
#include "localaws/faults/faults.h"

enum { ADMIN_SIDE = 1, EVERYONE = 1, IN_SECONDS_MOST = 90 * 24 * 3600 };

/* What is asked about an instance. */
struct wish {
    char *code, *description, *event;
    int64_t in_s;
    int how;
};

static const char *const breakages[] = {[INSTANCE_LOST] = "terminate", [INSTANCE_HALTED] = "stop", NULL};

static const struct field schedule_fields[] = {
    FIELD_TEXT(struct wish, code, "code", REQUIRED, 64, NULL, "EC2's: instance-retirement, ..."),
    FIELD_INTEGER(struct wish, in_s, "inSeconds", OPTIONAL, 0, IN_SECONDS_MOST, "when"),
    FIELD_TEXT(struct wish, description, "description", OPTIONAL, 255, NULL, "EC2's words when absent"),
    FIELD_END,
};
static const struct field end_fields[] = {
    FIELD_TEXT(struct wish, event, "event", OPTIONAL, 64, NULL, "its id; absent: all of the instance"),
    FIELD_END,
};
static const struct field break_fields[] = {
    FIELD_ENUM(struct wish, how, "how", REQUIRED, breakages, "what becomes of the instance"),
    FIELD_END,
};
static const struct record schedule_record = {"event", sizeof(struct wish), schedule_fields},
                           end_record = {"event", sizeof(struct wish), end_fields},
                           break_record = {"breakage", sizeof(struct wish), break_fields};

static struct region *region_of(struct http_request *request)
{
    return http_request_server_context(request);
}

static enum http_answer done(struct http_request *request, int result, const struct error *err)
{
    if (result < 0)
        return http_fail(request, err);
    http_respond_json(request, 200, json_object());
    return HTTP_ANSWERED;
}

static int read_wish(struct http_request *request, const struct record *record, struct wish *wish,
                     struct error *err)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    *wish = (struct wish){0};
    return record_parse(record, http_request_arena(request), length ? body : "{}", length ? length : 2, wish,
                        err);
}

static enum http_answer list_faults(struct http_request *request)
{
    http_respond_json(request, 200, json_pack("{s:o}", "faults", faults_list(region_of(request))));
    return HTTP_ANSWERED;
}

static enum http_answer add_fault(struct http_request *request)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    json_t *wanted, *added;
    struct error err = {0};
    if (json_parse(http_request_arena(request), body ? body : "", length, &wanted, &err) < 0 ||
        faults_add(region_of(request), wanted, &added, &err) < 0)
        return http_fail(request, &err);
    http_respond_json(request, 201, added);
    return HTTP_ANSWERED;
}

static enum http_answer remove_fault(struct http_request *request)
{
    struct error err = {0};
    return done(request, faults_remove(region_of(request), http_request_parameter(request, "id"), &err),
                &err);
}

static enum http_answer clear_faults(struct http_request *request)
{
    struct error err = {0};
    faults_clear(region_of(request));
    return done(request, 0, &err);
}

static enum http_answer schedule(struct http_request *request)
{
    struct error err = {0};
    struct wish wish;
    int result = read_wish(request, &schedule_record, &wish, &err);
    if (result == 0)
        result = ec2_schedule_event(region_of(request), http_request_parameter(request, "id"), wish.code,
                                    clock_now_ms() + wish.in_s * 1000, wish.description, &err);
    return done(request, result, &err);
}

static enum http_answer end_event(struct http_request *request,
                                  int (*end)(struct region *region, const char *instance_id,
                                             const char *event_id, struct error *err))
{
    struct error err = {0};
    struct wish wish;
    int result = read_wish(request, &end_record, &wish, &err);
    if (result == 0)
        result = end(region_of(request), http_request_parameter(request, "id"), wish.event, &err);
    return done(request, result, &err);
}

static enum http_answer cancel(struct http_request *request)
{
    return end_event(request, ec2_cancel_event);
}

static enum http_answer complete(struct http_request *request)
{
    return end_event(request, ec2_complete_event);
}

static enum http_answer break_instance(struct http_request *request)
{
    struct error err = {0};
    struct wish wish;
    int result = read_wish(request, &break_record, &wish, &err);
    if (result == 0)
        result = ec2_break_instance(region_of(request), http_request_parameter(request, "id"),
                                    (enum instance_breakage)wish.how, &err);
    return done(request, result, &err);
}

/* clang-format off */
static const struct http_route routes[] = {
    {ADMIN_SIDE, HTTP_GET,    "/faults",                         EVERYONE, list_faults},
    {ADMIN_SIDE, HTTP_POST,   "/faults",                         EVERYONE, add_fault},
    {ADMIN_SIDE, HTTP_DELETE, "/faults",                         EVERYONE, clear_faults},
    {ADMIN_SIDE, HTTP_DELETE, "/faults/{id}",                    EVERYONE, remove_fault},
    {ADMIN_SIDE, HTTP_POST,   "/instances/{id}/events",          EVERYONE, schedule},
    {ADMIN_SIDE, HTTP_POST,   "/instances/{id}/events/cancel",   EVERYONE, cancel},
    {ADMIN_SIDE, HTTP_POST,   "/instances/{id}/events/complete", EVERYONE, complete},
    {ADMIN_SIDE, HTTP_POST,   "/instances/{id}/break",           EVERYONE, break_instance},
};
/* clang-format on */

int admin_start(struct region *region, struct http_server **server, struct error *err)
{
    cleanup(memory_free) char *path = memory_format("%s/admin.sock", region->directory);
    struct http_listener listener = {.side = ADMIN_SIDE, .socket = -1};
    const struct http_server_options options = {
        .name = "admin",
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .context = region,
        .worker_threads = 1,
    };
    if (http_listen_local(path, &listener.socket, err) < 0)
        return -1;
    return http_server_start(&options, &listener, 1, server, err);
}
