/* What keys are for. A ciphertext names its key in the clear and is bound to it and to the encryption
 * context. */
#include "localaws/kms/kms.h"
#include "localaws/trail/trail.h"

#include "base/random.h"
#include "base/text.h"

#include <string.h>

/* A ciphertext: its form, the id of its key, the number of the key's material (four bytes, the highest first;
 * of the first form there are none, and it is the first), then what cipher_seal made. */
enum {
    FORM_FIRST = 1,
    FORM = 2,
    UUID_LENGTH = 36,
    HEAD_FIRST = 1 + UUID_LENGTH,
    HEAD = HEAD_FIRST + 4,
    PLAIN_LARGEST = 4096,
    DATA_KEY_LARGEST = 1024,
};

/* The one text of an encryption context: members sorted, nothing left to choice. */
static int context_text(struct arena *arena, const json_t *context, const char **text, struct error *err)
{
    *text = "{}";
    if (!context || json_is_null(context))
        return 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)context, name, value)
        if (!json_is_string(value))
            return error_code(err, ERROR_INVALID, "ValidationException",
                              "EncryptionContext holds texts only");
    if (!json_is_object(context))
        return error_code(err, ERROR_INVALID, "ValidationException", "EncryptionContext is an object");
    char *dumped = json_dumps(context, JSON_COMPACT | JSON_SORT_KEYS);
    *text = arena_strdup(arena, dumped);
    free(dumped);
    return 0;
}

int kms_seal(struct arena *arena, struct region *region, const struct kms_key *key, const json_t *context,
             const void *plain, size_t length, char **blob, struct error *err)
{
    const char *bound;
    struct kms_bytes material;
    unsigned char *sealed;
    size_t sealed_length, number = key->older_count;
    if (kms_usable_for(key, KMS_ENCRYPT_DECRYPT, err) < 0 || context_text(arena, context, &bound, err) < 0 ||
        kms_material_open(region, arena, key, number, &material, err) < 0 ||
        cipher_seal(arena, material.data, bound, plain, length, &sealed, &sealed_length, err) < 0)
        return -1;
    unsigned char *bytes = arena_alloc(arena, HEAD + sealed_length);
    bytes[0] = FORM;
    memcpy(bytes + 1, key->id, UUID_LENGTH);
    for (int i = 0; i < 4; i++)
        bytes[HEAD_FIRST + i] = (unsigned char)(number >> (8 * (3 - i)));
    memcpy(bytes + HEAD, sealed, sealed_length);
    *blob = base64_encode(arena, bytes, HEAD + sealed_length);
    return 0;
}

static int invalid_ciphertext(struct error *err)
{
    return error_code(err, ERROR_INVALID, "InvalidCiphertextException",
                      "The ciphertext is not valid for this key and "
                      "encryption context");
}

/* A ciphertext taken apart: the key it names, of whichever account. */
struct ciphertext {
    const unsigned char *sealed;
    size_t length, material;
    struct kms_key *key;
};

/* -1 when it is none. */
static int read_head(const unsigned char *bytes, size_t length, struct ciphertext *ciphertext)
{
    size_t head = length > 0 && bytes[0] == FORM_FIRST ? HEAD_FIRST : HEAD;
    if (length <= head || (bytes[0] != FORM && bytes[0] != FORM_FIRST))
        return -1;
    for (size_t i = HEAD_FIRST; i < head; i++)
        ciphertext->material = ciphertext->material << 8 | bytes[i];
    ciphertext->sealed = bytes + head;
    ciphertext->length = length - head;
    return 0;
}

static int read_ciphertext(struct arena *arena, struct region *region, const char *blob,
                           struct ciphertext *ciphertext, struct error *err)
{
    unsigned char *bytes;
    size_t length;
    struct error why = {0};
    if (base64_decode(arena, blob, &bytes, &length, &why) < 0 || read_head(bytes, length, ciphertext) < 0)
        return invalid_ciphertext(err);
    const char *id = arena_strndup(arena, (const char *)bytes + 1, UUID_LENGTH);
    for (struct account *account = region->accounts; account && !ciphertext->key; account = account->next)
        ciphertext->key = kms_find(region, account, id);
    if (!ciphertext->key || ciphertext->material > ciphertext->key->older_count)
        return invalid_ciphertext(err);
    return 0;
}

static int unseal(struct arena *arena, struct region *region, const struct ciphertext *ciphertext,
                  const json_t *context, unsigned char **plain, size_t *length, struct error *err)
{
    const char *bound;
    struct kms_bytes material;
    struct error why = {0};
    if (kms_usable_for(ciphertext->key, KMS_ENCRYPT_DECRYPT, err) < 0 ||
        context_text(arena, context, &bound, err) < 0 ||
        kms_material_open(region, arena, ciphertext->key, ciphertext->material, &material, err) < 0)
        return -1;
    if (cipher_open(arena, material.data, bound, ciphertext->sealed, ciphertext->length, plain, length,
                    &why) < 0)
        return invalid_ciphertext(err);
    return 0;
}

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
    if (read_ciphertext(call->arena, call->region, blob, ciphertext, err) < 0)
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
    if (unseal(call->arena, call->region, &ciphertext, context_of(call, "EncryptionContext"), &plain, &length,
               err) < 0)
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
        unseal(call->arena, call->region, &ciphertext, context_of(call, "SourceEncryptionContext"), &plain,
               &length, err) < 0)
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

