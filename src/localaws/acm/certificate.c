#include "localaws/acm/acm.h"
#include "localaws/ec2/ec2.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/kms/kms.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

enum { NAMES_MOST = 100, DN_LONGEST = 1024, SERIAL_LONGEST = 64, PEM_LONGEST = 65536, CHAIN_MOST = 16 };

static const struct field certificate_fields[] = {
    RESOURCE_FIELDS(struct certificate_record),
    FIELD_TEXT(struct certificate_record, domain, "domain", REQUIRED, 256, NULL, "its name"),
    FIELD_TEXT(struct certificate_record, subject, "subject", REQUIRED, DN_LONGEST, NULL,
               "distinguished name"),
    FIELD_TEXT(struct certificate_record, issuer, "issuer", REQUIRED, DN_LONGEST, NULL, "who signed it"),
    FIELD_TEXT(struct certificate_record, serial, "serial", REQUIRED, 3 * SERIAL_LONGEST, NULL, "number"),
    FIELD_TEXT(struct certificate_record, key_algorithm, "keyAlgorithm", REQUIRED, 32, NULL,
               "in ACM's words"),
    FIELD_TEXT(struct certificate_record, signature_algorithm, "signatureAlgorithm", REQUIRED, 32, NULL,
               "in ACM's words"),
    FIELD_LIST(struct certificate_record, names, name_count, "names", OPTIONAL, NAMES_MOST + 1, &text_record,
               "whom it is for"),
    FIELD_INTEGER(struct certificate_record, not_before_ms, "notBefore", REQUIRED, -9e15, 9e15, "valid from"),
    FIELD_INTEGER(struct certificate_record, not_after_ms, "notAfter", REQUIRED, -9e15, 9e15, "valid until"),
    FIELD_INTEGER(struct certificate_record, imported_ms, "imported", REQUIRED, 0, 9e15, "when"),
    FIELD_TEXT(struct certificate_record, certificate_pem, "certificate", REQUIRED, PEM_LONGEST, NULL, "PEM"),
    FIELD_TEXT(struct certificate_record, chain_pem, "chain", OPTIONAL, 4 * PEM_LONGEST, NULL, "PEM"),
    FIELD_TEXT(struct certificate_record, wrapped_key, "wrappedKey", REQUIRED, 4096, NULL, "by KMS"),
    FIELD_TEXT(struct certificate_record, sealed_key, "sealedKey", REQUIRED, 2 * PEM_LONGEST, NULL,
               "the private key"),
    FIELD_END,
};
static const struct record certificate_record = {"certificate", sizeof(struct certificate_record),
                                                 certificate_fields};

const struct kind certificate_kind = {
    .number = KIND_CERTIFICATE,
    .type = "certificate",
    .prefix = "certificate",
    .parameter = "CertificateArn",
    .missing = "ResourceNotFoundException",
    .record = &certificate_record,
};

static void release_certificate(gnutls_x509_crt_t *certificate)
{
    if (*certificate)
        gnutls_x509_crt_deinit(*certificate);
}

static void release_key(gnutls_x509_privkey_t *key)
{
    if (*key)
        gnutls_x509_privkey_deinit(*key);
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

/* ACM's words for kinds of keys; those that are not here it does not take. */
static const char *key_word(gnutls_x509_crt_t certificate)
{
    unsigned bits = 0;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
    if (algorithm == GNUTLS_PK_RSA)
        return bits == 1024   ? "RSA_1024"
               : bits == 2048 ? "RSA_2048"
               : bits == 3072 ? "RSA_3072"
               : bits == 4096 ? "RSA_4096"
                              : NULL;
    if (algorithm != GNUTLS_PK_EC || gnutls_x509_crt_get_pk_ecc_raw(certificate, &curve, NULL, NULL) < 0)
        return NULL;
    return curve == GNUTLS_ECC_CURVE_SECP256R1   ? "EC_prime256v1"
           : curve == GNUTLS_ECC_CURVE_SECP384R1 ? "EC_secp384r1"
           : curve == GNUTLS_ECC_CURVE_SECP521R1 ? "EC_secp521r1"
                                                 : NULL;
}

static const char *signature_word(gnutls_x509_crt_t certificate)
{
    static const struct {
        gnutls_sign_algorithm_t algorithm;
        const char *word;
    } words[] = {
        {GNUTLS_SIGN_RSA_SHA256, "SHA256WITHRSA"},     {GNUTLS_SIGN_RSA_SHA384, "SHA384WITHRSA"},
        {GNUTLS_SIGN_RSA_SHA512, "SHA512WITHRSA"},     {GNUTLS_SIGN_RSA_SHA1, "SHA1WITHRSA"},
        {GNUTLS_SIGN_ECDSA_SHA256, "SHA256WITHECDSA"}, {GNUTLS_SIGN_ECDSA_SHA384, "SHA384WITHECDSA"},
        {GNUTLS_SIGN_ECDSA_SHA512, "SHA512WITHECDSA"},
    };
    int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if ((int)words[i].algorithm == algorithm)
            return words[i].word;
    return gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm);
}

