#include "localaws/kms/spec.h"

#include "base/random.h"
#include "base/text.h"
#include "localaws/kms/kms.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

const char *const kms_usages[] = {
    [KMS_ENCRYPT_DECRYPT] = "ENCRYPT_DECRYPT",
    [KMS_SIGN_VERIFY] = "SIGN_VERIFY",
    [KMS_GENERATE_VERIFY_MAC] = "GENERATE_VERIFY_MAC",
    NULL,
};

/* clang-format off */
#define RSA {"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", \
             "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"}
#define CURVE(bits) GNUTLS_CURVE_TO_BITS(bits)

static const struct kms_spec specs[] = {
    {"SYMMETRIC_DEFAULT", KMS_ENCRYPT_DECRYPT,     GNUTLS_PK_UNKNOWN, 0,    GNUTLS_MAC_UNKNOWN, {"SYMMETRIC_DEFAULT"}},
    {"RSA_2048",          KMS_SIGN_VERIFY,         GNUTLS_PK_RSA,     2048, GNUTLS_MAC_UNKNOWN, RSA},
    {"RSA_3072",          KMS_SIGN_VERIFY,         GNUTLS_PK_RSA,     3072, GNUTLS_MAC_UNKNOWN, RSA},
    {"RSA_4096",          KMS_SIGN_VERIFY,         GNUTLS_PK_RSA,     4096, GNUTLS_MAC_UNKNOWN, RSA},
    {"ECC_NIST_P256",     KMS_SIGN_VERIFY,         GNUTLS_PK_ECDSA,   CURVE(GNUTLS_ECC_CURVE_SECP256R1), GNUTLS_MAC_UNKNOWN, {"ECDSA_SHA_256"}},
    {"ECC_NIST_P384",     KMS_SIGN_VERIFY,         GNUTLS_PK_ECDSA,   CURVE(GNUTLS_ECC_CURVE_SECP384R1), GNUTLS_MAC_UNKNOWN, {"ECDSA_SHA_384"}},
    {"ECC_NIST_P521",     KMS_SIGN_VERIFY,         GNUTLS_PK_ECDSA,   CURVE(GNUTLS_ECC_CURVE_SECP521R1), GNUTLS_MAC_UNKNOWN, {"ECDSA_SHA_512"}},
    {"HMAC_224",          KMS_GENERATE_VERIFY_MAC, GNUTLS_PK_UNKNOWN, 0,    GNUTLS_MAC_SHA224,  {"HMAC_SHA_224"}},
    {"HMAC_256",          KMS_GENERATE_VERIFY_MAC, GNUTLS_PK_UNKNOWN, 0,    GNUTLS_MAC_SHA256,  {"HMAC_SHA_256"}},
    {"HMAC_384",          KMS_GENERATE_VERIFY_MAC, GNUTLS_PK_UNKNOWN, 0,    GNUTLS_MAC_SHA384,  {"HMAC_SHA_384"}},
    {"HMAC_512",          KMS_GENERATE_VERIFY_MAC, GNUTLS_PK_UNKNOWN, 0,    GNUTLS_MAC_SHA512,  {"HMAC_SHA_512"}},
};

static const struct signing {
    const char *name;
    gnutls_sign_algorithm_t algorithm;
    size_t digest;
} signings[] = {
    {"RSASSA_PSS_SHA_256",        GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 32},
    {"RSASSA_PSS_SHA_384",        GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, 48},
    {"RSASSA_PSS_SHA_512",        GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, 64},
    {"RSASSA_PKCS1_V1_5_SHA_256", GNUTLS_SIGN_RSA_SHA256,          32},
    {"RSASSA_PKCS1_V1_5_SHA_384", GNUTLS_SIGN_RSA_SHA384,          48},
    {"RSASSA_PKCS1_V1_5_SHA_512", GNUTLS_SIGN_RSA_SHA512,          64},
    {"ECDSA_SHA_256",             GNUTLS_SIGN_ECDSA_SHA256,        32},
    {"ECDSA_SHA_384",             GNUTLS_SIGN_ECDSA_SHA384,        48},
    {"ECDSA_SHA_512",             GNUTLS_SIGN_ECDSA_SHA512,        64},
};
/* clang-format on */

const struct kms_spec *kms_spec_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(specs); i++)
        if (text_equal(specs[i].name, name))
            return &specs[i];
    return NULL;
}

bool kms_spec_has(const struct kms_spec *spec, const char *algorithm)
{
    for (size_t i = 0; spec->algorithms[i]; i++)
        if (text_equal(spec->algorithms[i], algorithm))
            return true;
    return false;
}

static int failed(struct error *err, const char *what, int code)
{
    return error_set(err, ERROR_INTERNAL, "%s: %s", what, gnutls_strerror(code));
}

static void wipe(void *object)
{
    struct kms_bytes *bytes = object;
    explicit_bzero(bytes->data, bytes->length);
}

/* A copy that is wiped with the arena; what GnuTLS made is freed. */
static struct kms_bytes keep(struct arena *arena, gnutls_datum_t *made)
{
    struct kms_bytes *bytes = arena_alloc(arena, sizeof *bytes);
    *bytes = (struct kms_bytes){arena_alloc(arena, made->size + 1u), made->size};
    memcpy(bytes->data, made->data, made->size);
    arena_defer(arena, wipe, bytes);
    explicit_bzero(made->data, made->size);
    gnutls_free(made->data);
    return *bytes;
}

