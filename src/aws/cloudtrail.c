#include "aws/cloudtrail.h"

#include "base/record.h"
#include "base/text.h"

#include <string.h>

#define TARGET "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"

enum { PAGE = 50 };

static json_t *request_body(const struct cloudtrail_lookup *lookup, const char *next)
{
    json_t *body = json_pack("{s:i}", "MaxResults", PAGE);
    if (lookup->attribute)
        json_object_set_new(
            body, "LookupAttributes",
            json_pack("[{s:s, s:s}]", "AttributeKey", lookup->attribute, "AttributeValue", lookup->value));
    if (lookup->from_ms)
        json_object_set_new(body, "StartTime", json_real((double)(lookup->from_ms / 1000)));
    if (lookup->data)
        json_object_set_new(body, "EventCategory", json_string("data"));
    if (next)
        json_object_set_new(body, "NextToken", json_string(next));
    return body;
}

static void json_free(void *json)
{
    json_decref(json);
}

/* The record is JSON in a text; its maps may have a caller's own names, so one given twice is no error. */
static int read_event(struct arena *arena, json_t *from, struct cloudtrail_event *event, struct error *err)
{
    const char *record = json_member_text(from, "CloudTrailEvent");
    json_t *resources = json_object_get(from, "Resources"), *resource;
    size_t index, named = 0;
    *event = (struct cloudtrail_event){
        .id = json_member_text(from, "EventId"),
        .name = json_member_text(from, "EventName"),
        .source = json_member_text(from, "EventSource"),
        .user = json_member_text(from, "Username"),
        .time_ms = (int64_t)(json_number_value(json_object_get(from, "EventTime")) * 1000),
        .resources = arena_alloc(arena, (json_array_size(resources) + 1) * sizeof *event->resources),
        .record = record ? json_loads(record, 0, NULL) : NULL,
    };
    if (!event->id || !event->name || !event->source || !event->record)
        return error_set(err, ERROR_UNAVAILABLE, "cloudtrail LookupEvents: an event is not whole");
    arena_defer(arena, json_free, event->record);
    json_array_foreach(resources, index, resource) {
        const char *name = json_member_text(resource, "ResourceName");
        if (name)
            event->resources[named++] = name;
    }
    return 0;
}

int cloudtrail_lookup_events(struct aws_client *client, struct arena *arena,
                             const struct cloudtrail_lookup *lookup, const char **next,
                             struct cloudtrail_event **events, size_t *count, struct error *err)
{
    json_t *body = request_body(lookup, *next), *answer, *event;
    int result = aws_json_call(client, "cloudtrail", TARGET, body, arena, &answer, err);
    size_t index;
    json_decref(body);
    if (result < 0)
        return -1;
    json_t *list = json_object_get(answer, "Events");
    *events = arena_alloc(arena, (json_array_size(list) + 1) * sizeof **events);
    *count = 0;
    json_array_foreach(list, index, event) {
        if (read_event(arena, event, &(*events)[(*count)++], err) < 0)
            return -1;
    }
    *next = json_member_text(answer, "NextToken");
    return 0;
}
