/* The keys and certificates of the region itself, made at the first start: an authority that clients and
 * instances trust (ca.pem), the certificate of the API's endpoint under it, and the key that signs instance
 * identity documents. */
#ifndef LOCALAWS_ENDPOINT_H
#define LOCALAWS_ENDPOINT_H

#include "localaws/region.h"

/* Makes what is missing in the region's directory: ca.pem, endpoint.pem and endpoint.key for localhost,
 * loopback and the addresses given (NULL-terminated). The authority's key is used once and forgotten. Sets
 * region->certificate_pem. */
int endpoint_certificate_open(struct region *region, const char *const *addresses, struct tls_context **tls,
                              struct error *err);

/* Loads or makes identity-document.key and identity-document.pem (RSA-2048, self-signed). */
int identity_signer_open(struct region *region, struct error *err);
void identity_signer_close(struct region *region);

#endif
