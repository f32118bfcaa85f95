/* The master key: a file of its own, so that the saved state alone opens nothing. */
#include "localaws/kms/kms.h"

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

#include <string.h>

struct kms_region {
    unsigned char master[KMS_KEY_BYTES];
};

static int read_master(const char *path, struct kms_region *kms, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text;
    size_t length;
    if (file_read(arena, path, KMS_KEY_BYTES, &text, &length, err) < 0)
        return -1;
    if (length != KMS_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "%s is not %d bytes", path, KMS_KEY_BYTES);
    memcpy(kms->master, text, KMS_KEY_BYTES);
    explicit_bzero(text, KMS_KEY_BYTES);
    return 0;
}

static int make_master(const char *path, struct kms_region *kms, struct error *err)
{
    random_bytes(kms->master, KMS_KEY_BYTES);
    return file_write(path, kms->master, KMS_KEY_BYTES, 0600, err);
}

/* Read, or made, when a key is first needed. */
static int master(struct region *region, const unsigned char **key, struct error *err)
{
    struct kms_region *kms = region->modules[MODULE_KMS];
    if (!kms) {
        kms = memory_alloc(sizeof *kms);
        cleanup(memory_free) char *path = memory_format("%s/kms-master.key", region->directory);
        int result = file_exists(path) ? read_master(path, kms, err) : make_master(path, kms, err);
        if (result < 0) {
            free(kms);
            return -1;
        }
        region->modules[MODULE_KMS] = kms;
    }
    *key = kms->master;
    return 0;
}

int kms_material_seal(struct region *region, struct arena *arena, const char *key_id,
                      const struct kms_bytes *material, char **wrapped, struct error *err)
{
    const unsigned char *key;
    unsigned char *sealed;
    size_t length;
    if (master(region, &key, err) < 0 ||
        cipher_seal(arena, key, key_id, material->data, material->length, &sealed, &length, err) < 0)
        return -1;
    *wrapped = base64_encode(arena, sealed, length);
    return 0;
}

static void wipe(void *object)
{
    struct kms_bytes *bytes = object;
    explicit_bzero(bytes->data, bytes->length);
}

int kms_material_open(struct region *region, struct arena *arena, const struct kms_key *key, size_t number,
                      struct kms_bytes *material, struct error *err)
{
    const unsigned char *over;
    unsigned char *sealed;
    size_t length;
    const char *wrapped = number < key->older_count ? key->older[number].wrapped : key->wrapped;
    struct kms_bytes *bytes = arena_alloc(arena, sizeof *bytes);
    if (master(region, &over, err) < 0 || base64_decode(arena, wrapped, &sealed, &length, err) < 0 ||
        cipher_open(arena, over, key->id, sealed, length, &bytes->data, &bytes->length, err) < 0)
        return error_context(err, "material of key %s", key->id);
    arena_defer(arena, wipe, bytes);
    *material = *bytes;
    return 0;
}
