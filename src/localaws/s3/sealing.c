#include "localaws/s3/sealing.h"

#include "base/random.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { NONCE = 12, WRAPPED = NONCE + SEGMENT_KEY + SEGMENT_TAG };

void s3_file_key(const unsigned char data_key[SEGMENT_KEY], const char *file, unsigned char key[SEGMENT_KEY])
{
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, data_key, SEGMENT_KEY, file, strlen(file), key) < 0)
        abort(); /* only without memory */
}

static gnutls_aead_cipher_hd_t region_cipher(struct s3_call *s3)
{
    gnutls_aead_cipher_hd_t cipher;
    if (gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM,
                                &(gnutls_datum_t){s3->s3->key, REGION_KEY}) < 0)
        abort(); /* only without memory */
    return cipher;
}

/* SSE-S3: the region's own key takes KMS's place. */
static void wrap(struct s3_call *s3, const unsigned char data_key[SEGMENT_KEY], struct s3_sealing *sealing)
{
    unsigned char wrapped[WRAPPED];
    size_t length = WRAPPED - NONCE;
    gnutls_aead_cipher_hd_t cipher = region_cipher(s3);
    random_bytes(wrapped, NONCE);
    if (gnutls_aead_cipher_encrypt(cipher, wrapped, NONCE, NULL, 0, SEGMENT_TAG, data_key, SEGMENT_KEY,
                                   wrapped + NONCE, &length) < 0)
        abort(); /* sizes are ours */
    gnutls_aead_cipher_deinit(cipher);
    *sealing = (struct s3_sealing){.wrapped = base64_encode(s3->arena, wrapped, WRAPPED)};
}

static int unwrap(struct s3_call *s3, const struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
                  struct error *err)
{
    unsigned char *wrapped;
    size_t size, length = SEGMENT_KEY;
    if (base64_decode(s3->arena, sealing->wrapped, &wrapped, &size, err) < 0)
        return -1;
    gnutls_aead_cipher_hd_t cipher = region_cipher(s3);
    int result = size == WRAPPED
                     ? gnutls_aead_cipher_decrypt(cipher, wrapped, NONCE, NULL, 0, SEGMENT_TAG,
                                                  wrapped + NONCE, size - NONCE, data_key, &length)
                     : -1;
    gnutls_aead_cipher_deinit(cipher);
    return result < 0 ? error_set(err, ERROR_INTERNAL, "the object's key does not open with S3's key") : 0;
}

/* Headers before the bucket's default. */
static int choose(struct s3_call *s3, struct s3_encryption *encryption, struct error *err)
{
    const char *algorithm = s3_header(s3, "x-amz-server-side-encryption");
    const char *key = s3_header(s3, "x-amz-server-side-encryption-aws-kms-key-id");
    const char *bucket_default = s3->bucket.documents[S3_ENCRYPTION];
    const char *bucket_key = s3_header(s3, "x-amz-server-side-encryption-bucket-key-enabled");
    *encryption = (struct s3_encryption){0};
    if (bucket_default &&
        s3_encryption_read(s3->arena, bucket_default, strlen(bucket_default), encryption, err) < 0)
        return -1;
    if (s3_header(s3, "x-amz-server-side-encryption-customer-algorithm"))
        return s3_fail(s3, err, 501, "NotImplemented",
                       "Keys of the customer's own (SSE-C) are not implemented");
    if (bucket_key)
        encryption->bucket_key = text_equal(bucket_key, "true");
    if (!algorithm)
        return key ? s3_fail(s3, err, 400, "InvalidArgument",
                             "A KMS key goes with x-amz-server-side-encryption")
                   : 0;
    if (text_equal(algorithm, "AES256") && !key)
        encryption->kms = false;
    else if (text_equal(algorithm, "aws:kms"))
        encryption->kms = true;
    else
        return s3_fail(s3, err, 400, "InvalidArgument", "The encryption method specified is not supported");
    if (key)
        encryption->kms_key = key;
    return 0;
}

/* KMS's refusals, as S3 passes them on. */
static int kms_refused(struct s3_call *s3, struct error *err, const struct error *why)
{
    if (why->kind == ERROR_FORBIDDEN)
        return s3_fail(s3, err, 403, "AccessDenied", "%s", why->message);
    const char *code = arena_format(s3->arena, "KMS.%s", *why->code ? why->code : "InternalException");
    return s3_fail(s3, err, why->kind == ERROR_INTERNAL ? 500 : 400, code, "%s", why->message);
}

int s3_seal(struct s3_call *s3, struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
            struct error *err)
{
    struct s3_encryption encryption;
    if (choose(s3, &encryption, err) < 0)
        return -1;
    if (!encryption.kms) {
        random_bytes(data_key, SEGMENT_KEY);
        wrap(s3, data_key, sealing);
        return 0;
    }
    /* With a bucket key the context is the bucket's, as AWS has it. */
    json_t *context = json_pack("{s:s}", "aws:s3:arn", s3_arn(s3, encryption.bucket_key ? NULL : s3->key));
    sealing->context = json_text(s3->arena, context);
    json_decref(context);
    struct error why = {0};
    char *arn, *wrapped;
    if (kms_data_key(s3->call->region, s3->call->caller, "s3",
                     encryption.kms_key ? encryption.kms_key : "alias/aws/s3", sealing->context, data_key,
                     s3->arena, &arn, &wrapped, &why) < 0)
        return kms_refused(s3, err, &why);
    sealing->key_arn = arn;
    sealing->wrapped = wrapped;
    return 0;
}

int s3_unseal(struct s3_call *s3, const struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
              struct error *err)
{
    struct error why = {0};
    if (!sealing->key_arn)
        return unwrap(s3, sealing, data_key, err);
    if (kms_unwrap(s3->call->region, s3->call->caller, "s3", sealing->wrapped, sealing->context, data_key,
                   &why) < 0)
        return kms_refused(s3, err, &why);
    return 0;
}

void s3_answer_sealing(struct s3_call *s3, const struct s3_sealing *sealing)
{
    s3_answer_header(s3, "x-amz-server-side-encryption", sealing->key_arn ? "aws:kms" : "AES256");
    s3_answer_header(s3, "x-amz-server-side-encryption-aws-kms-key-id", sealing->key_arn);
}
