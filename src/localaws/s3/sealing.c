#include "localaws/s3/sealing.h"

#include "base/random.h"
#include "base/record.h"
#include "localaws/s3/customer_key.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { NONCE = 12, WRAPPED = NONCE + SEGMENT_KEY + SEGMENT_TAG };

void s3_file_key(const unsigned char data_key[SEGMENT_KEY], const char *file, unsigned char key[SEGMENT_KEY])
{
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, data_key, SEGMENT_KEY, file, strlen(file), key) < 0)
        abort(); /* only without memory */
}

static gnutls_aead_cipher_hd_t open_cipher(const unsigned char key[SEGMENT_KEY])
{
    gnutls_aead_cipher_hd_t cipher;
    if (gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM,
                                &(gnutls_datum_t){(unsigned char *)key, SEGMENT_KEY}) < 0)
        abort(); /* only without memory */
    return cipher;
}

/* A data key under the region's own key, or under a customer's: these take KMS's place. */
static char *wrap(struct arena *arena, const unsigned char key[SEGMENT_KEY],
                  const unsigned char data_key[SEGMENT_KEY])
{
    unsigned char wrapped[WRAPPED];
    size_t length = WRAPPED - NONCE;
    gnutls_aead_cipher_hd_t cipher = open_cipher(key);
    random_bytes(wrapped, NONCE);
    if (gnutls_aead_cipher_encrypt(cipher, wrapped, NONCE, NULL, 0, SEGMENT_TAG, data_key, SEGMENT_KEY,
                                   wrapped + NONCE, &length) < 0)
        abort(); /* sizes are ours */
    gnutls_aead_cipher_deinit(cipher);
    return base64_encode(arena, wrapped, WRAPPED);
}

static int unwrap(struct arena *arena, const unsigned char key[SEGMENT_KEY], const char *text,
                  unsigned char data_key[SEGMENT_KEY], struct error *err)
{
    unsigned char *wrapped;
    size_t size, length = SEGMENT_KEY;
    if (base64_decode(arena, text, &wrapped, &size, err) < 0)
        return -1;
    gnutls_aead_cipher_hd_t cipher = open_cipher(key);
    int result = size == WRAPPED
                     ? gnutls_aead_cipher_decrypt(cipher, wrapped, NONCE, NULL, 0, SEGMENT_TAG,
                                                  wrapped + NONCE, size - NONCE, data_key, &length)
                     : -1;
    gnutls_aead_cipher_deinit(cipher);
    return result < 0 ? error_set(err, ERROR_INTERNAL, "the object's key does not open with S3's key") : 0;
}

enum s3_sealing_kind s3_sealing_kind(const struct s3_sealing *sealing)
{
    return sealing->key_arn ? S3_SEALED_BY_KMS : sealing->context ? S3_SEALED_BY_CUSTOMER : S3_SEALED_BY_S3;
}

static int choose_algorithm(struct s3_call *s3, const char *algorithm, struct s3_encryption *encryption,
                            struct error *err)
{
    const char *key = s3_header(s3, "x-amz-server-side-encryption-aws-kms-key-id");
    if (!algorithm)
        return key ? s3_fail(s3, err, 400, "InvalidArgument",
                             "A KMS key goes with x-amz-server-side-encryption")
                   : 0;
    if (text_equal(algorithm, "aws:kms:dsse"))
        return s3_fail(s3, err, 501, "NotImplemented", "Dual-layer encryption (DSSE-KMS) is not implemented");
    encryption->kms = text_equal(algorithm, "aws:kms");
    if (!encryption->kms && (key || !text_equal(algorithm, "AES256")))
        return s3_fail(s3, err, 400, "InvalidArgument", "The encryption method specified is not supported");
    if (key)
        encryption->kms_key = key;
    return 0;
}

/* Headers before the bucket's default. */
static int choose(struct s3_call *s3, const struct s3_customer_key *customer,
                  struct s3_encryption *encryption, struct error *err)
{
    const char *algorithm = s3_header(s3, "x-amz-server-side-encryption");
    const char *bucket_default = s3->bucket.documents[S3_ENCRYPTION];
    const char *bucket_key = s3_header(s3, "x-amz-server-side-encryption-bucket-key-enabled");
    *encryption = (struct s3_encryption){0};
    if (customer->given && algorithm)
        return s3_fail(
            s3, err, 400, "InvalidArgument",
            "Server Side Encryption with Customer provided key is incompatible with the encryption "
            "method specified");
    if (bucket_default &&
        s3_encryption_read(s3->arena, bucket_default, strlen(bucket_default), encryption, err) < 0)
        return -1;
    if (bucket_key)
        encryption->bucket_key = text_equal_nocase(bucket_key, "true");
    return choose_algorithm(s3, algorithm, encryption, err);
}

/* KMS's refusals, as S3 passes them on. */
static int kms_refused(struct s3_call *s3, struct error *err, const struct error *why)
{
    if (why->kind == ERROR_FORBIDDEN)
        return s3_fail(s3, err, 403, "AccessDenied", "%s", why->message);
    const char *code = arena_format(s3->arena, "KMS.%s", *why->code ? why->code : "InternalException");
    return s3_fail(s3, err, why->kind == ERROR_INTERNAL ? 500 : 400, code, "%s", why->message);
}

