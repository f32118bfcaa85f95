/* Which load balancers there shall be, and which may be announced. */
#include "configserver/maintain/maintainers.h"

void settle_load_balancers(struct zone *zone, struct transaction *transaction,
                           const struct application *application)
{
    (void)zone;
    (void)transaction;
    (void)application;
}
