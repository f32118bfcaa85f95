#include "localaws/s3/chunk_signing.h"

#include "base/text.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { HASH = 32, HEX = 2 * HASH };

struct chunk_signing {
    struct arena *arena;
    const struct call_signature *request;
    char previous[HEX + 1];
    gnutls_hash_hd_t hash; /* of the chunk at hand */
};

static void release(void *object)
{
    struct chunk_signing *signing = object;
    gnutls_hash_deinit(signing->hash, NULL);
}

struct chunk_signing *chunk_signing_new(struct arena *arena, const struct call_signature *signature)
{
    struct chunk_signing *signing = arena_alloc(arena, sizeof(*signing));
    signing->arena = arena;
    signing->request = signature;
    strncpy(signing->previous, signature->signature, HEX);
    if (gnutls_hash_init(&signing->hash, GNUTLS_DIG_SHA256) < 0)
        abort(); /* only without memory */
    arena_defer(arena, release, signing);
    return signing;
}

void chunk_signing_update(struct chunk_signing *signing, const void *bytes, size_t length)
{
    gnutls_hash(signing->hash, bytes, length);
}

/* A body may have very many chunks: what one needs is freed with it. */
static int check(struct chunk_signing *signing, const char *kind, const char *hashes, const char *signature,
                 struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text =
        arena_format(arena, "AWS4-HMAC-SHA256-%s\n%s\n%s\n%s\n%s", kind, signing->request->amz_date,
                     signing->request->scope, signing->previous, hashes);
    char *expected = sigv4_sign_text(arena, signing->request->key, text);
    if (!signature || !text_equal_secret(expected, signature))
        return error_code(err, ERROR_FORBIDDEN, "SignatureDoesNotMatch",
                          "The signature of a chunk or trailer does not match what was computed.");
    memcpy(signing->previous, expected, HEX);
    return 0;
}

int chunk_signing_check(struct chunk_signing *signing, const char *signature, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    unsigned char hash[HASH];
    gnutls_hash_output(signing->hash, hash);
    const char *hashes = arena_format(arena, "%s\n%s", SIGV4_EMPTY_HASH, hex_encode(arena, hash, HASH));
    return check(signing, "PAYLOAD", hashes, signature, err);
}

int chunk_signing_check_trailers(struct chunk_signing *signing, const char *trailers, const char *signature,
                                 struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    return check(signing, "TRAILER", sigv4_sha256(arena, trailers, strlen(trailers)), signature, err);
}