static char *distinguished_name(struct arena *arena, gnutls_x509_crt_t certificate, bool issuer)
{
    char text[DN_LONGEST] = "";
    size_t size = sizeof text;
    if ((issuer ? gnutls_x509_crt_get_issuer_dn : gnutls_x509_crt_get_dn)(certificate, text, &size) < 0)
        text[0] = '\0';
    return arena_strdup(arena, text);
}

static char *serial_of(struct arena *arena, gnutls_x509_crt_t certificate)
{
    unsigned char serial[SERIAL_LONGEST];
    size_t length = sizeof serial;
    char *text = arena_strdup(arena, "");
    if (gnutls_x509_crt_get_serial(certificate, serial, &length) < 0)
        return text;
    for (size_t i = 0; i < length; i++)
        text = arena_format(arena, "%s%s%02x", text, i ? ":" : "", serial[i]);
    return text;
}

static void take_names(struct arena *arena, gnutls_x509_crt_t certificate, struct certificate_record *draft)
{
    char name[256];
    size_t size = sizeof name;
    draft->names = arena_alloc(arena, (NAMES_MOST + 1) * sizeof *draft->names);
    if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) >= 0)
        draft->domain = arena_strndup(arena, name, size);
    for (unsigned i = 0; i < NAMES_MOST; i++) {
        size = sizeof name;
        int kind = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
        if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (kind == GNUTLS_SAN_DNSNAME)
            draft->names[draft->name_count++] = arena_strndup(arena, name, size);
    }
    if (!draft->domain)
        draft->domain = draft->name_count ? draft->names[0] : arena_strdup(arena, "");
    if (!draft->name_count && *draft->domain)
        draft->names[draft->name_count++] = draft->domain;
}

/* The leaf, alone, whose key this is. */
static int take_leaf(struct call *call, const char *pem, const char *key_pem,
                     struct certificate_record *draft, struct error *err)
{
    cleanup(release_certificate) gnutls_x509_crt_t leaf = NULL;
    cleanup(release_key) gnutls_x509_privkey_t key = NULL;
    gnutls_datum_t text = datum_of(pem), key_text = datum_of(key_pem);
    unsigned char own[64], its[64];
    size_t own_length = sizeof own, its_length = sizeof its;
    if (gnutls_x509_crt_init(&leaf) < 0 || gnutls_x509_crt_import(leaf, &text, GNUTLS_X509_FMT_PEM) < 0)
        return call_fail(call, err, 400, "ValidationException",
                         "The certificate field contains more than one certificate or is not PEM.");
    if (gnutls_x509_privkey_init(&key) < 0 ||
        gnutls_x509_privkey_import2(key, &key_text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN) < 0)
        return call_fail(call, err, 400, "ValidationException",
                         "The private key is not supported: it is PEM, and not encrypted.");
    if (gnutls_x509_crt_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, own, &own_length) < 0 ||
        gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, its, &its_length) < 0 ||
        own_length != its_length || memcmp(own, its, own_length) != 0)
        return call_fail(call, err, 400, "ValidationException",
                         "The private key does not match the certificate.");
    draft->key_algorithm = arena_strdup(call->arena, key_word(leaf));
    if (!draft->key_algorithm)
        return call_fail(call, err, 400, "ValidationException", "The key's kind or length is not supported.");
    draft->signature_algorithm = arena_strdup(call->arena, signature_word(leaf));
    draft->subject = distinguished_name(call->arena, leaf, false);
    draft->issuer = distinguished_name(call->arena, leaf, true);
    draft->serial = serial_of(call->arena, leaf);
    draft->not_before_ms = (int64_t)gnutls_x509_crt_get_activation_time(leaf) * 1000;
    draft->not_after_ms = (int64_t)gnutls_x509_crt_get_expiration_time(leaf) * 1000;
    take_names(call->arena, leaf, draft);
    return 0;
}

