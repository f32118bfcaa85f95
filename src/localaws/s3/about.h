/* Texts that describe an object (its entity tag, headers, tags, ACL), sealed into one blob for the index:
 * AES-256-GCM under the store's key, bound to what they belong to. */
#ifndef LOCALAWS_S3_ABOUT_H
#define LOCALAWS_S3_ABOUT_H

#include "localaws/s3/connection.h"

#include <gnutls/crypto.h>

enum { ABOUT_MOST = 4 };

/* `texts` may hold NULLs; the blob is in the arena. The cipher is used by one thread at a time. */
struct blob about_seal(gnutls_aead_cipher_hd_t cipher, struct arena *arena, const char *bound,
                       const char *const *texts, size_t count);
int about_open(gnutls_aead_cipher_hd_t cipher, struct arena *arena, const char *bound, struct blob sealed,
               const char **texts, size_t count, struct error *err);

#endif
