#include "localaws/ec2/event.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/ec2/calendar.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/to_plane.h"

#include <string.h>

enum { MAINTENANCE_MS = 2 * 60 * 60 * 1000 };

static const struct field event_fields[] = {
    FIELD_TEXT(struct instance_event, id, "id", REQUIRED, 64, NULL, "instance-event-..."),
    FIELD_TEXT(struct instance_event, code, "code", REQUIRED, 32, NULL, "what is to happen"),
    FIELD_TEXT(struct instance_event, description, "description", REQUIRED, 512, NULL, "for people"),
    FIELD_TEXT(struct instance_event, state, "state", REQUIRED, 16, NULL, "active, completed or canceled"),
    FIELD_INTEGER(struct instance_event, not_before_ms, "notBefore", REQUIRED, 0, 9e15, "its time"),
    FIELD_INTEGER(struct instance_event, not_after_ms, "notAfter", OPTIONAL, 0, 9e15, "its end; 0: open"),
    FIELD_END,
};
const struct record instance_event_record = {"instance event", sizeof(struct instance_event), event_fields};

/* What each code means for the instance. */
static const struct event_code {
    const char *code, *description;
    enum { EVENT_NOTHING, EVENT_REBOOT, EVENT_STOP } does;
} event_codes[] = {
    {"instance-reboot", "scheduled reboot", EVENT_REBOOT},
    {"system-reboot", "scheduled reboot", EVENT_REBOOT},
    {"system-maintenance", "scheduled maintenance", EVENT_NOTHING},
    {"instance-stop", "The instance is running on degraded hardware", EVENT_STOP},
    {"instance-retirement", "The instance is running on degraded hardware", EVENT_STOP},
};

static const struct event_code *code_find(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(event_codes); i++)
        if (text_equal(event_codes[i].code, code))
            return &event_codes[i];
    return NULL;
}

static bool is_active(const struct instance_event *event)
{
    return text_equal(event->state, "active");
}

static bool event_is(const struct instance_event *event, const char *id)
{
    return is_active(event) && (!id || text_equal(event->id, id));
}

/* As EC2 does, the word is put before the description too: DescribeInstanceStatus has no other place for it.
 */
static void event_over(struct instance_event *event, const char *state, const char *mark)
{
    cleanup(memory_free) char *description = memory_format("[%s] %.480s", mark, event->description);
    text_replace(&event->state, state);
    text_replace(&event->description, description);
}

static struct instance *instance_anywhere(struct region *region, const char *id, struct error *err)
{
    struct resource *found = resource_anywhere(region, &instance_kind, id);
    if (!found)
        error_set(err, ERROR_NOT_FOUND, "there is no instance %.64s", id ? id : "");
    return (struct instance *)(void *)found;
}

/* Makes room by forgetting the oldest event that is over. */
static int room_for_event(struct instance *instance, struct error *err)
{
    for (size_t i = 0; instance->event_count >= EVENTS_MOST && i < instance->event_count; i++)
        if (!is_active(&instance->events[i]))
            list_remove(&instance_event_record, &instance->events, &instance->event_count, i--);
    if (instance->event_count < EVENTS_MOST)
        return 0;
    return error_set(err, ERROR_CONFLICT, "%s has %d events already", instance->resource.id, EVENTS_MOST);
}

int ec2_schedule_event(struct region *region, const char *instance_id, const char *code,
                       int64_t not_before_ms, const char *description, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    const struct event_code *known = code_find(code);
    struct instance *instance = instance_anywhere(locked, instance_id, err);
    if (!instance)
        return -1;
    if (!known)
        return error_set(err, ERROR_INVALID, "there are no events of code %.64s", code ? code : "");
    if (description && strlen(description) > 480)
        return error_set(err, ERROR_INVALID, "an event's description has at most 480 characters");
    if (instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN)
        return error_set(err, ERROR_CONFLICT, "%s is terminated", instance_id);
    if (room_for_event(instance, err) < 0)
        return -1;
    struct instance_event *event =
        list_add(&instance->events, &instance->event_count, sizeof *instance->events);
    event->id = memory_strdup(region_identifier(locked, arena, "instance-event"));
    event->code = memory_strdup(known->code);
    event->description = memory_strdup(description ? description : known->description);
    event->state = memory_strdup("active");
    event->not_before_ms = not_before_ms > 0 ? not_before_ms : clock_now_ms();
    event->not_after_ms = known->does == EVENT_STOP ? 0 : event->not_before_ms + MAINTENANCE_MS;
    resource_changed(&instance->resource);
    calendar_changed(locked);
    return 0;
}

