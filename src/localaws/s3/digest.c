#include "localaws/s3/digest.h"

#include "base/text.h"

#include <endian.h>
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

/* [a][k][byte]: what `byte` adds to the sum of algorithm `a` when `k` more bytes follow it ("slicing by 8":
 * Kounavis, Berry, "A Systematic Approach to Building High Performance Software-Based CRC Generators"). */
static uint64_t crc_tables[COUNT_OF(algorithms)][8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_tables(void)
{
    for (size_t a = 0; a < COUNT_OF(algorithms); a++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t value = byte;
            for (int bit = 0; bit < 8; bit++)
                value = value & 1 ? value >> 1 ^ algorithms[a].polynomial : value >> 1;
            crc_tables[a][0][byte] = value;
        }
    for (size_t a = 0; a < COUNT_OF(algorithms); a++)
        for (size_t k = 1; k < 8; k++)
            for (unsigned byte = 0; byte < 256; byte++) {
                uint64_t before = crc_tables[a][k - 1][byte];
                crc_tables[a][k][byte] = crc_tables[a][0][before & 0xFF] ^ before >> 8;
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
    const uint64_t(*table)[256] = crc_tables[algorithm - algorithms];
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        crc ^= le64toh(word);
        crc = table[7][crc & 0xFF] ^ table[6][crc >> 8 & 0xFF] ^ table[5][crc >> 16 & 0xFF] ^
              table[4][crc >> 24 & 0xFF] ^ table[3][crc >> 32 & 0xFF] ^ table[2][crc >> 40 & 0xFF] ^
              table[1][crc >> 48 & 0xFF] ^ table[0][crc >> 56];
    }
    for (size_t i = 0; i < length; i++)
        crc = table[0][(crc ^ bytes[i]) & 0xFF] ^ crc >> 8;
    return crc;
}

/* Polynomials modulo the algorithm's, reflected as the sums are: the highest bit is x^0. */
static uint64_t multiply(const struct algorithm *algorithm, uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t bit = 1ULL << (8 * algorithm->bytes - 1); bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ algorithm->polynomial : b >> 1;
    }
    return product;
}

static uint64_t power_of_x(const struct algorithm *algorithm, uint64_t exponent)
{
    uint64_t result = 1ULL << (8 * algorithm->bytes - 1), square = result >> 1;
    for (; exponent; exponent >>= 1, square = multiply(algorithm, square, square))
        if (exponent & 1)
            result = multiply(algorithm, result, square);
    return result;
}

static uint64_t read_sum(struct arena *arena, const char *text, size_t expected)
{
    unsigned char *bytes;
    size_t length;
    uint64_t sum = 0;
    if (base64_decode(arena, text, &bytes, &length, NULL) < 0 || length != expected)
        return 0; /* ours: they were checked against what came */
    for (size_t i = 0; i < length; i++)
        sum = sum << 8 | bytes[i];
    return sum;
}

static void write_sum(uint64_t sum, size_t bytes, unsigned char *out)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(sum >> (8 * (bytes - 1 - i)));
}

char *digest_combine(struct arena *arena, const char *name, const char *before, const char *behind,
                     uint64_t length)
{
    const struct algorithm *algorithm = find(name);
    unsigned char out[8];
    if (!before)
        return arena_strdup(arena, behind);
    uint64_t shifted =
        multiply(algorithm, power_of_x(algorithm, 8 * length), read_sum(arena, before, algorithm->bytes));
    write_sum(shifted ^ read_sum(arena, behind, algorithm->bytes), algorithm->bytes, out);
    return base64_encode(arena, out, algorithm->bytes);
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
    write_sum(~digest->crc, digest->algorithm->bytes, out);
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
