#include "localaws/kms/kms.h"

#include "base/random.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { NONCE_BYTES = 12, TAG_BYTES = 16 };

static void cipher_close(gnutls_aead_cipher_hd_t *cipher)
{
    if (*cipher)
        gnutls_aead_cipher_deinit(*cipher);
}

static int cipher_begin(const unsigned char key[KMS_KEY_BYTES], gnutls_aead_cipher_hd_t *cipher,
                        struct error *err)
{
    const gnutls_datum_t datum = {(unsigned char *)key, KMS_KEY_BYTES};
    int code = gnutls_aead_cipher_init(cipher, GNUTLS_CIPHER_AES_256_GCM, &datum);
    return code < 0 ? error_set(err, ERROR_INTERNAL, "AES-256-GCM: %s", gnutls_strerror(code)) : 0;
}

int cipher_seal(struct arena *arena, const unsigned char key[KMS_KEY_BYTES], const char *bound,
                const void *plain, size_t length, unsigned char **sealed, size_t *sealed_length,
                struct error *err)
{
    cleanup(cipher_close) gnutls_aead_cipher_hd_t cipher = NULL;
    if (cipher_begin(key, &cipher, err) < 0)
        return -1;
    unsigned char *out = arena_alloc(arena, NONCE_BYTES + length + TAG_BYTES);
    size_t room = length + TAG_BYTES;
    random_bytes(out, NONCE_BYTES);
    int code = gnutls_aead_cipher_encrypt(cipher, out, NONCE_BYTES, bound, strlen(bound), TAG_BYTES, plain,
                                          length, out + NONCE_BYTES, &room);
    if (code < 0)
        return error_set(err, ERROR_INTERNAL, "encrypt: %s", gnutls_strerror(code));
    *sealed = out;
    *sealed_length = NONCE_BYTES + room;
    return 0;
}

int cipher_open(struct arena *arena, const unsigned char key[KMS_KEY_BYTES], const char *bound,
                const void *sealed, size_t length, unsigned char **plain, size_t *plain_length,
                struct error *err)
{
    cleanup(cipher_close) gnutls_aead_cipher_hd_t cipher = NULL;
    const unsigned char *in = sealed;
    if (length < NONCE_BYTES + TAG_BYTES)
        return error_set(err, ERROR_INVALID, "the ciphertext is too short");
    if (cipher_begin(key, &cipher, err) < 0)
        return -1;
    size_t room = length - NONCE_BYTES;
    unsigned char *out = arena_alloc(arena, room + 1);
    int code = gnutls_aead_cipher_decrypt(cipher, in, NONCE_BYTES, bound, strlen(bound), TAG_BYTES,
                                          in + NONCE_BYTES, length - NONCE_BYTES, out, &room);
    if (code < 0)
        return error_set(err, ERROR_INVALID, "the ciphertext was changed, or is not of this key and context");
    *plain = out;
    *plain_length = room;
    return 0;
}
