/* What this machine does at most, for bench/localaws.py to compare with: AES-256-GCM over pieces as S3's
 * files have them and MD5, which every ETag is, each on one core; and the disk below a directory, written in
 * order and flushed at the end. Prints one JSON object, MB/s.
 *
 *     bench_bare DIRECTORY */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 64 << 10, TAG = 16, MEASURE_MS = 500, DISK_BYTES = 256 << 20 };

static void die(const char *what)
{
    fprintf(stderr, "bench_bare: %s\n", what);
    exit(1);
}

static double rate(int64_t bytes, int64_t began_ms)
{
    int64_t took_ms = clock_monotonic_ms() - began_ms;
    return (double)bytes / 1e6 / ((double)(took_ms ? took_ms : 1) / 1000);
}

static double cipher_rate(void)
{
    cleanup(memory_free) unsigned char *plain = memory_alloc(PIECE), *sealed = memory_alloc(PIECE + TAG);
    unsigned char secret[32] = {1}, nonce[12] = {0};
    gnutls_datum_t key = {secret, sizeof secret};
    gnutls_aead_cipher_hd_t cipher;
    if (gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM, &key) < 0)
        die("no AES-256-GCM");
    int64_t began_ms = clock_monotonic_ms(), bytes = 0;
    while (clock_monotonic_ms() - began_ms < MEASURE_MS) {
        size_t length = PIECE + TAG;
        memcpy(nonce, &bytes, sizeof bytes);
        if (gnutls_aead_cipher_encrypt(cipher, nonce, sizeof nonce, NULL, 0, TAG, plain, PIECE, sealed,
                                       &length) < 0)
            die("AES-256-GCM fails");
        bytes += PIECE;
    }
    gnutls_aead_cipher_deinit(cipher);
    return rate(bytes, began_ms);
}

static double digest_rate(void)
{
    cleanup(memory_free) unsigned char *piece = memory_alloc(PIECE);
    gnutls_hash_hd_t digest;
    if (gnutls_hash_init(&digest, GNUTLS_DIG_MD5) < 0)
        die("no MD5");
    int64_t began_ms = clock_monotonic_ms(), bytes = 0;
    for (; clock_monotonic_ms() - began_ms < MEASURE_MS; bytes += PIECE)
        gnutls_hash(digest, piece, PIECE);
    gnutls_hash_deinit(digest, NULL);
    return rate(bytes, began_ms);
}

static double disk_rate(const char *directory)
{
    cleanup(memory_free) char *path = memory_format("%s/bench-disk", directory);
    cleanup(memory_free) char *piece = memory_alloc(PIECE);
    cleanup(file_close) int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    memset(piece, 7, PIECE);
    int64_t began_ms = clock_monotonic_ms();
    for (int64_t written = 0; written < DISK_BYTES; written += PIECE)
        if (fd < 0 || write(fd, piece, PIECE) != PIECE)
            die("the disk cannot be written");
    fdatasync(fd);
    double result = rate(DISK_BYTES, began_ms);
    unlink(path);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        die("DIRECTORY");
    printf("{\"aes_gcm_mb_per_s\": %.0f, \"md5_mb_per_s\": %.0f, \"disk_mb_per_s\": %.0f}\n", cipher_rate(),
           digest_rate(), disk_rate(argv[1]));
    return 0;
}
