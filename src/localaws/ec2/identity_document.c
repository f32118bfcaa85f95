/* Signing instance identity documents: an RSA-2048 key of the region and its self-signed certificate, whose
 * public half (identity-document.pem) verifies what instances show. */
#include "localaws/front/endpoint.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <gnutls/abstract.h>
#include <gnutls/pkcs7.h>
#include <gnutls/x509.h>
#include <string.h>

enum { PEM_LARGEST = 1 << 16, COLUMNS = 64, YEARS = 20 };

struct identity_signer {
    gnutls_x509_crt_t certificate;
    gnutls_privkey_t key;
};

static int failed(int code, const char *what, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "identity document key: %s: %s", what, gnutls_strerror(code));
}

static void datum_free(gnutls_datum_t *datum)
{
    gnutls_free(datum->data);
    datum->data = NULL;
}

static void private_key_free(gnutls_x509_privkey_t *key)
{
    if (*key)
        gnutls_x509_privkey_deinit(*key);
}

static void certificate_free(gnutls_x509_crt_t *certificate)
{
    if (*certificate)
        gnutls_x509_crt_deinit(*certificate);
}

static int sign_self(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    const time_t now = (time_t)(clock_now_ms() / 1000);
    static const char name[] = "localaws instance identity";
    int code = gnutls_x509_crt_set_version(certificate, 3);
    code = code < 0 ? code : gnutls_x509_crt_set_serial(certificate, "\1", 1);
    code = code < 0 ? code
                    : gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                                    sizeof name - 1);
    code = code < 0 ? code : gnutls_x509_crt_set_activation_time(certificate, now - 3600);
    code = code < 0 ? code : gnutls_x509_crt_set_expiration_time(certificate, now + YEARS * 365L * 24 * 3600);
    code = code < 0 ? code : gnutls_x509_crt_set_key(certificate, key);
    return code < 0 ? code : gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
}

static int make(const char *key_path, const char *certificate_path, struct error *err)
{
    cleanup(private_key_free) gnutls_x509_privkey_t key = NULL;
    cleanup(certificate_free) gnutls_x509_crt_t certificate = NULL;
    cleanup(datum_free) gnutls_datum_t key_pem = {0};
    cleanup(datum_free) gnutls_datum_t certificate_pem = {0};
    int code = gnutls_x509_privkey_init(&key);
    code = code < 0 ? code : gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0);
    code = code < 0 ? code : gnutls_x509_crt_init(&certificate);
    code = code < 0 ? code : sign_self(certificate, key);
    code = code < 0 ? code
                    : gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                        &key_pem);
    code = code < 0 ? code : gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &certificate_pem);
    if (code < 0)
        return failed(code, "make", err);
    int result = file_write(key_path, key_pem.data, key_pem.size, 0600, err);
    explicit_bzero(key_pem.data, key_pem.size);
    return result < 0 ? -1
                      : file_write(certificate_path, certificate_pem.data, certificate_pem.size, 0644, err);
}

static int load(struct arena *arena, const char *key_path, const char *certificate_path,
                struct identity_signer *signer, struct error *err)
{
    char *key_pem, *certificate_pem;
    size_t key_length, certificate_length;
    if (file_read(arena, key_path, PEM_LARGEST, &key_pem, &key_length, err) < 0 ||
        file_read(arena, certificate_path, PEM_LARGEST, &certificate_pem, &certificate_length, err) < 0)
        return -1;
    const gnutls_datum_t key_datum = {(unsigned char *)key_pem, (unsigned)key_length};
    const gnutls_datum_t certificate_datum = {(unsigned char *)certificate_pem, (unsigned)certificate_length};
    int code = gnutls_privkey_init(&signer->key);
    code = code < 0 ? code
                    : gnutls_privkey_import_x509_raw(signer->key, &key_datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    code = code < 0 ? code : gnutls_x509_crt_init(&signer->certificate);
    code = code < 0 ? code
                    : gnutls_x509_crt_import(signer->certificate, &certificate_datum, GNUTLS_X509_FMT_PEM);
    explicit_bzero(key_pem, key_length);
    return code < 0 ? failed(code, "load", err) : 0;
}

int identity_signer_open(struct region *region, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *key_path = arena_format(arena, "%s/identity-document.key", region->directory);
    const char *certificate_path = arena_format(arena, "%s/identity-document.pem", region->directory);
    if (!file_exists(certificate_path) && make(key_path, certificate_path, err) < 0)
        return -1;
    region->identity_signer = memory_alloc(sizeof *region->identity_signer);
    return load(arena, key_path, certificate_path, region->identity_signer, err);
}

void identity_signer_close(struct region *region)
{
    struct identity_signer *signer = take(&region->identity_signer);
    if (!signer)
        return;
    certificate_free(&signer->certificate);
    if (signer->key)
        gnutls_privkey_deinit(signer->key);
    free(signer);
}

/* Base64 in lines, as IMDS gives it. */
static char *in_columns(struct arena *arena, const char *base64)
{
    size_t length = strlen(base64);
    char *text = arena_alloc(arena, length + length / COLUMNS + 1), *out = text;
    for (size_t i = 0; i < length; i++) {
        if (i && i % COLUMNS == 0)
            *out++ = '\n';
        *out++ = base64[i];
    }
    return text;
}

static int make_pkcs7(const struct identity_signer *signer, const gnutls_datum_t *document,
                      gnutls_datum_t *der)
{
    gnutls_pkcs7_t pkcs7;
    int code = gnutls_pkcs7_init(&pkcs7);
    if (code < 0)
        return code;
    code = gnutls_pkcs7_sign(pkcs7, signer->certificate, signer->key, document, NULL, NULL, GNUTLS_DIG_SHA256,
                             GNUTLS_PKCS7_EMBED_DATA);
    code = code < 0 ? code : gnutls_pkcs7_export2(pkcs7, GNUTLS_X509_FMT_DER, der);
    gnutls_pkcs7_deinit(pkcs7);
    return code;
}

int identity_document_sign(struct region *region, struct arena *arena, const char *document, char **signature,
                           char **pkcs7, struct error *err)
{
    const struct identity_signer *signer = region->identity_signer;
    const gnutls_datum_t text = {(unsigned char *)document, (unsigned)strlen(document)};
    cleanup(datum_free) gnutls_datum_t bare = {0};
    cleanup(datum_free) gnutls_datum_t der = {0};
    int code = gnutls_privkey_sign_data2(signer->key, GNUTLS_SIGN_RSA_SHA256, 0, &text, &bare);
    code = code < 0 ? code : make_pkcs7(signer, &text, &der);
    if (code < 0)
        return failed(code, "sign", err);
    *signature = in_columns(arena, base64_encode(arena, bare.data, bare.size));
    *pkcs7 = in_columns(arena, base64_encode(arena, der.data, der.size));
    return 0;
}