/* For the services that encrypt
 * -------------------------------------------------------------------------------- */

/* Their encryption context is the text of a JSON object, or NULL. */
static int read_context(struct arena *arena, const char *text, json_t **context, struct error *err)
{
    *context = NULL;
    if (!text || !*text)
        return 0;
    if (json_parse(arena, text, strlen(text), context, err) < 0)
        return error_context(err, "encryption context");
    return 0;
}

/* The owner of the key and the caller's account see that a service used it. */
static void tell(const struct kms_use *use, const struct kms_key *key, const struct error *err)
{
    json_t *parameters =
        json_pack("{s:s, s:O*}", "keyId", key->arn, "encryptionContext", use->encryption_context);
    trail_service_use(use->region,
                      &(struct trail_use){.caller = use->caller,
                                          .service = "kms",
                                          .action = use->operation,
                                          .by = use->via,
                                          .resource = key->arn,
                                          .resource_type = "AWS::KMS::Key",
                                          .owner = key->account->id,
                                          .parameters = parameters},
                      err);
    json_decref(parameters);
}

/* What a service asks for in its caller's name: EC2 takes an encrypted data key now and, by a grant, its
 * plaintext when a machine starts; the others take both at once. */
static const struct {
    const char *via, *operation;
} asked_of_callers[] = {
    {"ec2", "GenerateDataKeyWithoutPlaintext"},
    {"ec2", "CreateGrant"},
    {"s3", "GenerateDataKey"},
    {"acm", "GenerateDataKey"},
    {"ssm",
     "Encrypt"}, /* of a parameter's text itself; that we keep it under a data key changes nothing for them */
};

static int permit_data_key(struct arena *arena, struct kms_use *use, const struct kms_key *key,
                           struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(asked_of_callers); i++) {
        if (!text_equal(asked_of_callers[i].via, use->via))
            continue;
        use->operation = asked_of_callers[i].operation;
        struct error why = {0};
        int permitted = kms_permit(arena, use, key, &why);
        tell(use, key, permitted < 0 ? &why : NULL);
        if (permitted < 0) {
            if (err)
                *err = why;
            return -1;
        }
    }
    return use->operation ? 0 : error_set(err, ERROR_INTERNAL, "no service %s asks for data keys", use->via);
}

int kms_data_key(struct region *region, struct caller *caller, const char *via, const char *name,
                 const char *encryption_context, unsigned char plaintext[32], struct arena *arena,
                 char **key_arn, char **ciphertext_base64, struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    json_t *context;
    struct kms_key *key = kms_find(locked, caller->account, name);
    if (!key)
        return error_code(err, ERROR_NOT_FOUND, "NotFoundException", "Key '%.300s' does not exist", name);
    if (read_context(arena, encryption_context, &context, err) < 0)
        return -1;
    struct kms_use use = {
        .region = locked, .caller = caller, .via = via, .named = name, .encryption_context = context};
    if (permit_data_key(arena, &use, key, err) < 0)
        return -1;
    random_bytes(plaintext, 32);
    *key_arn = arena_strdup(arena, key->arn);
    return kms_seal(arena, locked, key, context, plaintext, 32, ciphertext_base64, err);
}

int kms_unwrap(struct region *region, struct caller *caller, const char *via, const char *ciphertext_base64,
               const char *encryption_context, unsigned char plaintext[32], struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct ciphertext ciphertext = {0};
    json_t *context;
    unsigned char *plain;
    size_t length;
    if (read_ciphertext(arena, locked, ciphertext_base64, &ciphertext, err) < 0 ||
        read_context(arena, encryption_context, &context, err) < 0)
        return -1;
    const struct kms_use use = {.region = locked,
                                .caller = caller,
                                .operation = "Decrypt",
                                .via = via,
                                .encryption_context = context};
    struct error why = {0};
    int opened = kms_permit(arena, &use, ciphertext.key, &why);
    if (opened == 0)
        opened = unseal(arena, locked, &ciphertext, context, &plain, &length, &why);
    tell(&use, ciphertext.key, opened < 0 ? &why : NULL);
    if (opened < 0) {
        if (err)
            *err = why;
        return -1;
    }
    if (length != 32)
        return invalid_ciphertext(err);
    memcpy(plaintext, plain, 32);
    explicit_bzero(plain, length);
    return 0;
}
