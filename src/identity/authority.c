#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "identity/certificate.h"
#include "identity/certificate_names.h"
#include "identity/gnutls_support.h"

#include <string.h>
#include <time.h>

enum { SERIAL_BYTES = 20, KEY_ID_LONGEST = 64 };
#define YEAR_MS (365LL * 24 * 3600 * 1000)

/* The certificate is kept as bytes and parsed for each issue: GnuTLS's certificate objects are not promised
 * to be safe to share between threads, private keys used for signing only are. */
struct authority {
    gnutls_datum_t certificate; /* DER */
    struct key *key;
    int64_t not_after_ms;
};

/* 159 random bits: unguessable, positive, within RFC 5280's 20 octets. */
static int set_serial(gnutls_x509_crt_t certificate)
{
    unsigned char serial[SERIAL_BYTES];
    random_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;
    return gnutls_x509_crt_set_serial(certificate, serial, sizeof serial);
}

static int set_validity(gnutls_x509_crt_t certificate, int64_t not_before_ms, int64_t not_after_ms)
{
    int status = gnutls_x509_crt_set_activation_time(certificate, (time_t)(not_before_ms / 1000));
    return status < 0 ? status
                      : gnutls_x509_crt_set_expiration_time(certificate, (time_t)(not_after_ms / 1000));
}

static int set_key(gnutls_x509_crt_t certificate, gnutls_pubkey_t public_key)
{
    unsigned char id[KEY_ID_LONGEST];
    size_t length = sizeof id;
    int status = gnutls_x509_crt_set_pubkey(certificate, public_key);
    if (status >= 0)
        status = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, id, &length);
    return status < 0 ? status : gnutls_x509_crt_set_subject_key_id(certificate, id, length);
}

static int set_common(gnutls_x509_crt_t certificate, gnutls_pubkey_t public_key, int64_t now_ms,
                      int64_t not_after_ms)
{
    int status = gnutls_x509_crt_set_version(certificate, 3);
    if (status >= 0)
        status = set_serial(certificate);
    if (status >= 0)
        status = set_validity(certificate, now_ms - CERTIFICATE_BACKDATED_MS, not_after_ms);
    return status < 0 ? status : set_key(certificate, public_key);
}

static int export_pem(struct arena *arena, gnutls_x509_crt_t certificate, char **pem, struct error *err)
{
    cleanup(datum_release) gnutls_datum_t text = {0};
    if (status_checked(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text), ERROR_INTERNAL,
                       "write a certificate", err) < 0)
        return -1;
    *pem = datum_text(arena, &text);
    return 0;
}

static int set_authority_uses(gnutls_x509_crt_t certificate)
{
    int status = gnutls_x509_crt_set_basic_constraints(certificate, 1, 0);
    return status < 0 ? status
                      : gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
}

/* A certificate without `uses` has no extension that limits it: its holder is trusted by it alone. */
static int self_signed(struct arena *arena, const char *common_name, int years, int (*uses)(gnutls_x509_crt_t),
                       struct key **key, char **certificate_pem, struct error *err)
{
    cleanup(key_free) struct key *made = NULL;
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    cleanup(crt_release) gnutls_x509_crt_t certificate = NULL;
    struct names names = {.common_name = common_name};
    int64_t now_ms = clock_now_ms();
    if (key_generate(&made, err) < 0 || key_public_handle(made, &public_key, err) < 0 ||
        status_checked(gnutls_x509_crt_init(&certificate), ERROR_INTERNAL, "make a certificate", err) < 0 ||
        names_into_certificate(certificate, &names, err) < 0)
        return -1;
    int status = set_common(certificate, public_key, now_ms, now_ms + years * YEAR_MS);
    if (status >= 0 && uses)
        status = uses(certificate);
    if (status >= 0)
        status =
            gnutls_x509_crt_privkey_sign(certificate, certificate, key_handle(made), GNUTLS_DIG_SHA256, 0);
    if (status_checked(status, ERROR_INTERNAL, "sign a certificate with its own key", err) < 0 ||
        export_pem(arena, certificate, certificate_pem, err) < 0)
        return -1;
    *key = take(&made);
    return 0;
}

int authority_create(struct arena *arena, const char *common_name, int years, struct key **key,
                     char **certificate_pem, struct error *err)
{
    return self_signed(arena, common_name, years, set_authority_uses, key, certificate_pem, err);
}

