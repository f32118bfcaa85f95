/* For tests: a throw-away authority and what it signs, as PEM files in a directory of their own. */
#ifndef NET_TEST_CERTIFICATES_H
#define NET_TEST_CERTIFICATES_H

#include <gnutls/x509.h>

struct test_authority {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

void test_authority_make(struct test_authority *authority, const char *name);
void test_authority_free(struct test_authority *authority);
void test_authority_save(const struct test_authority *authority, const char *path);
/* A key and a certificate for it, valid from an hour ago for `lifetime_s` from now. */
void test_certificate_make(const struct test_authority *authority, const char *common_name, int lifetime_s,
                           const char *certificate_path, const char *key_path);

#endif
