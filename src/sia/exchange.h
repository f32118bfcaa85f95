/* The two calls to zts: register a new key, refresh a certificate we have. Both end with a new generation on
 * disk. */
#ifndef SIA_EXCHANGE_H
#define SIA_EXCHANGE_H

#include "net/http_client.h"
#include "sia/generation.h"
#include "sia/sia.h"

#include <jansson.h>

/* The identity to ask for. */
void sia_names(struct arena *arena, const struct sia_options *options, struct names *names);

int sia_register(const struct sia_options *options, struct arena *arena, struct error *err);
/* `*revoked` is set when zts refuses because this line of certificates was revoked: only registering helps
 * then. */
int sia_refresh_with(const struct sia_options *options, const struct generation *generation,
                     struct arena *arena, bool *revoked, struct error *err);

/* A client that trusts only who proves to be vespa.zts under `trust_path`, or under `tls` when given. */
int sia_zts_client(const char *trust_path, struct tls_context *tls, struct http_client **client,
                   struct error *err);
int sia_post(struct http_client *client, const char *url, json_t *body, struct arena *arena,
             struct http_reply *reply, struct error *err); /* takes the reference to the body */

#endif
