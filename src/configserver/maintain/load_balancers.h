/* What the files load_balancer*.c share: one record is changed as it is now, and what came of it is told.
 * Private to these files. */
#ifndef CONFIGSERVER_LOAD_BALANCERS_H
#define CONFIGSERVER_LOAD_BALANCERS_H

#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"

bool balancer_is_there(const struct load_balancer *balancer);

typedef int balancer_change(struct load_balancer *balancer, const void *context, const struct cause *cause,
                            struct error *err);
balancer_change balancer_set_lost;

/* Changes the record as it is now, unless it is gone. */
int balancer_write(struct account_pass *pass, const char *id, balancer_change *change, const void *context,
                   struct error *err);
/* Its trouble is written down; always -1. */
int balancer_fail(struct account_pass *pass, const struct load_balancer *balancer, const struct error *cause);

#endif
