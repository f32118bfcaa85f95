/* Which nodes there shall be, on which hosts: what an application's clusters ask for against the records as
 * they are. A pure step on a transaction, without I/O: a deployment runs it so that its hosts are wanted at
 * once, and the application's maintainer runs it whenever something of the application changed. Running it
 * twice changes nothing the second time. */
#ifndef CONFIGSERVER_ALLOCATE_H
#define CONFIGSERVER_ALLOCATE_H

#include "configserver/zone.h"

/* Creates the nodes and hosts that its clusters lack, retires those they have too many of, that no longer fit
 * or that shall be replaced (as soon as their replacements are reserved), gives places back to nodes that are
 * wanted after all, releases what never ran, and all of an application that is being deleted. A node keeps
 * its cluster, group and index for life; an index is free again when no record has it. */
void allocate_application(struct zone *zone, struct transaction *transaction,
                          const struct application *application);

#endif
