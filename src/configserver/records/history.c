#include "configserver/records/history.h"

#include "base/text.h"

/* No later one is of its kind. */
static bool is_newest(const struct event *events, size_t count, size_t at)
{
    for (size_t i = at + 1; i < count; i++)
        if (text_equal(events[i].event, events[at].event))
            return false;
    return true;
}

struct history history_newest(struct arena *arena, const struct event *events, size_t count)
{
    struct history newest = {arena_alloc(arena, (count + 1) * sizeof *newest.events), 0};
    for (size_t i = 0; i < count; i++)
        if (is_newest(events, count, i))
            newest.events[newest.count++] = events[i];
    return newest;
}

struct history history_recent(struct event *events, size_t count)
{
    size_t left_out = count > HISTORY_RECENT ? count - HISTORY_RECENT : 0;
    return (struct history){count ? events + left_out : events, count - left_out};
}

struct history history_add(struct arena *arena, const struct history *old, const struct event *event)
{
    size_t count = old->count + 1;
    struct event *all = arena_alloc(arena, count * sizeof *all);
    struct history kept = {arena_alloc(arena, count * sizeof *all), 0};
    for (size_t i = 0; i < old->count; i++)
        all[i] = old->events[i];
    all[old->count] = *event;
    for (size_t i = 0; i < count; i++)
        if (i + HISTORY_RECENT >= count || (i + EVENTS_KEPT >= count && is_newest(all, count, i)))
            kept.events[kept.count++] = all[i];
    return kept;
}
