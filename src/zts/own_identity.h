/* zts's own certificate, vespa.zts, which it issues itself: with a new key at each start, again every day. */
#ifndef ZTS_OWN_IDENTITY_H
#define ZTS_OWN_IDENTITY_H

#include "identity/certificate.h"
#include "net/tls.h"

struct own_identity;

/* Writes key.pem (0600), cert.pem and ca.pem below `directory`. The authority is borrowed. */
int own_identity_new(const char *directory, struct authority *authority, const char *trust_pem,
                     struct own_identity **identity, struct error *err);
void own_identity_free(struct own_identity **identity);
struct tls_context *own_identity_tls(struct own_identity *identity); /* for callers and as a client */
/* Issues the certificate again when it is a day old. */
int own_identity_renew(struct own_identity *identity, struct error *err);

#endif
