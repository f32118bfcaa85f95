#include "localaws/s3/digest.h"

#include "base/text.h"

#include <gnutls/crypto.h>
#include <pthread.h>
#include <string.h>

/* The CRCs are the reflected ones: their polynomials' bits stand in reverse. */
struct algorithm {
    const char *name, *alias;
    gnutls_digest_algorithm_t hash; /* or */
    uint64_t polynomial;
    size_t bytes;
};

static const struct algorithm algorithms[] = {
    {"sha256", "x-amz-checksum-sha256", GNUTLS_DIG_SHA256, 0, 32},
    {"md5", "content-md5", GNUTLS_DIG_MD5, 0, 16},
    {"x-amz-checksum-sha1", NULL, GNUTLS_DIG_SHA1, 0, 20},
    {"x-amz-checksum-crc32", NULL, GNUTLS_DIG_UNKNOWN, 0xEDB88320, 4},
    {"x-amz-checksum-crc32c", NULL, GNUTLS_DIG_UNKNOWN, 0x82F63B78, 4},
    {"x-amz-checksum-crc64nvme", NULL, GNUTLS_DIG_UNKNOWN, 0x9A6C9329AC4BC9B5, 8},
};

const char *const digest_checksum_headers[] = {"x-amz-checksum-crc32",     "x-amz-checksum-crc32c",
                                               "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
                                               "x-amz-checksum-sha256",    NULL};

static uint64_t crc_tables[COUNT_OF(algorithms)][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_tables(void)
{
    for (size_t a = 0; a < COUNT_OF(algorithms); a++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t value = byte;
            for (int bit = 0; bit < 8; bit++)
                value = value & 1 ? value >> 1 ^ algorithms[a].polynomial : value >> 1;
            crc_tables[a][byte] = value;
        }
}

struct digest {
    const struct algorithm *algorithm;
    gnutls_hash_hd_t hash;
    uint64_t crc;
};

static const struct algorithm *find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (text_equal_nocase(algorithms[i].name, name) ||
            (algorithms[i].alias && text_equal_nocase(algorithms[i].alias, name)))
            return &algorithms[i];
    return NULL;
}

static struct digest *running(const struct digests *digests, const struct algorithm *algorithm)
{
    for (size_t i = 0; i < digests->count; i++)
        if (digests->items[i]->algorithm == algorithm)
            return digests->items[i];
    return NULL;
}

bool digests_begin(struct digests *digests, const char *name)
{
    const struct algorithm *algorithm = find(name);
    if (!algorithm || (!running(digests, algorithm) && digests->count == DIGEST_MOST))
        return false;
    if (running(digests, algorithm))
        return true;
    pthread_once(&crc_once, make_crc_tables);
    struct digest *digest = memory_alloc(sizeof(*digest));
    digest->algorithm = algorithm;
    digest->crc = algorithm->bytes == 4 ? 0xFFFFFFFF : UINT64_MAX;
    if (algorithm->hash && gnutls_hash_init(&digest->hash, algorithm->hash) < 0)
        abort(); /* no memory */
    digests->items[digests->count++] = digest;
    return true;
}

static uint64_t crc_update(const struct algorithm *algorithm, uint64_t crc, const unsigned char *bytes,
                           size_t length)
{
    const uint64_t *table = crc_tables[algorithm - algorithms];
    for (size_t i = 0; i < length; i++)
        crc = table[(crc ^ bytes[i]) & 0xFF] ^ crc >> 8;
    return crc;
}

void digests_update(struct digests *digests, const void *bytes, size_t length)
{
    for (size_t i = 0; i < digests->count; i++) {
        struct digest *digest = digests->items[i];
        if (digest->hash)
            gnutls_hash(digest->hash, bytes, length);
        else
            digest->crc = crc_update(digest->algorithm, digest->crc, bytes, length);
    }
}

static void result(const struct digest *digest, unsigned char *out)
{
    if (digest->hash) {
        gnutls_hash_hd_t copy = gnutls_hash_copy(digest->hash);
        if (!copy)
            abort(); /* no memory */
        gnutls_hash_deinit(copy, out);
        return;
    }
    size_t bytes = digest->algorithm->bytes;
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(~digest->crc >> (8 * (bytes - 1 - i)));
}

char *digests_value(const struct digests *digests, struct arena *arena, const char *name, bool hex)
{
    const struct algorithm *algorithm = find(name);
    const struct digest *digest = algorithm ? running(digests, algorithm) : NULL;
    unsigned char out[64];
    if (!digest)
        return NULL;
    result(digest, out);
    return hex ? hex_encode(arena, out, algorithm->bytes) : base64_encode(arena, out, algorithm->bytes);
}

void digests_free(struct digests *digests)
{
    for (size_t i = 0; i < digests->count; i++) {
        if (digests->items[i]->hash)
            gnutls_hash_deinit(digests->items[i]->hash, NULL);
        free(digests->items[i]);
    }
    digests->count = 0;
}
