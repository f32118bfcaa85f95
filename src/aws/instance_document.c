/* The instance identity document and its signature. Source: EC2 User Guide, "Instance identity documents":
 * the rsa2048 form is a base64 PKCS#7 SignedData that holds the document, RSA-2048 with SHA-256, no
 * certificate. */
#include "aws/imds.h"
#include "base/clock.h"
#include "base/record.h"
#include "base/text.h"

#include <gnutls/pkcs7.h>
#include <string.h>

enum { LARGEST_DOCUMENT = 16 << 10, LARGEST_SIGNATURE = 32 << 10, SMALLEST_KEY_BITS = 2048 };

static bool is_account(const char *text)
{
    return strlen(text) == 12 && text_only(text, "0-9");
}

static bool is_instance_id(const char *text)
{
    return text_starts(text, "i-") && text[2] && text_only(text + 2, "0-9a-f");
}

struct document_text {
    char *account, *instance_id, *region, *availability_zone, *image_id, *instance_type, *private_ip,
        *pending;
};
#define DOCUMENT_TEXT(member, json, need, longest, valid, help) \
    FIELD_TEXT(struct document_text, member, json, need, longest, valid, help)
static const struct field document_fields[] = {
    DOCUMENT_TEXT(account, "accountId", REQUIRED, 12, is_account, "the account it runs in"),
    DOCUMENT_TEXT(instance_id, "instanceId", REQUIRED, 64, is_instance_id, "its id"),
    DOCUMENT_TEXT(region, "region", REQUIRED, 64, NULL, "where it runs"),
    DOCUMENT_TEXT(availability_zone, "availabilityZone", OPTIONAL, 64, NULL, "where in the region"),
    DOCUMENT_TEXT(image_id, "imageId", OPTIONAL, 64, NULL, "what it was booted from"),
    DOCUMENT_TEXT(instance_type, "instanceType", OPTIONAL, 64, NULL, "how big it is"),
    DOCUMENT_TEXT(private_ip, "privateIp", OPTIONAL, 64, NULL, "its first IPv4 address"),
    DOCUMENT_TEXT(pending, "pendingTime", REQUIRED, 64, NULL, "when it was last started"),
    FIELD_END,
};
static const struct record document_record = {"instance identity document", sizeof(struct document_text),
                                              document_fields};

int instance_document_parse(struct arena *arena, const char *json, struct instance_document *document,
                            struct error *err)
{
    struct document_text text = {0};
    size_t length = strlen(json);
    if (length > LARGEST_DOCUMENT)
        return error_set(err, ERROR_INVALID, "the instance identity document is too long");
    if (record_parse(&document_record, arena, json, length, &text, err) < 0)
        return -1;
    *document =
        (struct instance_document){text.account,  text.instance_id,   text.region,     text.availability_zone,
                                   text.image_id, text.instance_type, text.private_ip, 0};
    return clock_parse(text.pending, &document->pending_ms, err);
}

static int refused(struct error *err, const char *why)
{
    return error_set(err, ERROR_FORBIDDEN, "the instance identity document's signature does not hold: %s",
                     why);
}

static int load_certificate(const char *pem, gnutls_x509_crt_t *certificate, struct error *err)
{
    gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)};
    unsigned bits = 0;
    if (gnutls_x509_crt_init(certificate) < 0)
        abort(); /* no memory */
    int result = gnutls_x509_crt_import(*certificate, &text, GNUTLS_X509_FMT_PEM);
    if (result < 0)
        return error_set(err, ERROR_INVALID, "the region's certificate for identity documents: %s",
                         gnutls_strerror(result));
    if (gnutls_x509_crt_get_pk_algorithm(*certificate, &bits) != GNUTLS_PK_RSA || bits < SMALLEST_KEY_BITS)
        return error_set(err, ERROR_INVALID,
                         "the region's certificate for identity documents is not RSA-2048");
    return 0;
}

/* EC2 breaks the base64 into lines. */
static int load_signature(struct arena *arena, const char *base64, gnutls_pkcs7_t *pkcs7, struct error *err)
{
    size_t length = strlen(base64), kept = 0;
    if (length > LARGEST_SIGNATURE)
        return refused(err, "it is too long");
    char *joined = arena_alloc(arena, length + 1);
    for (size_t i = 0; i < length; i++)
        if (!strchr("\r\n ", base64[i]))
            joined[kept++] = base64[i];
    gnutls_datum_t der = {0};
    size_t size;
    if (base64_decode(arena, joined, &der.data, &size, NULL) < 0)
        return refused(err, "it is no base64");
    der.size = (unsigned)size;
    if (gnutls_pkcs7_init(pkcs7) < 0)
        abort(); /* no memory */
    if (gnutls_pkcs7_import(*pkcs7, &der, GNUTLS_X509_FMT_DER) < 0)
        return refused(err, "it is no PKCS#7");
    return 0;
}

/* One signer, RSA with SHA-256, over exactly these bytes: whatever content the PKCS#7 carries must be them
 * too, so that nobody who reads that content can be told another story. */
static int check_signature(gnutls_pkcs7_t pkcs7, gnutls_x509_crt_t certificate, const char *json,
                           struct error *err)
{
    gnutls_datum_t document = {(unsigned char *)json, (unsigned)strlen(json)}, content = {0};
    gnutls_pkcs7_signature_info_st info;
    if (gnutls_pkcs7_get_signature_count(pkcs7) != 1 || gnutls_pkcs7_get_signature_info(pkcs7, 0, &info) < 0)
        return refused(err, "it has not exactly one signer");
    int algorithm = (int)info.algo;
    gnutls_pkcs7_signature_info_deinit(&info);
    if (algorithm != GNUTLS_SIGN_RSA_SHA256)
        return refused(err, "it is not RSA with SHA-256");
    if (gnutls_pkcs7_get_embedded_data(pkcs7, 0, &content) == 0) {
        bool same = content.size == document.size && memcmp(content.data, document.data, content.size) == 0;
        gnutls_free(content.data);
        if (!same)
            return refused(err, "it signs another document");
    }
    int result = gnutls_pkcs7_verify_direct(pkcs7, certificate, 0, &document, 0);
    return result < 0 ? refused(err, gnutls_strerror(result)) : 0;
}

static void certificate_free(gnutls_x509_crt_t *certificate)
{
    if (*certificate)
        gnutls_x509_crt_deinit(*certificate);
}

static void pkcs7_free(gnutls_pkcs7_t *pkcs7)
{
    if (*pkcs7)
        gnutls_pkcs7_deinit(*pkcs7);
}

int instance_document_verify(const char *json, const char *rsa2048, const char *certificate_pem,
                             struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(certificate_free) gnutls_x509_crt_t certificate = NULL;
    cleanup(pkcs7_free) gnutls_pkcs7_t pkcs7 = NULL;
    if (load_certificate(certificate_pem, &certificate, err) < 0 ||
        load_signature(arena, rsa2048, &pkcs7, err) < 0)
        return -1;
    return check_signature(pkcs7, certificate, json, err);
}
