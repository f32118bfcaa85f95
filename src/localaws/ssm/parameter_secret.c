#include "localaws/ssm/parameter.h"

#include "base/random.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { KEY_BYTES = 32, NONCE = 12, SEAL = 16 };

/* The ciphertext is bound to the parameter's ARN, as SSM binds it. */
static const char *bound_to(struct call *call, const char *name)
{
    return arena_format(call->arena, "{\"PARAMETER_ARN\":\"%s\"}", parameter_arn(call, name));
}

static void cipher(const unsigned char key[KEY_BYTES], gnutls_aead_cipher_hd_t *handle)
{
    if (gnutls_aead_cipher_init(handle, GNUTLS_CIPHER_AES_256_GCM,
                                &(gnutls_datum_t){(void *)(uintptr_t)key, KEY_BYTES}) < 0)
        abort(); /* only without memory */
}

int parameter_seal(struct call *call, struct parameter *draft, const char *value, struct error *err)
{
    unsigned char key[KEY_BYTES];
    size_t length = strlen(value), sealed_length = length + SEAL;
    unsigned char *sealed = arena_alloc(call->arena, NONCE + sealed_length);
    gnutls_aead_cipher_hd_t handle;
    if (kms_data_key(call->region, call->caller, "ssm", draft->key, bound_to(call, draft->name), key,
                     call->arena, &draft->key_arn, &draft->wrapped_key, err) < 0) {
        call->status = 400;
        return -1;
    }
    cipher(key, &handle);
    random_bytes(sealed, NONCE);
    if (gnutls_aead_cipher_encrypt(handle, sealed, NONCE, NULL, 0, SEAL, value, length, sealed + NONCE,
                                   &sealed_length) < 0)
        abort(); /* sizes are ours */
    gnutls_aead_cipher_deinit(handle);
    explicit_bzero(key, sizeof key);
    draft->value = base64_encode(call->arena, sealed, NONCE + sealed_length);
    return 0;
}

int parameter_unseal(struct call *call, const struct parameter *parameter, const char **value,
                     struct error *err)
{
    unsigned char key[KEY_BYTES], *sealed;
    size_t length;
    gnutls_aead_cipher_hd_t handle;
    if (kms_unwrap(call->region, call->caller, "ssm", parameter->wrapped_key, bound_to(call, parameter->name),
                   key, err) < 0) {
        call->status = 400;
        return -1;
    }
    if (base64_decode(call->arena, parameter->value, &sealed, &length, err) < 0 || length < NONCE + SEAL)
        return error_set(err, ERROR_INTERNAL, "the value of %s is damaged", parameter->name);
    size_t plain_length = length - NONCE - SEAL;
    char *plain = arena_alloc(call->arena, plain_length + 1);
    cipher(key, &handle);
    int result = gnutls_aead_cipher_decrypt(handle, sealed, NONCE, NULL, 0, SEAL, sealed + NONCE,
                                            length - NONCE, plain, &plain_length);
    gnutls_aead_cipher_deinit(handle);
    explicit_bzero(key, sizeof key);
    if (result < 0)
        return error_set(err, ERROR_INTERNAL, "the value of %s does not open with its key", parameter->name);
    *value = plain;
    return 0;
}
