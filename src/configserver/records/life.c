#include "configserver/records/life_parts.h"

#include "configserver/records/history.h"

static void remember(const struct living *living, const char *event, const struct cause *cause)
{
    const struct history old = {*living->history, *living->history_count};
    const struct event now = {event, cause->at, agent_names[cause->agent], cause->reason};
    const struct history next = history_add(cause->arena, &old, &now);
    *living->history = next.events;
    *living->history_count = next.count;
}

void life_begin(const struct living *living, int state, const char *name, const struct cause *cause)
{
    *living->state = state;
    *living->state_since = cause->at;
    remember(living, name, cause);
}

int life_apply(const struct life *life, const struct living *living, int event, const struct cause *cause)
{
    for (size_t i = 0; i < life->count; i++) {
        const struct transition *transition = &life->transitions[i];
        if ((transition->from != ANY && transition->from != *living->state) || transition->event != event ||
            (transition->guard && !transition->guard(living->record)))
            continue;
        int to = transition->to == SAME ? *living->state : transition->to;
        if (to != *living->state)
            *living->state_since = cause->at;
        if (to != *living->state || transition->effect)
            remember(living, life->events[event], cause);
        *living->state = to;
        if (transition->effect)
            transition->effect(living->record, cause);
        return 0;
    }
    return -1;
}

void life_note(void *record, const struct cause *cause)
{
    (void)record, (void)cause;
}
