/* An event as LookupEvents shows and finds it: what is in the record, looked at from outside. */
#ifndef LOCALAWS_EVENT_VIEW_H
#define LOCALAWS_EVENT_VIEW_H

#include "base/memory.h"

#include <jansson.h>
#include <stdbool.h>

/* A user's name, a role session's, or "root"; NULL: nobody that has a name. */
const char *event_user(struct arena *arena, json_t *event);
const char *event_access_key(json_t *event); /* NULL when there was none */
/* [{"ResourceType", "ResourceName"}]: what the event names of things that have names or ids. A new reference.
 */
json_t *event_resources(json_t *event);

typedef bool event_has(json_t *event, const char *value);
event_has event_has_id, event_has_name, event_has_source, event_has_user, event_has_resource,
    event_has_resource_type, event_has_read_only, event_has_access_key;

/* A text that every event with this attribute has in it; NULL when there is none that helps. In the arena. */
const char *event_needle(struct arena *arena, const char *attribute, const char *value);

#endif