int certificate_self_signed(struct arena *arena, const char *common_name, int years, struct key **key,
                            char **certificate_pem, struct error *err)
{
    return self_signed(arena, common_name, years, NULL, key, certificate_pem, err);
}

static int copy_key(const struct key *key, struct key **copy, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *pem = key_pem(arena, key);
    int result = key_parse(pem, copy, err);
    explicit_bzero(pem, strlen(pem));
    return result;
}

int authority_open(const char *certificate_pem, const struct key *key, struct authority **authority,
                   struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct certificate certificate;
    if (certificate_parse_pem(arena, certificate_pem, &certificate, err) < 0)
        return -1;
    if (!certificate.authority)
        return error_set(err, ERROR_INVALID, "the certificate of %s is not an authority's",
                         certificate.names.common_name ? certificate.names.common_name : "nobody");
    if (!text_equal(certificate.public_key_hash, key_public_hash(arena, key)))
        return error_set(err, ERROR_INVALID, "the key does not belong to the authority's certificate");
    cleanup(authority_close) struct authority *made = memory_alloc(sizeof *made);
    gnutls_datum_t pem = text_datum(certificate_pem);
    if (status_checked(gnutls_pem_base64_decode2("CERTIFICATE", &pem, &made->certificate), ERROR_INVALID,
                       "read the authority's certificate", err) < 0 ||
        copy_key(key, &made->key, err) < 0)
        return -1;
    made->not_after_ms = certificate.not_after_ms;
    *authority = take(&made);
    return 0;
}

void authority_close(struct authority **authority)
{
    if (!*authority)
        return;
    datum_release(&(*authority)->certificate);
    key_free(&(*authority)->key);
    free(take(authority));
}

static int set_leaf_uses(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer)
{
    unsigned char id[KEY_ID_LONGEST];
    size_t length = sizeof id;
    int status = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (status >= 0)
        status = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (status >= 0)
        status = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (status >= 0)
        status = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    if (status < 0 || gnutls_x509_crt_get_subject_key_id(issuer, id, &length, NULL) < 0)
        return status;
    return gnutls_x509_crt_set_authority_key_id(certificate, id, length);
}

/* Nothing outlives the authority that vouches for it. */
static int64_t end_of_life(const struct authority *authority, int64_t now_ms, int64_t lifetime_ms)
{
    int64_t end_ms = now_ms + lifetime_ms;
    return end_ms < authority->not_after_ms ? end_ms : authority->not_after_ms;
}

int authority_issue(struct authority *authority, struct arena *arena, const char *public_key_pem,
                    const struct names *names, int64_t lifetime_ms, char **certificate_pem, struct error *err)
{
    cleanup(pubkey_release) gnutls_pubkey_t public_key = NULL;
    cleanup(crt_release) gnutls_x509_crt_t issuer = NULL;
    cleanup(crt_release) gnutls_x509_crt_t certificate = NULL;
    int64_t now_ms = clock_now_ms();
    if (now_ms >= authority->not_after_ms)
        return error_set(err, ERROR_INTERNAL, "the authority's certificate has expired");
    if (public_key_handle(public_key_pem, &public_key, err) < 0)
        return -1;
    int status = gnutls_x509_crt_init(&issuer);
    if (status >= 0)
        status = gnutls_x509_crt_import(issuer, &authority->certificate, GNUTLS_X509_FMT_DER);
    if (status >= 0)
        status = gnutls_x509_crt_init(&certificate);
    if (status_checked(status, ERROR_INTERNAL, "make a certificate", err) < 0 ||
        names_into_certificate(certificate, names, err) < 0)
        return -1;
    status = set_common(certificate, public_key, now_ms, end_of_life(authority, now_ms, lifetime_ms));
    if (status >= 0)
        status = set_leaf_uses(certificate, issuer);
    if (status >= 0)
        status = gnutls_x509_crt_privkey_sign(certificate, issuer, key_handle(authority->key),
                                              GNUTLS_DIG_SHA256, 0);
    if (status_checked(status, ERROR_INTERNAL, "issue a certificate", err) < 0)
        return -1;
    return export_pem(arena, certificate, certificate_pem, err);
}
