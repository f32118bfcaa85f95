/* Simulated time: what is to happen when, in order, and bodies of code that wait in it. Nothing happens at
 * the same time as anything else: what is due at one moment happens in the order in which it was asked for. A
 * body that sleeps lets others run, as a thread that waits for an answer does. */
#ifndef SIMULATOR_CLOCKWORK_H
#define SIMULATOR_CLOCKWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clockwork;
struct clockwork *clockwork_new(int64_t now_ms);
void clockwork_free(struct clockwork **clockwork); /* bodies that still wait are dropped where they are */

int64_t clockwork_now_ms(const struct clockwork *clockwork);

typedef void occurrence(void *context, int64_t number);
void clockwork_at(struct clockwork *clockwork, int64_t when_ms, occurrence *happens, void *context,
                  int64_t number);
void clockwork_after(struct clockwork *clockwork, int64_t wait_ms, occurrence *happens, void *context,
                     int64_t number);

/* Time goes to the next thing, which happens; false when there is none before `until_ms`: then it is that. */
bool clockwork_step(struct clockwork *clockwork, int64_t until_ms);

/* Runs `body(context)` now, until it first sleeps or ends. */
typedef void clockwork_body(void *context);
void clockwork_run(struct clockwork *clockwork, clockwork_body *body, void *context);
/* Of the body that calls it; outside of one time does not move. */
void clockwork_sleep(struct clockwork *clockwork, int64_t wait_ms);

#endif
