#include "identity/key.h"

#include "base/file.h"
#include "base/text.h"
#include "identity/gnutls_support.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <string.h>

enum { SHA256_BYTES = 32, SIGNATURE_LONGEST = 128 };

struct key {
    gnutls_privkey_t handle;
};

gnutls_privkey_t key_handle(const struct key *key)
{
    return key->handle;
}

static struct key *key_of_handle(gnutls_privkey_t *handle)
{
    struct key *key = memory_alloc(sizeof *key);
    key->handle = take(handle);
    return key;
}

int key_generate(struct key **key, struct error *err)
{
    cleanup(privkey_release) gnutls_privkey_t handle = NULL;
    int status = gnutls_privkey_init(&handle);
    if (status >= 0)
        status = gnutls_privkey_generate(handle, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (status_checked(status, ERROR_INTERNAL, "generate a key", err) < 0)
        return -1;
    *key = key_of_handle(&handle);
    return 0;
}

static int public_handle(gnutls_privkey_t key, gnutls_pubkey_t *public_key, struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t handle = NULL;
    int status = gnutls_pubkey_init(&handle);
    if (status >= 0)
        status = gnutls_pubkey_import_privkey(handle, key, 0, 0);
    if (status_checked(status, ERROR_INVALID, "public half of a key", err) < 0)
        return -1;
    *public_key = take(&handle);
    return 0;
}

int key_public_handle(const struct key *key, gnutls_pubkey_t *public_key, struct error *err)
{
    return public_handle(key->handle, public_key, err);
}

int public_key_require_p256(gnutls_pubkey_t public_key, struct error *err)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    if (gnutls_pubkey_get_pk_algorithm(public_key, NULL) != GNUTLS_PK_ECDSA ||
        gnutls_pubkey_export_ecc_raw(public_key, &curve, NULL, NULL) < 0 ||
        curve != GNUTLS_ECC_CURVE_SECP256R1)
        return error_set(err, ERROR_INVALID, "the key is not ECDSA P-256, the only kind used here");
    return 0;
}

int key_parse(const char *pem, struct key **key, struct error *err)
{
    if (strlen(pem) > PEM_LONGEST)
        return error_set(err, ERROR_INVALID, "a private key of more than %d bytes", PEM_LONGEST);
    cleanup(privkey_release) gnutls_privkey_t handle = NULL;
    gnutls_datum_t text = text_datum(pem);
    int status = gnutls_privkey_init(&handle);
    if (status >= 0)
        status = gnutls_privkey_import_x509_raw(handle, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (status_checked(status, ERROR_INVALID, "read a PEM private key", err) < 0)
        return -1;
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    if (public_handle(handle, &public_key, err) < 0 || public_key_require_p256(public_key, err) < 0)
        return -1;
    *key = key_of_handle(&handle);
    return 0;
}

int key_load(const char *path, struct key **key, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *pem;
    if (file_read(arena, path, PEM_LONGEST, &pem, NULL, err) < 0)
        return -1;
    int result = key_parse(pem, key, err);
    explicit_bzero(pem, strlen(pem));
    return result < 0 ? error_context(err, "%s", path) : 0;
}

/* PKCS#8, to be freed with datum_wipe_release. */
static gnutls_datum_t private_pem(const struct key *key)
{
    gnutls_datum_t pem = {0};
    cleanup(x509_privkey_release) gnutls_x509_privkey_t exported = NULL;
    int status = gnutls_privkey_export_x509(key->handle, &exported);
    if (status >= 0)
        status =
            gnutls_x509_privkey_export2_pkcs8(exported, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
    assert(status >= 0); /* our own keys are in memory and exportable */
    return pem;
}

int key_save(const struct key *key, const char *path, struct error *err)
{
    cleanup(datum_wipe_release) gnutls_datum_t pem = private_pem(key);
    return file_write(path, pem.data, pem.size, 0600, err);
}

void key_free(struct key **key)
{
    if (!*key)
        return;
    gnutls_privkey_deinit((*key)->handle);
    free(take(key));
}

char *key_pem(struct arena *arena, const struct key *key)
{
    cleanup(datum_wipe_release) gnutls_datum_t pem = private_pem(key);
    return datum_text(arena, &pem);
}

char *public_key_handle_pem(struct arena *arena, gnutls_pubkey_t public_key)
{
    cleanup(datum_release) gnutls_datum_t pem = {0};
    int status = gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_PEM, &pem);
    assert(status >= 0);
    return datum_text(arena, &pem);
}

char *public_key_handle_hash(struct arena *arena, gnutls_pubkey_t public_key)
{
    cleanup(datum_release) gnutls_datum_t der = {0};
    int status = gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &der);
    assert(status >= 0);
    return sha256_hex(arena, der.data, der.size);
}

