#include "identity/certificate.h"

#include "base/file.h"
#include "base/text.h"
#include "identity/certificate_names.h"
#include "identity/gnutls_support.h"

enum { ISSUER_LONGEST = 2048, SERIAL_LONGEST = 64 };

static int read_public_key(struct arena *arena, gnutls_x509_crt_t handle, struct certificate *certificate,
                           struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    int status = gnutls_pubkey_init(&public_key);
    if (status >= 0)
        status = gnutls_pubkey_import_x509(public_key, handle, 0);
    if (status_checked(status, ERROR_INVALID, "public key of a certificate", err) < 0)
        return -1;
    certificate->public_key_pem = public_key_handle_pem(arena, public_key);
    certificate->public_key_hash = public_key_handle_hash(arena, public_key);
    return 0;
}

static int read_certificate(struct arena *arena, gnutls_x509_crt_t handle, struct certificate *certificate,
                            struct error *err)
{
    *certificate = (struct certificate){0};
    if (names_of_certificate(arena, handle, &certificate->names, err) < 0)
        return -1;
    char issuer[ISSUER_LONGEST];
    size_t issuer_length = sizeof issuer;
    unsigned char serial[SERIAL_LONGEST];
    size_t serial_length = sizeof serial;
    int status = gnutls_x509_crt_get_issuer_dn(handle, issuer, &issuer_length);
    if (status >= 0)
        status = gnutls_x509_crt_get_serial(handle, serial, &serial_length);
    if (status_checked(status, ERROR_INVALID, "issuer and serial of a certificate", err) < 0)
        return -1;
    certificate->issuer = arena_strdup(arena, issuer);
    certificate->serial = hex_encode(arena, serial, serial_length);
    certificate->not_before_ms = (int64_t)gnutls_x509_crt_get_activation_time(handle) * 1000;
    certificate->not_after_ms = (int64_t)gnutls_x509_crt_get_expiration_time(handle) * 1000;
    certificate->authority = gnutls_x509_crt_get_ca_status(handle, NULL) > 0;
    return read_public_key(arena, handle, certificate, err);
}

static int parse(struct arena *arena, const gnutls_datum_t *bytes, gnutls_x509_crt_fmt_t format,
                 struct certificate *certificate, struct error *err)
{
    cleanup(crt_release) gnutls_x509_crt_t handle = NULL;
    if (bytes->size > PEM_LONGEST)
        return error_set(err, ERROR_INVALID, "a certificate of more than %d bytes", PEM_LONGEST);
    int status = gnutls_x509_crt_init(&handle);
    if (status >= 0)
        status = gnutls_x509_crt_import(handle, bytes, format);
    if (status_checked(status, ERROR_INVALID, "read a certificate", err) < 0)
        return -1;
    return read_certificate(arena, handle, certificate, err);
}

int certificate_parse_der(struct arena *arena, const gnutls_datum_t *der, struct certificate *certificate,
                          struct error *err)
{
    return parse(arena, der, GNUTLS_X509_FMT_DER, certificate, err);
}

int certificate_parse_pem(struct arena *arena, const char *pem, struct certificate *certificate,
                          struct error *err)
{
    gnutls_datum_t text = text_datum(pem);
    return parse(arena, &text, GNUTLS_X509_FMT_PEM, certificate, err);
}

int certificate_load(struct arena *arena, const char *path, struct certificate *certificate,
                     struct error *err)
{
    char *pem;
    if (file_read(arena, path, PEM_LONGEST, &pem, NULL, err) < 0)
        return -1;
    return certificate_parse_pem(arena, pem, certificate, err) < 0 ? error_context(err, "%s", path) : 0;
}

static int request_sign_with(gnutls_x509_crq_t request, const struct key *key, struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    if (key_public_handle(key, &public_key, err) < 0)
        return -1;
    int status = gnutls_x509_crq_set_version(request, 1);
    if (status >= 0)
        status = gnutls_x509_crq_set_pubkey(request, public_key);
    if (status >= 0)
        status = gnutls_x509_crq_privkey_sign(request, key_handle(key), GNUTLS_DIG_SHA256, 0);
    return status_checked(status, ERROR_INTERNAL, "sign a certificate request", err);
}

int csr_create(struct arena *arena, const struct key *key, const struct names *names, char **pem,
               struct error *err)
{
    cleanup(crq_release) gnutls_x509_crq_t request = NULL;
    cleanup(datum_release) gnutls_datum_t text = {0};
    if (status_checked(gnutls_x509_crq_init(&request), ERROR_INTERNAL, "make a certificate request", err) <
            0 ||
        names_into_request(request, names, err) < 0 || request_sign_with(request, key, err) < 0)
        return -1;
    if (status_checked(gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &text), ERROR_INTERNAL,
                       "write a certificate request", err) < 0)
        return -1;
    *pem = datum_text(arena, &text);
    return 0;
}

static int request_public_key(struct arena *arena, gnutls_x509_crq_t request, struct csr *csr,
                              struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    int status = gnutls_pubkey_init(&public_key);
    if (status >= 0)
        status = gnutls_pubkey_import_x509_crq(public_key, request, 0);
    if (status_checked(status, ERROR_INVALID, "public key of a certificate request", err) < 0 ||
        public_key_require_p256(public_key, err) < 0)
        return -1;
    csr->public_key_pem = public_key_handle_pem(arena, public_key);
    csr->public_key_hash = public_key_handle_hash(arena, public_key);
    return 0;
}

int csr_parse(struct arena *arena, const char *pem, struct csr *csr, struct error *err)
{
    cleanup(crq_release) gnutls_x509_crq_t request = NULL;
    gnutls_datum_t text = text_datum(pem);
    *csr = (struct csr){0};
    if (text.size > PEM_LONGEST)
        return error_set(err, ERROR_INVALID, "a certificate request of more than %d bytes", PEM_LONGEST);
    int status = gnutls_x509_crq_init(&request);
    if (status >= 0)
        status = gnutls_x509_crq_import(request, &text, GNUTLS_X509_FMT_PEM);
    if (status_checked(status, ERROR_INVALID, "read a certificate request", err) < 0 ||
        request_public_key(arena, request, csr, err) < 0)
        return -1;
    if (status_checked(gnutls_x509_crq_verify(request, 0), ERROR_INVALID,
                       "the certificate request's own signature does not hold", err) < 0)
        return -1;
    return names_of_request(arena, request, &csr->names, err);
}
