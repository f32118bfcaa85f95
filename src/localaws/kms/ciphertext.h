/* A ciphertext taken apart and opened: what decrypting in a call and for a service share. Making one is
 * kms_seal (kms.h). */
#ifndef LOCALAWS_KMS_CIPHERTEXT_H
#define LOCALAWS_KMS_CIPHERTEXT_H

#include "localaws/kms/kms.h"

struct ciphertext {
    const unsigned char *sealed;
    size_t length, material;
    struct kms_key *key; /* that it names, of whichever account */
};

/* Into a zeroed one; of base64, in the arena. */
int ciphertext_read(struct arena *arena, struct region *region, const char *blob,
                    struct ciphertext *ciphertext, struct error *err);
/* In the arena; the caller wipes it. Whether the caller may is not asked. */
int ciphertext_open(struct arena *arena, struct region *region, const struct ciphertext *ciphertext,
                    const json_t *context, unsigned char **plain, size_t *length, struct error *err);
int ciphertext_invalid(struct error *err); /* InvalidCiphertextException */

#endif
