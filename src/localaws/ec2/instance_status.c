/* DescribeInstanceStatus, and scheduled events as it and the metadata service show them; moving one to
 * another time. */
#include "localaws/ec2/calendar.h"
#include "localaws/ec2/event.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

static void put_event(struct buffer *out, const struct instance_event *event)
{
    put_text(out, "instanceEventId", event->id);
    put_text(out, "code", event->code);
    put_text(out, "description", event->description);
    if (event->not_after_ms)
        put_time(out, "notAfter", event->not_after_ms);
    put_time(out, "notBefore", event->not_before_ms);
}

static void put_events(struct buffer *out, const struct instance *instance)
{
    put_open(out, "eventsSet");
    for (size_t i = 0; i < instance->event_count; i++) {
        put_open(out, "item");
        put_event(out, &instance->events[i]);
        put_close(out, "item");
    }
    put_close(out, "eventsSet");
}

/* "21 Jan 2019 09:00:43 GMT": the HTTP form without its day of the week. */
static char *event_time(struct arena *arena, int64_t ms)
{
    return clock_http(arena, ms) + strlen("Mon, ");
}

char *events_json(struct arena *arena, const struct instance *instance, bool active)
{
    json_t *list = json_array();
    for (size_t i = 0; i < instance->event_count; i++) {
        const struct instance_event *event = &instance->events[i];
        if (text_equal(event->state, "active") != active)
            continue;
        json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s}", "NotBefore",
                                 event_time(arena, event->not_before_ms), "Code", event->code, "Description",
                                 event->description, "EventId", event->id, "State", event->state);
        if (event->not_after_ms)
            json_object_set_new(item, "NotAfter", json_string(event_time(arena, event->not_after_ms)));
        json_array_append_new(list, item);
    }
    char *text = json_pretty(arena, list);
    json_decref(list);
    return text;
}

static const struct instance *of(const struct resource *resource)
{
    return (const struct instance *)(const void *)resource;
}

/* A filter that holds when it holds for a text of any event. */
static bool any_event(const struct resource *resource, const struct wanted *wanted, size_t offset)
{
    const struct instance *instance = of(resource);
    for (size_t i = 0; i < instance->event_count; i++) {
        const char *member = (const char *)&instance->events[i] + offset;
        if (wanted_has(wanted, *(char *const *)(const void *)member))
            return true;
    }
    return false;
}

static bool any_event_at(const struct resource *resource, const struct wanted *wanted, size_t offset)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct instance *instance = of(resource);
    for (size_t i = 0; i < instance->event_count; i++) {
        int64_t ms = *(const int64_t *)(const void *)((const char *)&instance->events[i] + offset);
        if (ms &&
            (wanted_has(wanted, clock_rfc3339(arena, ms)) || wanted_has(wanted, clock_rfc3339_ms(arena, ms))))
            return true;
    }
    return false;
}

bool filter_event_code(const struct resource *resource, const struct wanted *wanted)
{
    return any_event(resource, wanted, offsetof(struct instance_event, code));
}

bool filter_event_description(const struct resource *resource, const struct wanted *wanted)
{
    return any_event(resource, wanted, offsetof(struct instance_event, description));
}

bool filter_event_id(const struct resource *resource, const struct wanted *wanted)
{
    return any_event(resource, wanted, offsetof(struct instance_event, id));
}

bool filter_event_not_before(const struct resource *resource, const struct wanted *wanted)
{
    return any_event_at(resource, wanted, offsetof(struct instance_event, not_before_ms));
}

bool filter_event_not_after(const struct resource *resource, const struct wanted *wanted)
{
    return any_event_at(resource, wanted, offsetof(struct instance_event, not_after_ms));
}

static const char *reachability(const struct instance *instance, bool reachable)
{
    return instance->state != INSTANCE_RUNNING ? "not-applicable" : reachable ? "ok" : "impaired";
}

static void put_reachability(struct buffer *out, const char *element, const struct instance *instance,
                             bool reachable)
{
    put_open(out, element);
    put_text(out, "status", reachability(instance, reachable));
    if (instance->state == INSTANCE_RUNNING) {
        buffer_text(out, "<details><item><name>reachability</name>");
        put_text(out, "status", reachable ? "passed" : "failed");
        buffer_text(out, "</item></details>");
    }
    put_close(out, element);
}

bool filter_system_status(const struct resource *resource, const struct wanted *wanted)
{
    return wanted_has(wanted, reachability(of(resource), true));
}

bool filter_instance_status(const struct resource *resource, const struct wanted *wanted)
{
    return wanted_has(wanted, reachability(of(resource), !of(resource)->unbooted));
}

int instance_describe_status(struct call *call, struct error *err)
{
    struct buffer *out = &call->answer;
    struct selection selection;
    if (resource_select(call, &instance_kind, &selection, err) < 0)
        return -1;
    bool all = call_true(call, "IncludeAllInstances");
    put_open(out, "instanceStatusSet");
    for (size_t i = 0; i < selection.count; i++) {
        const struct instance *instance = of(selection.items[i]);
        bool running = instance->state == INSTANCE_RUNNING;
        if (!running && !all)
            continue;
        put_open(out, "item");
        put_text(out, "instanceId", instance->resource.id);
        put_text(out, "availabilityZone", instance->zone);
        put_events(out, instance);
        put_state(out, "instanceState", instance->state);
        put_reachability(out, "systemStatus", instance, true);
        put_reachability(out, "instanceStatus", instance, !instance->unbooted);
        put_close(out, "item");
    }
    put_close(out, "instanceStatusSet");
    put_text(out, "nextToken", selection.next_token);
    return 0;
}

/* ModifyInstanceEventStartTime: a reboot or stop may be moved to a time that suits better. */
int instance_modify_event_start(struct call *call, struct error *err)
{
    struct instance *instance;
    const char *id, *time;
    int64_t at_ms;
    if (resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        call_required(call, "InstanceEventId", &id, err) < 0 ||
        call_required(call, "NotBefore", &time, err) < 0)
        return -1;
    if (clock_parse(time, &at_ms, NULL) < 0 || at_ms < clock_now_ms())
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter notBefore is invalid: a time to come is expected", time);
    for (size_t i = 0; i < instance->event_count; i++) {
        struct instance_event *event = &instance->events[i];
        if (!text_equal(event->id, id) || !text_equal(event->state, "active"))
            continue;
        event->not_after_ms += event->not_after_ms ? at_ms - event->not_before_ms : 0;
        event->not_before_ms = at_ms;
        resource_changed(&instance->resource);
        calendar_changed(call->region);
        put_open(&call->answer, "event");
        put_event(&call->answer, event);
        put_close(&call->answer, "event");
        return 0;
    }
    return call_fail(call, err, 400, "InvalidInstanceEventId.NotFound",
                     "The instance '%s' has no active event '%s'", instance->resource.id, id);
}
