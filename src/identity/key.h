/* Private keys: ECDSA P-256, PEM (PKCS#8). Held in memory as a handle, on disk 0600. */
#ifndef IDENTITY_KEY_H
#define IDENTITY_KEY_H

#include "base/error.h"
#include "base/memory.h"

struct key; /* a private key */

int key_generate(struct key **key, struct error *err);
int key_parse(const char *pem, struct key **key, struct error *err); /* PKCS#8 or SEC1 */
int key_load(const char *path, struct key **key, struct error *err);
int key_save(const struct key *key, const char *path, struct error *err); /* atomic, 0600 */
void key_free(struct key **key);
char *key_pem(struct arena *arena, const struct key *key);               /* private: wipe after use */
char *key_public_pem(struct arena *arena, const struct key *key);        /* SubjectPublicKeyInfo */
/* Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo: the name of a key in attestation. */
char *key_public_hash(struct arena *arena, const struct key *key);
int public_key_hash(struct arena *arena, const char *public_pem, char **hash, struct error *err);

/* ECDSA over SHA-256, ASN.1 DER, base64. */
int key_sign(struct arena *arena, const struct key *key, const void *bytes, size_t length, char **signature,
             struct error *err);
int public_key_verify(const char *public_pem, const void *bytes, size_t length, const char *signature,
                      struct error *err);
char *sha256_hex(struct arena *arena, const void *bytes, size_t length);
char *sha256_base64(struct arena *arena, const void *bytes, size_t length);

#endif
