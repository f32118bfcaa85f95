/* Whom the tunnel admits: every host that may speak to us through it, by its key. Told which hosts changed,
 * it changes the tunnel for those only; the whole list goes in once, after a start or a failure. */
#ifndef CONFIGSERVER_ADMITTED_H
#define CONFIGSERVER_ADMITTED_H

#include "configserver/zone.h"

struct admitted *admitted_new(struct zone *zone);
void admitted_free(struct admitted **admitted);

/* These hosts' records may have changed. From any thread. */
void admitted_touch(struct admitted *admitted, const char *const *hostnames, size_t count);
/* Makes the tunnel as the records are now; one thread at a time. On -1 it is to be tried again. */
int admitted_apply(struct admitted *admitted, struct error *err);

#endif