/* What KMS binds the data key to: the object, or with a bucket key the bucket, and what the client adds. */
static int make_context(struct s3_call *s3, bool bucket_key, const char **text, struct error *err)
{
    const char *header = s3_header(s3, "x-amz-server-side-encryption-context"), *name;
    json_t *context = NULL, *value;
    unsigned char *bytes;
    size_t length;
    if (header &&
        (base64_decode(s3->arena, header, &bytes, &length, NULL) < 0 ||
         json_parse(s3->arena, (char *)bytes, length, &context, NULL) < 0 || !json_is_object(context)))
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "x-amz-server-side-encryption-context is base64 of a JSON object of texts");
    json_t *whole = json_object();
    json_object_foreach(context, name, value)
        json_object_set(whole, name, value);
    json_object_set_new(whole, "aws:s3:arn", json_string(s3_arn(s3, bucket_key ? NULL : s3->key)));
    *text = json_text(s3->arena, whole);
    json_decref(whole);
    return 0;
}

static int seal_by_kms(struct s3_call *s3, const struct s3_encryption *encryption, struct s3_sealing *sealing,
                       unsigned char data_key[SEGMENT_KEY], struct error *err)
{
    struct error why = {0};
    char *arn, *wrapped;
    if (make_context(s3, encryption->bucket_key, &sealing->context, err) < 0)
        return -1;
    if (kms_data_key(s3->call->region, s3->call->caller, "s3",
                     encryption->kms_key ? encryption->kms_key : "alias/aws/s3", sealing->context, data_key,
                     s3->arena, &arn, &wrapped, &why) < 0)
        return kms_refused(s3, err, &why);
    sealing->key_arn = arn;
    sealing->wrapped = wrapped;
    return 0;
}

int s3_seal(struct s3_call *s3, struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
            struct error *err)
{
    struct s3_customer_key *customer;
    struct s3_encryption encryption;
    if (s3_customer_key_read(s3, &customer, err) < 0 || choose(s3, customer, &encryption, err) < 0)
        return -1;
    if (encryption.kms && !customer->given)
        return seal_by_kms(s3, &encryption, sealing, data_key, err);
    random_bytes(data_key, SEGMENT_KEY);
    *sealing = (struct s3_sealing){
        .context = customer->md5,
        .wrapped = wrap(s3->arena, customer->given ? customer->key : s3->s3->key, data_key),
    };
    return 0;
}

static int unseal_by_customer(struct s3_call *s3, const struct s3_sealing *sealing,
                              const struct s3_customer_key *customer, unsigned char data_key[SEGMENT_KEY],
                              struct error *err)
{
    if (!customer->given)
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "The object was stored using a form of Server Side Encryption. The correct parameters "
                       "must be provided to retrieve the object.");
    if (!text_equal(customer->md5, sealing->context))
        return s3_fail(s3, err, 403, "AccessDenied",
                       "Access Denied: the object is encrypted with another customer's key");
    return unwrap(s3->arena, customer->key, sealing->wrapped, data_key, err);
}

int s3_unseal(struct s3_call *s3, const struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
              struct error *err)
{
    struct error why = {0};
    struct s3_customer_key *customer;
    if (s3_customer_key_read(s3, &customer, err) < 0)
        return -1;
    if (s3_sealing_kind(sealing) == S3_SEALED_BY_CUSTOMER)
        return unseal_by_customer(s3, sealing, customer, data_key, err);
    if (customer->given)
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "The encryption parameters are not applicable to this object.");
    if (s3_sealing_kind(sealing) == S3_SEALED_BY_S3)
        return unwrap(s3->arena, s3->s3->key, sealing->wrapped, data_key, err);
    if (kms_unwrap(s3->call->region, s3->call->caller, "s3", sealing->wrapped, sealing->context, data_key,
                   &why) < 0)
        return kms_refused(s3, err, &why);
    return 0;
}

int s3_check_customer_key(struct s3_call *s3, const struct s3_sealing *sealing, struct error *err)
{
    unsigned char data_key[SEGMENT_KEY];
    struct s3_customer_key *customer;
    if (s3_customer_key_read(s3, &customer, err) < 0)
        return -1;
    if (s3_sealing_kind(sealing) != S3_SEALED_BY_CUSTOMER && !customer->given)
        return 0;
    int result = s3_unseal(s3, sealing, data_key, err);
    explicit_bzero(data_key, sizeof(data_key));
    return result;
}

/* With a bucket key the context is the bucket's: its ARN has no key behind it. */
static bool has_bucket_key(struct s3_call *s3, const struct s3_sealing *sealing)
{
    json_t *context;
    if (json_parse(s3->arena, sealing->context, strlen(sealing->context), &context, NULL) < 0)
        return false;
    const char *arn = json_member_text(context, "aws:s3:arn");
    return arn && !strchr(arn, '/');
}

void s3_answer_sealing(struct s3_call *s3, const struct s3_sealing *sealing)
{
    switch (s3_sealing_kind(sealing)) {
    case S3_SEALED_BY_KMS:
        s3_answer_header(s3, "x-amz-server-side-encryption", "aws:kms");
        s3_answer_header(s3, "x-amz-server-side-encryption-aws-kms-key-id", sealing->key_arn);
        if (has_bucket_key(s3, sealing))
            s3_answer_header(s3, "x-amz-server-side-encryption-bucket-key-enabled", "true");
        break;
    case S3_SEALED_BY_CUSTOMER:
        s3_answer_header(s3, "x-amz-server-side-encryption-customer-algorithm", "AES256");
        s3_answer_header(s3, "x-amz-server-side-encryption-customer-key-md5", sealing->context);
        break;
    case S3_SEALED_BY_S3:
        s3_answer_header(s3, "x-amz-server-side-encryption", "AES256");
        break;
    }
}
