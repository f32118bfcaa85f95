/* The zone's instance provider: zts asks it whether who registers is who it says. A host is believed when the
 * zone launched exactly this instance, AWS vouches for it twice (the signed document, and STS for its role),
 * and nonce and key are the ones of this registration; a node when its own host speaks for it. Anything else
 * is refused and logged. */
#ifndef CONFIGSERVER_PROVIDER_H
#define CONFIGSERVER_PROVIDER_H

#include "configserver/zone.h"
#include "identity/instance.h"

enum { DOCUMENT_OLDEST_MS = 30 * 60 * 1000 };

/* A registration: 0 confirms. ERROR_FORBIDDEN with the reason, which is for our log, not for the caller. */
int provider_confirm(struct zone *zone, const struct instance_confirmation *asked, struct error *err);
/* A refresh, over the certificate that is to be refreshed. */
int provider_confirm_refresh(struct zone *zone, const struct instance_confirmation *asked, struct error *err);

#endif