static int end_event(struct region *region, const char *instance_id, const char *event_id, const char *state,
                     const char *mark, struct error *err)
{
    size_t ended = 0;
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct instance *instance = instance_anywhere(locked, instance_id, err);
    if (!instance)
        return -1;
    for (size_t i = 0; i < instance->event_count; i++)
        if (event_is(&instance->events[i], event_id)) {
            event_over(&instance->events[i], state, mark);
            ended++;
        }
    if (!ended)
        return error_set(err, ERROR_NOT_FOUND, "%s has no active event %.64s", instance_id,
                         event_id ? event_id : "");
    resource_changed(&instance->resource);
    return 0;
}

int ec2_cancel_event(struct region *region, const char *instance_id, const char *event_id, struct error *err)
{
    return end_event(region, instance_id, event_id, "canceled", "Canceled", err);
}

int ec2_complete_event(struct region *region, const char *instance_id, const char *event_id,
                       struct error *err)
{
    return end_event(region, instance_id, event_id, "completed", "Completed", err);
}

void events_fulfilled(struct instance *instance, bool by_reboot)
{
    for (size_t i = 0; i < instance->event_count; i++) {
        const struct event_code *code = code_find(instance->events[i].code);
        if (is_active(&instance->events[i]) && code && (!by_reboot || code->does == EVENT_REBOOT))
            event_over(&instance->events[i], "completed", "Completed");
    }
    resource_changed(&instance->resource);
}

static void carry_out(struct instance *instance, struct instance_event *event)
{
    const struct event_code *code = code_find(event->code);
    log_info("scheduled event", "instance", instance->resource.id, "code", event->code, NULL);
    event_over(event, "completed", "Completed");
    resource_changed(&instance->resource);
    if (!code || !instance_is_up(instance))
        return;
    if (code->does == EVENT_REBOOT)
        instance_again(instance);
    else if (code->does == EVENT_STOP)
        instance_leave(instance, INSTANCE_STOPPING, "Server.ScheduledStop",
                       "Stopped due to a scheduled retirement", false);
}

static int64_t carry_out_instance(struct instance *instance, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < instance->event_count; i++) {
        struct instance_event *event = &instance->events[i];
        if (!is_active(event))
            continue;
        if (event->not_before_ms <= now_ms)
            carry_out(instance, event);
        else if (event->not_before_ms < next_ms)
            next_ms = event->not_before_ms;
    }
    return next_ms;
}

int64_t events_carry_out(struct region *region, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct instance, instance, account, &instance_kind) {
            int64_t at_ms = instance->event_count ? carry_out_instance(instance, now_ms) : INT64_MAX;
            next_ms = at_ms < next_ms ? at_ms : next_ms;
        }
    return next_ms;
}

int ec2_break_instance(struct region *region, const char *instance_id, enum instance_breakage breakage,
                       struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct instance *instance = instance_anywhere(locked, instance_id, err);
    if (!instance)
        return -1;
    if (!instance_is_up(instance))
        return error_set(err, ERROR_CONFLICT, "%s is %s", instance_id, instance_state_name(instance->state));
    if (breakage == INSTANCE_LOST)
        instance_leave(instance, INSTANCE_SHUTTING_DOWN, "Server.InternalError", "Internal error", true);
    else
        instance_leave(instance, INSTANCE_STOPPING, "Server.ScheduledStop",
                       "Stopped due to a scheduled retirement", true);
    return 0;
}
