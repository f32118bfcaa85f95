/* Who is down, and who shall be replaced for it. */
#include "configserver/maintain/maintainers.h"

void judge_health(struct zone *zone, struct transaction *transaction, const struct application *application)
{
    (void)zone;
    (void)transaction;
    (void)application;
}
