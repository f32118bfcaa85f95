/* What the three lives of life.h are made of: a table of transitions, the names of its events, and where a
 * record has its state and history. Nothing outside of them includes this. */
#ifndef CONFIGSERVER_LIFE_PARTS_H
#define CONFIGSERVER_LIFE_PARTS_H

#include "base/text.h"
#include "configserver/records/life.h"

/* A transition that has a guard is skipped when the guard does not hold, so one event may lead to several
 * states. ANY stands for every state of the life; what comes first in the table wins. */
enum { ANY = -1, SAME = -2 };

struct transition {
    int from, event, to;
    bool (*guard)(const void *record);
    void (*effect)(void *record, const struct cause *cause);
};

struct life {
    const struct transition *transitions;
    size_t count;
    const char *const *events;
};

struct living {
    void *record;
    int *state;
    int64_t *state_since;
    struct event **history;
    size_t *history_count;
};

/* Nothing is before the first state, so that it takes no event; but its history begins there. */
void life_begin(const struct living *living, int state, const char *name, const struct cause *cause);
/* -1: no transition of this state has the event. One that changes nothing leaves no line. */
int life_apply(const struct life *life, const struct living *living, int event, const struct cause *cause);
/* An effect: only a line for the history; what was carried out stands in the record already. */
void life_note(void *record, const struct cause *cause);

#endif
