/* What calls and launches meet: the rules are asked in the order they were given. The first that refuses
 * decides; delays add up. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/faults/rules.h"
#include "localaws/front/parameters.h"

#include <string.h>

/* How each protocol's services refuse who calls too often, and say that something broke. */
static const struct refusal {
    int status;
    const char *code, *message;
} throttled[] =
    {
        [PROTOCOL_EC2] = {503, "RequestLimitExceeded", "Request limit exceeded."},
        [PROTOCOL_QUERY] = {400, "Throttling", "Rate exceeded"},
        [PROTOCOL_JSON] = {400, "ThrottlingException", "Rate exceeded"},
        [PROTOCOL_S3] = {503, "SlowDown", "Please reduce your request rate."},
},
  broken[] = {
      [PROTOCOL_EC2] = {500, "InternalError", "An internal error has occurred"},
      [PROTOCOL_QUERY] = {500, "InternalFailure",
                          "The request processing has failed because of an unknown error"},
      [PROTOCOL_JSON] = {500, "InternalFailure",
                         "The request processing has failed because of an unknown error"},
      [PROTOCOL_S3] = {500, "InternalError", "We encountered an internal error. Please try again."},
};

/* Some value of the call: a parameter of any name, a text of the body, S3's bucket/key or its ARN. */
static bool names_resource(struct call *call, const char *pattern)
{
    if (call->interface->protocol == PROTOCOL_S3) {
        char *path;
        return percent_decode(call->arena, http_request_path(call->request), false, &path, NULL) == 0 &&
               (fault_pattern(pattern, path + 1) ||
                fault_pattern(pattern, arena_format(call->arena, "arn:aws:s3:::%s", path + 1)));
    }
    size_t count = 0;
    const char *const *pairs = call->parameters ? parameters_all(call->parameters, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (fault_pattern(pattern, pairs[2 * i + 1]))
            return true;
    const char *name;
    json_t *value;
    json_object_foreach(call->json, name, value) {
        if (json_is_string(value) && fault_pattern(pattern, json_string_value(value)))
            return true;
    }
    return false;
}

static bool matches_call(const struct fault *fault, struct call *call)
{
    return fault->kind <= FAULT_LOST && fault_pattern(fault->account, call->account->id) &&
           fault_pattern(fault->service, call->interface->name) &&
           fault_pattern(fault->action, call->action) &&
           (fault_pattern(fault->principal, call->caller->arn) ||
            fault_pattern(fault->principal, call->caller->principal_arn)) &&
           (!fault->resource || names_resource(call, fault->resource));
}

static int refuse(struct call *call, const struct fault *fault, const struct refusal *refusal,
                  struct error *err)
{
    bool own = fault->kind == FAULT_ERROR && fault->code;
    int status = fault->status ? (int)fault->status : own ? 400 : refusal->status;
    return call_fail(call, err, status, own ? fault->code : refusal->code, "%s",
                     fault->message ? fault->message
                     : own          ? "A fault that was asked for"
                                    : refusal->message);
}

/* An empty bucket fires; a full one lets pass, whatever the rule's chances. */
static bool bucket_lets_pass(struct fault *fault, struct call *call)
{
    const char *name =
        arena_format(call->arena, "%s %s %s", call->account->id, call->interface->name, call->action);
    return fault->kind == FAULT_TOKEN_BUCKET && buckets_take(fault->buckets, name, clock_monotonic_ms());
}

static int befall(struct call *call, struct fault *fault, struct error *err)
{
    enum protocol protocol = call->interface->protocol;
    double drawn;
    if (bucket_lets_pass(fault, call)) {
        fault->matched++;
        return 0;
    }
    if (!fault_fires(fault, &drawn))
        return 0;
    log_debug("a fault", "fault", fault->id, "kind", fault_kind_name(fault->kind), "request",
              call->request_id, NULL);
    if (fault->kind == FAULT_LATENCY)
        call->late_ms += fault_ms(fault, drawn);
    if (fault->kind == FAULT_LOST)
        call->lost = true;
    if (fault->kind == FAULT_ERROR)
        return refuse(call, fault, &broken[protocol], err);
    if (fault->kind == FAULT_THROTTLE || fault->kind == FAULT_TOKEN_BUCKET)
        return refuse(call, fault, &throttled[protocol], err);
    return 0;
}

int faults_meet(struct call *call, struct error *err)
{
    cleanup(faults_unlock) struct faults *faults = faults_lock(call->region);
    for (size_t i = 0; faults && i < faults->count; i++)
        if (matches_call(faults->rules[i], call) && befall(call, faults->rules[i], err) < 0)
            return -1;
    return 0;
}

static void let_go(void *request)
{
    http_finish(request);
}

enum http_answer call_late(struct call *call, enum http_answer answered)
{
    if (call->lost)
        http_respond_hang_up(call->request);
    if (!call->late_ms || answered == HTTP_LATER)
        return answered;
    late_do(call->region->faults->late, call->late_ms, let_go, call->request);
    return HTTP_LATER;
}

static bool matches_launch(const struct fault *fault, const struct fault_launch *launch)
{
    bool named = !fault->resource;
    for (const char *const *name = launch->names; !named && name && *name; name++)
        named = fault_pattern(fault->resource, *name);
    return named && fault_pattern(fault->account, launch->account) &&
           fault_pattern(fault->principal, launch->principal) &&
           fault_pattern(fault->instance_type, launch->type) && fault_pattern(fault->zone, launch->zone);
}

bool faults_have_capacity(struct region *region, const struct fault_launch *launch)
{
    cleanup(faults_unlock) struct faults *faults = faults_lock(region);
    for (size_t i = 0; faults && i < faults->count; i++)
        if (faults->rules[i]->kind == FAULT_CAPACITY && matches_launch(faults->rules[i], launch) &&
            fault_fires(faults->rules[i], NULL))
            return false;
    return true;
}

struct fault_boot faults_boot(struct region *region, const struct fault_launch *launch)
{
    cleanup(faults_unlock) struct faults *faults = faults_lock(region);
    struct fault_boot boot = {0};
    for (size_t i = 0; faults && i < faults->count; i++) {
        struct fault *fault = faults->rules[i];
        bool about_boots = fault->kind == FAULT_NEVER_BOOTS || fault->kind == FAULT_SLOW_BOOT;
        double drawn;
        if (!about_boots || !matches_launch(fault, launch) || !fault_fires(fault, &drawn))
            continue;
        boot.never |= fault->kind == FAULT_NEVER_BOOTS;
        boot.late_ms += fault->kind == FAULT_SLOW_BOOT ? fault_ms(fault, drawn) : 0;
    }
    return boot;
}

struct later {
    struct region *region;
    void (*act)(struct region *region, const char *id);
    char *id;
};

static void act_now(void *context)
{
    struct later *later = context;
    if (later->region->faults)
        later->act(later->region, later->id);
    free(later->id);
    free(later);
}

void faults_later(struct region *region, int64_t ms, void (*act)(struct region *region, const char *id),
                  const char *id)
{
    struct later *later = memory_alloc(sizeof *later);
    *later = (struct later){region, act, memory_strdup(id)};
    late_do(region->faults->late, ms, act_now, later);
}
