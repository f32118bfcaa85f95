/* The controller's own identity, vespa.controller: got from zts by its AWS role, and kept fresh by a thread. */
#ifndef CONTROLLER_OWN_IDENTITY_H
#define CONTROLLER_OWN_IDENTITY_H

#include "controller/config.h"
#include "net/tls.h"

struct own_identity;

/* Waits until zts has given it: zts may come up after us. What the identity is used for is `own_identity_tls`. */
int own_identity_start(const struct controller_config *config, const char *state, struct own_identity **identity,
                       struct error *err);
struct tls_context *own_identity_tls(struct own_identity *identity); /* clients' certificates allowed */
void own_identity_stop(struct own_identity **identity);

#endif
