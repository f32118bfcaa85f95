/* Kinds of keys, by KeySpec: what each is for, which algorithms it has, how its material is made and used.
 * Material is 32 random bytes of a symmetric key, as many as its hash has of an HMAC key, and a PKCS#8
 * private key (DER) of an asymmetric one. */
#ifndef LOCALAWS_KMS_SPEC_H
#define LOCALAWS_KMS_SPEC_H

#include "base/error.h"
#include "base/memory.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>

enum kms_usage { KMS_ENCRYPT_DECRYPT, KMS_SIGN_VERIFY, KMS_GENERATE_VERIFY_MAC };
extern const char *const kms_usages[]; /* "ENCRYPT_DECRYPT", ...; NULL-terminated */

struct kms_spec {
    const char *name; /* "RSA_2048" */
    enum kms_usage usage;
    gnutls_pk_algorithm_t algorithm; /* GNUTLS_PK_UNKNOWN: not asymmetric */
    unsigned bits;                   /* as GnuTLS makes such a key */
    gnutls_mac_algorithm_t mac;
    const char *algorithms[7]; /* "RSASSA_PSS_SHA_256", ...; NULL-terminated */
};
const struct kms_spec *kms_spec_named(const char *name); /* NULL: unknown here */
bool kms_spec_has(const struct kms_spec *spec, const char *algorithm);

struct kms_bytes {
    unsigned char *data;
    size_t length;
};
/* In the arena, wiped with it. RSA takes a tenth of a second and more. */
int kms_material_make(const struct kms_spec *spec, struct arena *arena, struct kms_bytes *material,
                      struct error *err);

int kms_public_key(struct arena *arena, const struct kms_bytes *material, struct kms_bytes *spki,
                   struct error *err);
/* `algorithm` is one of the spec's; `digest`: the message is one already. ERROR_INVALID for a digest of
 * another length. */
int kms_sign(struct arena *arena, const struct kms_bytes *material, const char *algorithm, bool digest,
             const struct kms_bytes *message, struct kms_bytes *signature, struct error *err);
int kms_verify(const struct kms_bytes *material, const char *algorithm, bool digest,
               const struct kms_bytes *message, const struct kms_bytes *signature, bool *valid,
               struct error *err);
void kms_mac(struct arena *arena, const struct kms_spec *spec, const struct kms_bytes *material,
             const struct kms_bytes *message, struct kms_bytes *mac);

#endif