static int make_pair(const struct kms_spec *spec, struct arena *arena, struct kms_bytes *material,
                     struct error *err)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t der = {0};
    if (gnutls_x509_privkey_init(&key) < 0)
        abort(); /* only without memory */
    int code = gnutls_x509_privkey_generate(key, spec->algorithm, spec->bits, 0);
    if (code == 0)
        code = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, &der);
    gnutls_x509_privkey_deinit(key);
    if (code < 0)
        return failed(err, "make a key", code);
    *material = keep(arena, &der);
    return 0;
}

int kms_material_make(const struct kms_spec *spec, struct arena *arena, struct kms_bytes *material,
                      struct error *err)
{
    if (spec->algorithm != GNUTLS_PK_UNKNOWN)
        return make_pair(spec, arena, material, err);
    size_t length = spec->mac ? (size_t)gnutls_hmac_get_len(spec->mac) : KMS_KEY_BYTES;
    struct kms_bytes *bytes = arena_alloc(arena, sizeof *bytes);
    *bytes = (struct kms_bytes){arena_alloc(arena, length), length};
    arena_defer(arena, wipe, bytes);
    random_bytes(bytes->data, length);
    *material = *bytes;
    return 0;
}

static gnutls_datum_t datum(const struct kms_bytes *bytes)
{
    return (gnutls_datum_t){bytes->data, (unsigned)bytes->length};
}

static int open_private(const struct kms_bytes *material, gnutls_privkey_t *key, struct error *err)
{
    gnutls_x509_privkey_t inner;
    gnutls_datum_t der = datum(material);
    if (gnutls_x509_privkey_init(&inner) < 0 || gnutls_privkey_init(key) < 0)
        abort(); /* only without memory */
    int code = gnutls_x509_privkey_import_pkcs8(inner, &der, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN);
    if (code == 0)
        code = gnutls_privkey_import_x509(*key, inner, GNUTLS_PRIVKEY_IMPORT_COPY);
    gnutls_x509_privkey_deinit(inner);
    if (code == 0)
        return 0;
    gnutls_privkey_deinit(*key);
    return failed(err, "open a key", code);
}

static int open_public(const struct kms_bytes *material, gnutls_pubkey_t *public, struct error *err)
{
    gnutls_privkey_t key;
    if (open_private(material, &key, err) < 0)
        return -1;
    if (gnutls_pubkey_init(public) < 0)
        abort(); /* only without memory */
    int code = gnutls_pubkey_import_privkey(*public, key, 0, 0);
    gnutls_privkey_deinit(key);
    if (code == 0)
        return 0;
    gnutls_pubkey_deinit(*public);
    return failed(err, "public key", code);
}

int kms_public_key(struct arena *arena, const struct kms_bytes *material, struct kms_bytes *spki,
                   struct error *err)
{
    gnutls_pubkey_t public;
    gnutls_datum_t der = {0};
    if (open_public(material, &public, err) < 0)
        return -1;
    int code = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der);
    gnutls_pubkey_deinit(public);
    if (code < 0)
        return failed(err, "public key", code);
    *spki = keep(arena, &der);
    return 0;
}

static int find_signing(const char *algorithm, bool digest, const struct kms_bytes *message,
                        const struct signing **signing, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(signings); i++)
        if (text_equal(signings[i].name, algorithm))
            *signing = &signings[i];
    if (digest && message->length != (*signing)->digest)
        return error_code(err, ERROR_INVALID, "ValidationException",
                          "Digest is invalid length for algorithm %s.", algorithm);
    return 0;
}

int kms_sign(struct arena *arena, const struct kms_bytes *material, const char *algorithm, bool digest,
             const struct kms_bytes *message, struct kms_bytes *signature, struct error *err)
{
    const struct signing *signing = NULL;
    gnutls_privkey_t key;
    gnutls_datum_t text = datum(message), made = {0};
    if (find_signing(algorithm, digest, message, &signing, err) < 0 || open_private(material, &key, err) < 0)
        return -1;
    int code = digest ? gnutls_privkey_sign_hash2(key, signing->algorithm, 0, &text, &made)
                      : gnutls_privkey_sign_data2(key, signing->algorithm, 0, &text, &made);
    gnutls_privkey_deinit(key);
    if (code < 0)
        return failed(err, "sign", code);
    *signature = keep(arena, &made);
    return 0;
}

int kms_verify(const struct kms_bytes *material, const char *algorithm, bool digest,
               const struct kms_bytes *message, const struct kms_bytes *signature, bool *valid,
               struct error *err)
{
    const struct signing *signing = NULL;
    gnutls_pubkey_t public;
    gnutls_datum_t text = datum(message), made = datum(signature);
    if (find_signing(algorithm, digest, message, &signing, err) < 0 ||
        open_public(material, &public, err) < 0)
        return -1;
    int code = digest ? gnutls_pubkey_verify_hash2(public, signing->algorithm, 0, &text, &made)
                      : gnutls_pubkey_verify_data2(public, signing->algorithm, 0, &text, &made);
    gnutls_pubkey_deinit(public);
    *valid = code >= 0;
    return 0;
}

void kms_mac(struct arena *arena, const struct kms_spec *spec, const struct kms_bytes *material,
             const struct kms_bytes *message, struct kms_bytes *mac)
{
    mac->length = (size_t)gnutls_hmac_get_len(spec->mac);
    mac->data = arena_alloc(arena, mac->length);
    if (gnutls_hmac_fast(spec->mac, material->data, material->length, message->data, message->length,
                         mac->data) < 0)
        abort(); /* only without memory */
}
