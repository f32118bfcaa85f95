/* What AWS announces of this machine: its retirement, a stop, a reboot, work on its network. The machine
 * hears it first, from its metadata service; config servers ask AWS themselves when told, and believe only
 * AWS. */
#ifndef HOST_ANNOUNCED_H
#define HOST_ANNOUNCED_H

#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>

enum { ANNOUNCED_LONGEST = 256 };

/* "instance-retirement from 25 Nov 2026 10:00:00 GMT; ..." of the metadata service's list; "" for none. */
int announced_read(struct arena *arena, const char *json, char text[ANNOUNCED_LONGEST], struct error *err);

/* Adds it to the host's reports, unless it is "". */
void announced_report(json_t *reports, const char *text);

#endif
