/* What the files of this folder share about GnuTLS: cleanup functions, its status codes as errors, and the
 * handles behind our keys. Nobody outside this folder includes it. */
#ifndef IDENTITY_GNUTLS_SUPPORT_H
#define IDENTITY_GNUTLS_SUPPORT_H

#include "identity/key.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

enum { PEM_LONGEST = 64 * 1024 }; /* of anything we parse: keys, CSRs, certificates */

/* For cleanup(). */
void datum_release(gnutls_datum_t *datum);
void datum_wipe_release(gnutls_datum_t *datum); /* wipes first */
void pubkey_release(gnutls_pubkey_t *key);
void privkey_release(gnutls_privkey_t *key);
void x509_privkey_release(gnutls_x509_privkey_t *key);
void crt_release(gnutls_x509_crt_t *certificate);
void crq_release(gnutls_x509_crq_t *request);

/* 0 when `status` is not negative; otherwise an error "what: GnuTLS's reason". */
int status_checked(int status, enum error_kind kind, const char *what, struct error *err);

gnutls_datum_t text_datum(const char *text);
char *datum_text(struct arena *arena, const gnutls_datum_t *datum);

/* The handle stays the key's. */
gnutls_privkey_t key_handle(const struct key *key);
int key_public_handle(const struct key *key, gnutls_pubkey_t *public_key, struct error *err);
/* A PEM SubjectPublicKeyInfo; anything but P-256 is ERROR_INVALID. */
int public_key_handle(const char *pem, gnutls_pubkey_t *public_key, struct error *err);
int public_key_require_p256(gnutls_pubkey_t public_key, struct error *err);
char *public_key_handle_pem(struct arena *arena, gnutls_pubkey_t public_key);
char *public_key_handle_hash(struct arena *arena, gnutls_pubkey_t public_key);

#endif
