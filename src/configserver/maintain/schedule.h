/* Who is looked at when: applications and cloud accounts, as soon as a change touches them, when they asked
 * to be, and all of them every so often. A fixed crew of threads does the looking: never two at one
 * application or account, applications apart from the cloud's slowness, and accounts that are slow or failing
 * apart from those that are not. Without threads schedule_run_due does the same, in the same order every
 * time. Only a leader looks; whom the tunnel admits is seen to on every server. */
#ifndef CONFIGSERVER_SCHEDULE_H
#define CONFIGSERVER_SCHEDULE_H

#include "configserver/zone.h"

struct schedule *schedule_new(struct zone *zone);
void schedule_free(struct schedule **schedule);

void schedule_touch(struct schedule *schedule, const struct touched *touched); /* looks at them now */
void schedule_look_again(struct schedule *schedule, const char *application, int64_t at_ms);
void schedule_look_at_account(struct schedule *schedule, const char *account); /* and at its instances */
void schedule_ring(struct schedule *schedule);                                 /* zone_ring */

/* Runs all that is due now, and what becomes due by that; returns in how many milliseconds the next is. */
int64_t schedule_run_due(struct schedule *schedule);

int schedule_start(struct schedule *schedule, struct error *err); /* the crew */
void schedule_stop(struct schedule *schedule);                    /* waits for those at work */

/* How often the account's maintainers failed in a row, all together. */
int64_t schedule_failures(struct schedule *schedule, const char *account);

#endif
