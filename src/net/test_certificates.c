#include "net/test_certificates.h"

#include "base/file.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, gnutls_strerror(result));
    abort();
}

static void save(const char *path, gnutls_datum_t *pem)
{
    must(file_write(path, pem->data, pem->size, 0600, NULL), path);
    gnutls_free(pem->data);
}

static gnutls_x509_privkey_t new_key(void)
{
    gnutls_x509_privkey_t key;
    must(gnutls_x509_privkey_init(&key), "key");
    must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
         "generate");
    return key;
}

static gnutls_x509_crt_t new_certificate(gnutls_x509_privkey_t key, const char *name, int lifetime_s)
{
    gnutls_x509_crt_t certificate;
    unsigned char serial[8];
    time_t now = time(NULL);
    random_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;
    must(gnutls_x509_crt_init(&certificate), "certificate");
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, serial, sizeof serial);
    gnutls_x509_crt_set_activation_time(certificate, now - 3600);
    gnutls_x509_crt_set_expiration_time(certificate, now + lifetime_s);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
    must(gnutls_x509_crt_set_key(certificate, key), "set key");
    return certificate;
}

void test_authority_make(struct test_authority *authority, const char *name)
{
    authority->key = new_key();
    authority->certificate = new_certificate(authority->key, name, 3600);
    gnutls_x509_crt_set_basic_constraints(authority->certificate, 1, -1);
    gnutls_x509_crt_set_key_usage(authority->certificate, GNUTLS_KEY_KEY_CERT_SIGN);
    must(gnutls_x509_crt_sign2(authority->certificate, authority->certificate, authority->key, GNUTLS_DIG_SHA256, 0),
         "sign");
}

void test_authority_free(struct test_authority *authority)
{
    gnutls_x509_crt_deinit(authority->certificate);
    gnutls_x509_privkey_deinit(authority->key);
}

void test_authority_save(const struct test_authority *authority, const char *path)
{
    gnutls_datum_t pem;
    must(gnutls_x509_crt_export2(authority->certificate, GNUTLS_X509_FMT_PEM, &pem), "export");
    save(path, &pem);
}

void test_certificate_make(const struct test_authority *authority, const char *common_name, int lifetime_s,
                           const char *certificate_path, const char *key_path)
{
    gnutls_x509_privkey_t key = new_key();
    gnutls_x509_crt_t certificate = new_certificate(key, common_name, lifetime_s);
    gnutls_datum_t pem;
    must(gnutls_x509_crt_sign2(certificate, authority->certificate, authority->key, GNUTLS_DIG_SHA256, 0), "sign");
    must(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem), "export key");
    save(key_path, &pem);
    must(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem), "export");
    save(certificate_path, &pem);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}