char *key_public_pem(struct arena *arena, const struct key *key)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    int result = key_public_handle(key, &public_key, NULL);
    assert(result == 0);
    return public_key_handle_pem(arena, public_key);
}

char *key_public_hash(struct arena *arena, const struct key *key)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    int result = key_public_handle(key, &public_key, NULL);
    assert(result == 0);
    return public_key_handle_hash(arena, public_key);
}

int public_key_handle(const char *pem, gnutls_pubkey_t *public_key, struct error *err)
{
    if (strlen(pem) > PEM_LONGEST)
        return error_set(err, ERROR_INVALID, "a public key of more than %d bytes", PEM_LONGEST);
    cleanup(pubkey_release) gnutls_pubkey_t handle = NULL;
    gnutls_datum_t text = text_datum(pem);
    int status = gnutls_pubkey_init(&handle);
    if (status >= 0)
        status = gnutls_pubkey_import(handle, &text, GNUTLS_X509_FMT_PEM);
    if (status_checked(status, ERROR_INVALID, "read a PEM public key", err) < 0 ||
        public_key_require_p256(handle, err) < 0)
        return -1;
    *public_key = take(&handle);
    return 0;
}

int public_key_hash(struct arena *arena, const char *public_pem, char **hash, struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    if (public_key_handle(public_pem, &public_key, err) < 0)
        return -1;
    *hash = public_key_handle_hash(arena, public_key);
    return 0;
}

int key_sign(struct arena *arena, const struct key *key, const void *bytes, size_t length, char **signature,
             struct error *err)
{
    gnutls_datum_t message = {.data = (unsigned char *)bytes, .size = (unsigned)length};
    cleanup(datum_release) gnutls_datum_t der = {0};
    int status = gnutls_privkey_sign_data(key->handle, GNUTLS_DIG_SHA256, 0, &message, &der);
    if (status_checked(status, ERROR_INTERNAL, "sign", err) < 0)
        return -1;
    *signature = base64_encode(arena, der.data, der.size);
    return 0;
}

int public_key_verify(const char *public_pem, const void *bytes, size_t length, const char *signature,
                      struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    cleanup(arena_free) struct arena *arena = arena_new();
    gnutls_datum_t message = {.data = (unsigned char *)bytes, .size = (unsigned)length};
    unsigned char *der;
    size_t der_length;
    if (strlen(signature) > SIGNATURE_LONGEST)
        return error_set(err, ERROR_INVALID, "a signature of more than %d characters", SIGNATURE_LONGEST);
    if (public_key_handle(public_pem, &public_key, err) < 0 ||
        base64_decode(arena, signature, &der, &der_length, err) < 0)
        return -1;
    gnutls_datum_t signed_by = {.data = der, .size = (unsigned)der_length};
    if (gnutls_pubkey_verify_data2(public_key, GNUTLS_SIGN_ECDSA_SHA256, 0, &message, &signed_by) < 0)
        return error_set(err, ERROR_UNAUTHENTICATED, "the signature is not this key's over these bytes");
    return 0;
}

static void sha256(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES])
{
    int status = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, length, digest);
    assert(status >= 0);
}

char *sha256_hex(struct arena *arena, const void *bytes, size_t length)
{
    unsigned char digest[SHA256_BYTES];
    sha256(bytes, length, digest);
    return hex_encode(arena, digest, sizeof digest);
}

char *sha256_base64(struct arena *arena, const void *bytes, size_t length)
{
    unsigned char digest[SHA256_BYTES];
    sha256(bytes, length, digest);
    return base64_encode(arena, digest, sizeof digest);
}