static int check_chain(struct call *call, const char *pem, struct error *err)
{
    gnutls_x509_crt_t chain[CHAIN_MOST];
    unsigned count = CHAIN_MOST;
    gnutls_datum_t text = datum_of(pem);
    int status = gnutls_x509_crt_list_import(chain, &count, &text, GNUTLS_X509_FMT_PEM, 0);
    for (int i = 0; i < status; i++)
        gnutls_x509_crt_deinit(chain[i]);
    return status > 0 ? 0
                      : call_fail(call, err, 400, "ValidationException",
                                  "The certificate chain is not a list of PEM certificates.");
}

static char *context_of(struct arena *arena, const char *arn)
{
    return arena_format(arena, "{\"aws:acm:arn\":\"%s\"}", arn);
}

static struct caller service_of(struct account *account)
{
    return (struct caller){.kind = CALLER_SERVICE,
                           .account = account,
                           .arn = "acm.amazonaws.com",
                           .principal_arn = "acm.amazonaws.com"};
}

static int seal_key(struct call *call, const char *key_pem, struct certificate_record *draft,
                    struct error *err)
{
    unsigned char data_key[KMS_KEY_BYTES], *sealed;
    size_t length;
    char *key_arn;
    struct caller acm = service_of(call->account);
    if (kms_data_key(call->region, &acm, "acm", "alias/aws/acm", context_of(call->arena, draft->resource.id),
                     data_key, call->arena, &key_arn, &draft->wrapped_key, err) < 0)
        return -1;
    int result = cipher_seal(call->arena, data_key, draft->resource.id, key_pem, strlen(key_pem), &sealed,
                             &length, err);
    explicit_bzero(data_key, sizeof data_key);
    if (result == 0)
        draft->sealed_key = base64_encode(call->arena, sealed, length);
    return result;
}

int certificate_take(struct call *call, const char *certificate, const char *key, const char *chain,
                     struct certificate_record *draft, struct error *err)
{
    if (take_leaf(call, certificate, key, draft, err) < 0 || (chain && check_chain(call, chain, err) < 0))
        return -1;
    draft->certificate_pem = arena_strdup(call->arena, certificate);
    draft->chain_pem = arena_strdup(call->arena, chain);
    draft->imported_ms = clock_now_ms();
    return seal_key(call, key, draft, err);
}

struct certificate_record *acm_certificate(struct region *region, struct account *account, const char *arn)
{
    return resource_find(region, account, &certificate_kind, arn);
}

bool acm_expired(const struct certificate_record *certificate)
{
    return certificate->not_after_ms < clock_now_ms();
}

static void wipe(void *text)
{
    explicit_bzero(text, strlen(text));
}

int acm_open(const struct certificate_record *certificate, struct arena *arena, char **chain_pem,
             char **key_pem, struct error *err)
{
    unsigned char data_key[KMS_KEY_BYTES], *sealed, *plain;
    size_t length, plain_length;
    const char *arn = certificate->resource.id;
    struct caller acm = service_of(certificate->resource.account);
    if (base64_decode(arena, certificate->sealed_key, &sealed, &length, err) < 0 ||
        kms_unwrap(certificate->resource.region, &acm, "acm", certificate->wrapped_key,
                   context_of(arena, arn), data_key, err) < 0)
        return -1;
    int result = cipher_open(arena, data_key, arn, sealed, length, &plain, &plain_length, err);
    explicit_bzero(data_key, sizeof data_key);
    if (result < 0)
        return -1;
    *key_pem = arena_strndup(arena, (const char *)plain, plain_length);
    explicit_bzero(plain, plain_length);
    arena_defer(arena, wipe, *key_pem);
    *chain_pem = arena_format(arena, "%s\n%s", certificate->certificate_pem,
                              certificate->chain_pem ? certificate->chain_pem : "");
    return 0;
}
