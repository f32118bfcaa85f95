/* What keys are for: the calls that encrypt, decrypt and make data keys. */
#include "localaws/kms/ciphertext.h"

#include "base/random.h"
#include "base/text.h"

#include <string.h>

enum { PLAIN_LARGEST = 4096, DATA_KEY_LARGEST = 1024 };

/* KMS answers every refusal with 400. */
static int refused(struct call *call)
{
    call->status = 400;
    return -1;
}

static const json_t *context_of(struct call *call, const char *member)
{
    return json_object_get(call->json, member);
}

int encrypt(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *text;
    unsigned char *plain;
    size_t length;
    char *blob;
    struct error why = {0};
    if (kms_target(call, &key, err) < 0 || kms_required(call, "Plaintext", &text, err) < 0)
        return -1;
    if (base64_decode(call->arena, text, &plain, &length, &why) < 0 || length == 0 || length > PLAIN_LARGEST)
        return call_fail(call, err, 400, "ValidationException", "Plaintext is base64 of 1 to %d bytes",
                         PLAIN_LARGEST);
    if (kms_seal(call->arena, call->region, key, context_of(call, "EncryptionContext"), plain, length, &blob,
                 err) < 0)
        return refused(call);
    if (kms_dry_run(call, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:s, s:s, s:s}", "CiphertextBlob", blob, "KeyId", key->arn,
                               "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"));
    return 0;
}

/* CiphertextBlob's key, if the caller may do `operation` with it. KeyId, when given, must name the same. */
static int target_ciphertext(struct call *call, const char *operation, const char *key_member,
                             const char *context_member, struct ciphertext *ciphertext, struct error *err)
{
    const char *blob, *named = kms_text(call, key_member);
    *ciphertext = (struct ciphertext){0};
    if (kms_required(call, "CiphertextBlob", &blob, err) < 0)
        return -1;
    if (ciphertext_read(call->arena, call->region, blob, ciphertext, err) < 0)
        return refused(call);
    const struct kms_use use = {
        .region = call->region,
        .caller = call->caller,
        .operation = operation,
        .source_ip = http_request_address_text(call->request),
        .encryption_context = context_of(call, context_member),
    };
    call_touched(call, ciphertext->key->arn, ciphertext->key->account->id);
    if (kms_permit(call->arena, &use, ciphertext->key, err) < 0)
        return refused(call);
    if (named && kms_find(call->region, call->account, named) != ciphertext->key)
        return call_fail(call, err, 400, "IncorrectKeyException", "The ciphertext was not made with %.300s",
                         named);
    return 0;
}

int decrypt(struct call *call, struct error *err)
{
    struct ciphertext ciphertext;
    unsigned char *plain;
    size_t length;
    if (target_ciphertext(call, "Decrypt", "KeyId", "EncryptionContext", &ciphertext, err) < 0)
        return -1;
    if (ciphertext_open(call->arena, call->region, &ciphertext, context_of(call, "EncryptionContext"), &plain,
                        &length, err) < 0)
        return refused(call);
    if (kms_dry_run(call, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:s, s:s, s:s}", "Plaintext", base64_encode(call->arena, plain, length),
                               "KeyId", ciphertext.key->arn, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"));
    return 0;
}

int re_encrypt(struct call *call, struct error *err)
{
    struct ciphertext ciphertext;
    unsigned char *plain;
    size_t length;
    const char *name;
    char *blob;
    if (target_ciphertext(call, "ReEncryptFrom", "SourceKeyId", "SourceEncryptionContext", &ciphertext, err) <
            0 ||
        kms_required(call, "DestinationKeyId", &name, err) < 0)
        return -1;
    struct kms_key *key = kms_find(call->region, call->account, name);
    if (!key)
        return call_fail(call, err, 400, "NotFoundException", "Key '%.300s' does not exist", name);
    const struct kms_use use = {.region = call->region,
                                .caller = call->caller,
                                .operation = "ReEncryptTo",
                                .source_ip = http_request_address_text(call->request),
                                .named = name,
                                .encryption_context = context_of(call, "DestinationEncryptionContext")};
    if (kms_permit(call->arena, &use, key, err) < 0 ||
        ciphertext_open(call->arena, call->region, &ciphertext, context_of(call, "SourceEncryptionContext"),
                        &plain, &length, err) < 0)
        return refused(call);
    int result = kms_seal(call->arena, call->region, key, context_of(call, "DestinationEncryptionContext"),
                          plain, length, &blob, err);
    explicit_bzero(plain, length);
    if (result < 0)
        return refused(call);
    if (kms_dry_run(call, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:s, s:s, s:s, s:s, s:s}", "CiphertextBlob", blob, "KeyId", key->arn,
                               "SourceKeyId", ciphertext.key->arn, "SourceEncryptionAlgorithm",
                               "SYMMETRIC_DEFAULT", "DestinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT"));
    return 0;
}

static int data_key_length(struct call *call, size_t *length, struct error *err)
{
    const char *spec = kms_text(call, "KeySpec");
    const json_t *number = json_object_get(call->json, "NumberOfBytes");
    *length = text_equal(spec, "AES_256")   ? 32
              : text_equal(spec, "AES_128") ? 16
              : spec                        ? 0
                                            : (size_t)json_integer_value(number);
    if (!spec == !number || *length == 0 || *length > DATA_KEY_LARGEST)
        return call_fail(call, err, 400, "ValidationException",
                         "one of KeySpec (AES_256, AES_128) and NumberOfBytes (1 to %d) is required",
                         DATA_KEY_LARGEST);
    return 0;
}

static int data_key(struct call *call, bool show, struct error *err)
{
    struct kms_key *key;
    size_t length;
    unsigned char plain[DATA_KEY_LARGEST];
    char *blob;
    if (kms_target(call, &key, err) < 0 || data_key_length(call, &length, err) < 0)
        return -1;
    random_bytes(plain, length);
    int result = kms_seal(call->arena, call->region, key, context_of(call, "EncryptionContext"), plain,
                          length, &blob, err);
    if (result == 0 && kms_dry_run(call, err) < 0) {
        explicit_bzero(plain, sizeof plain);
        return -1;
    }
    if (result == 0) {
        json_t *answer = json_pack("{s:s, s:s}", "CiphertextBlob", blob, "KeyId", key->arn);
        if (show)
            json_object_set_new(answer, "Plaintext", json_string(base64_encode(call->arena, plain, length)));
        kms_answer(call, answer);
    }
    explicit_bzero(plain, sizeof plain);
    return result < 0 ? refused(call) : 0;
}

int generate_data_key(struct call *call, struct error *err)
{
    return data_key(call, true, err);
}

int generate_data_key_without_plaintext(struct call *call, struct error *err)
{
    return data_key(call, false, err);
}

int generate_random(struct call *call, struct error *err)
{
    int64_t length = json_integer_value(json_object_get(call->json, "NumberOfBytes"));
    unsigned char bytes[DATA_KEY_LARGEST];
    if (length < 1 || length > DATA_KEY_LARGEST)
        return call_fail(call, err, 400, "ValidationException", "NumberOfBytes is 1 to %d", DATA_KEY_LARGEST);
    random_bytes(bytes, (size_t)length);
    kms_answer(call, json_pack("{s:s}", "Plaintext", base64_encode(call->arena, bytes, (size_t)length)));
    return 0;
}
