/* A cloud account's maintainers and when each is due: at once while something is unfinished, else seldom, and
 * after a failure later each time. The schedule says when to look and sees to it that nobody else does. */
#ifndef CONFIGSERVER_WORKERS_H
#define CONFIGSERVER_WORKERS_H

#include "configserver/maintain/maintainers.h"

struct account_worker;
struct account_worker *account_worker_new(struct zone *zone, const char *account);
/* As if it had been looked at some time ago, so that a thousand accounts are not all looked at in the first
 * second; what is unfinished is due at once all the same. */
void account_worker_spread(struct account_worker *worker);
void account_worker_free(struct account_worker **worker);

/* Runs what is due now; returns in how many milliseconds something will be. */
int64_t account_worker_pass(struct account_worker *worker);
/* Instances and what is announced of them are looked at at once, unless that failed last. */
void account_worker_hurry(struct account_worker *worker);
/* How often its maintainers failed in a row, all together. */
int64_t account_worker_failures(const struct account_worker *worker);

#endif
