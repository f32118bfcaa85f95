/* What Terraform made in accounts, as it was found lately: launches and load balancers need it all the time,
 * and each look is seven calls to AWS. Only what was found is kept, never that something was missing; a
 * deployment always looks anew, and what it finds is the newest. */
#ifndef CONFIGSERVER_PLACES_H
#define CONFIGSERVER_PLACES_H

#include "configserver/zone.h"

struct places *places_new(void);
void places_free(struct places **places);

/* As it was found within limits->place_kept, else as it is now. */
int places_find(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                struct error *err);
/* As it is now. */
int places_look(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                struct error *err);
/* Something of it seems to be gone. */
void places_forget(struct zone *zone, const char *account);

#endif
