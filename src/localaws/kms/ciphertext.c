/* A ciphertext names its key in the clear and is bound to it and to the encryption context. */
#include "localaws/kms/ciphertext.h"

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

int ciphertext_invalid(struct error *err)
{
    return error_code(err, ERROR_INVALID, "InvalidCiphertextException",
                      "The ciphertext is not valid for this key and "
                      "encryption context");
}

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

int ciphertext_read(struct arena *arena, struct region *region, const char *blob,
                    struct ciphertext *ciphertext, struct error *err)
{
    unsigned char *bytes;
    size_t length;
    struct error why = {0};
    if (base64_decode(arena, blob, &bytes, &length, &why) < 0 || read_head(bytes, length, ciphertext) < 0)
        return ciphertext_invalid(err);
    const char *id = arena_strndup(arena, (const char *)bytes + 1, UUID_LENGTH);
    for (struct account *account = region->accounts; account && !ciphertext->key; account = account->next)
        ciphertext->key = kms_find(region, account, id);
    if (!ciphertext->key || ciphertext->material > ciphertext->key->older_count)
        return ciphertext_invalid(err);
    return 0;
}

int ciphertext_open(struct arena *arena, struct region *region, const struct ciphertext *ciphertext,
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
        return ciphertext_invalid(err);
    return 0;
}
