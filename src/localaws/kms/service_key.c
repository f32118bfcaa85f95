/* Data keys for the services that encrypt, in their callers' names. */
#include "localaws/kms/ciphertext.h"
#include "localaws/trail/trail.h"

#include "base/random.h"
#include "base/text.h"

#include <string.h>

/* A service's encryption context is the text of a JSON object, or NULL. */
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
    if (ciphertext_read(arena, locked, ciphertext_base64, &ciphertext, err) < 0 ||
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
        opened = ciphertext_open(arena, locked, &ciphertext, context, &plain, &length, &why);
    tell(&use, ciphertext.key, opened < 0 ? &why : NULL);
    if (opened < 0) {
        if (err)
            *err = why;
        return -1;
    }
    if (length != 32)
        return ciphertext_invalid(err);
    memcpy(plaintext, plain, 32);
    explicit_bzero(plain, length);
    return 0;
}
