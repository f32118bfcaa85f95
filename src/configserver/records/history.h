/* What happened to a host, node or load balancer: the last event of each kind, however long ago, and among
 * them the last HISTORY_RECENT of any kind. So one that goes up and down all day still says when it was
 * launched and by whom. Written by life.h only. */
#ifndef CONFIGSERVER_HISTORY_H
#define CONFIGSERVER_HISTORY_H

#include "configserver/records/records.h"

/* Oldest first, as long as the arena. */
struct history {
    struct event *events;
    size_t count;
};

/* The old one with this event as its newest. */
struct history history_add(struct arena *arena, const struct history *old, const struct event *event);
/* The last event of each kind. */
struct history history_newest(struct arena *arena, const struct event *events, size_t count);
/* The last HISTORY_RECENT; part of the same array. */
struct history history_recent(struct event *events, size_t count);

#endif
