/* X.509 as this system uses it: reading a peer's certificate, making and reading CSRs, and a small authority that
 * signs them. Names follow Athenz (identity/athenz.h). Encoding and parsing are GnuTLS's. */
#ifndef IDENTITY_CERTIFICATE_H
#define IDENTITY_CERTIFICATE_H

#include "base/error.h"
#include "base/memory.h"
#include "identity/key.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

enum { CERTIFICATE_NAMES_MOST = 16 };

struct names {
    const char *common_name;
    const char *organizational_unit;              /* NULL when absent */
    const char *dns[CERTIFICATE_NAMES_MOST];      /* NULL-terminated unless full, as the others */
    const char *uris[CERTIFICATE_NAMES_MOST];
    const char *addresses[CERTIFICATE_NAMES_MOST]; /* text form */
};

struct certificate {
    struct names names;
    const char *issuer, *serial; /* distinguished name; lower-case hex */
    int64_t not_before_ms, not_after_ms;
    const char *public_key_pem, *public_key_hash;
    bool authority;
};

/* Everything read is in the arena. More names than CERTIFICATE_NAMES_MOST of a kind is ERROR_INVALID. */
int certificate_parse_der(struct arena *arena, const gnutls_datum_t *der, struct certificate *certificate,
                          struct error *err);
int certificate_parse_pem(struct arena *arena, const char *pem, struct certificate *certificate, struct error *err);
int certificate_load(struct arena *arena, const char *path, struct certificate *certificate, struct error *err);

/* A client's certificate that is trusted for itself (an application's security/clients.pem holds such), as `vespa auth cert`
 * makes it: self-signed, no extension but its key's id. */
int certificate_self_signed(struct arena *arena, const char *common_name, int years, struct key **key,
                            char **certificate_pem, struct error *err);

struct csr {
    struct names names;
    const char *public_key_pem, *public_key_hash;
};

int csr_create(struct arena *arena, const struct key *key, const struct names *names, char **pem, struct error *err);
/* Also verifies the CSR's own signature: proof that the asker holds the key. P-256 only. */
int csr_parse(struct arena *arena, const char *pem, struct csr *csr, struct error *err);

struct authority; /* a CA: its key and certificate */

/* A self-signed authority; `years` of validity. */
int authority_create(struct arena *arena, const char *common_name, int years, struct key **key, char **certificate_pem,
                     struct error *err);
int authority_open(const char *certificate_pem, const struct key *key, struct authority **authority, struct error *err);
void authority_close(struct authority **authority);
/* Clocks differ: certificates begin this long before they are issued. */
enum { CERTIFICATE_BACKDATED_MS = 3600 * 1000 };

/* Signs a certificate for the public key with exactly these names; serial 159 random bits.
 * For client and server use; never an authority. */
int authority_issue(struct authority *authority, struct arena *arena, const char *public_key_pem,
                    const struct names *names, int64_t lifetime_ms, char **certificate_pem, struct error *err);

#endif
