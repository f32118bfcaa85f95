/* Reading and writing the names inside certificates and CSRs: one pair of functions for both, because GnuTLS
 * has two parallel families. Private to this folder. */
#ifndef IDENTITY_CERTIFICATE_NAMES_H
#define IDENTITY_CERTIFICATE_NAMES_H

#include "identity/certificate.h"

#include <gnutls/x509.h>

/* A certificate's alternative names of kinds we have no use for (email, directory) are passed over. */
int names_of_certificate(struct arena *arena, gnutls_x509_crt_t certificate, struct names *names,
                         struct error *err);
/* A CSR asks for names: any of a kind we do not know is refused. */
int names_of_request(struct arena *arena, gnutls_x509_crq_t request, struct names *names, struct error *err);

int names_into_certificate(gnutls_x509_crt_t certificate, const struct names *names, struct error *err);
int names_into_request(gnutls_x509_crq_t request, const struct names *names, struct error *err);

#endif
