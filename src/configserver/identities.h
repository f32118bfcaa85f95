/* Who we are: two service identities of zts, one as config server and one as instance provider, both got by
 * our AWS role and kept fresh by a thread of their own. */
#ifndef CONFIGSERVER_IDENTITIES_H
#define CONFIGSERVER_IDENTITIES_H

#include "configserver/config.h"
#include "net/tls.h"

struct identities;

/* Waits until zts has given us both, since it may start after us; SIGTERM or SIGINT, which the caller has
 * blocked, ends the wait. */
int identities_open(const struct config *config, const char *state_directory, struct identities **identities,
                    struct error *err);
void identities_close(struct identities **identities);

/* TLS for the three sides; live until identities_close. */
struct tls_context *identities_public(struct identities *identities);   /* client certificates allowed */
struct tls_context *identities_tunnel(struct identities *identities);   /* required */
struct tls_context *identities_provider(struct identities *identities); /* required; shows the provider's */

#endif
