#include "localaws/s3/about.h"

#include "base/buffer.h"
#include "base/random.h"

#include <string.h>

enum { NONCE = 12, TAG = 16, LARGEST = 1 << 20 };

/* Each text follows a byte that tells it from none, and ends with a NUL. */
struct blob about_seal(gnutls_aead_cipher_hd_t cipher, struct arena *arena, const char *bound,
                       const char *const *texts, size_t count)
{
    cleanup(buffer_free) struct buffer plain = buffer_new(LARGEST);
    for (size_t i = 0; i < count; i++) {
        buffer_append(&plain, texts[i] ? "+" : "-", 1);
        buffer_append(&plain, texts[i] ? texts[i] : "", (texts[i] ? strlen(texts[i]) : 0) + 1);
    }
    if (plain.overflow)
        abort(); /* every text was bounded when it came in */
    unsigned char *sealed = arena_alloc(arena, NONCE + plain.length + TAG);
    size_t length = plain.length + TAG;
    random_bytes(sealed, NONCE);
    if (gnutls_aead_cipher_encrypt(cipher, sealed, NONCE, bound, strlen(bound), TAG, plain.data, plain.length,
                                   sealed + NONCE, &length) < 0)
        abort(); /* sizes are ours */
    return (struct blob){sealed, NONCE + length};
}

int about_open(gnutls_aead_cipher_hd_t cipher, struct arena *arena, const char *bound, struct blob sealed,
               const char **texts, size_t count, struct error *err)
{
    const unsigned char *bytes = sealed.bytes;
    char *plain = arena_alloc(arena, sealed.length + 1);
    size_t length = sealed.length;
    if (!bytes || sealed.length < NONCE + TAG ||
        gnutls_aead_cipher_decrypt(cipher, bytes, NONCE, bound, strlen(bound), TAG, bytes + NONCE,
                                   sealed.length - NONCE, plain, &length) < 0)
        return error_set(err, ERROR_INTERNAL, "an entry of S3's index was altered, or its key is another");
    const char *end = plain + length;
    for (size_t i = 0; i < count; i++) {
        if (plain >= end)
            return error_set(err, ERROR_INTERNAL, "an entry of S3's index is too short");
        texts[i] = *plain == '+' ? plain + 1 : NULL;
        plain += strlen(plain + 1) + 2;
    }
    return 0;
}
