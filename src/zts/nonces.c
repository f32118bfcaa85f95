#include "zts/nonces.h"

#include "base/random.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TIME_DIGITS = 12, RANDOM_DIGITS = 32, KEY_BYTES = 32, MAC_BYTES = 32 };
enum { SIGNED_LENGTH = TIME_DIGITS + RANDOM_DIGITS, NONCE_LENGTH = SIGNED_LENGTH + 2 * MAC_BYTES };

struct spent {
    struct spent *next;
    int64_t expires_ms;
    char nonce[NONCE_LENGTH + 1];
};

struct nonces {
    unsigned char key[KEY_BYTES]; /* new with each start: nonces of before are worth nothing */
    pthread_mutex_t mutex;        /* protects `spent` */
    struct spent *spent;
};

struct nonces *nonces_new(void)
{
    struct nonces *nonces = memory_alloc(sizeof *nonces);
    random_bytes(nonces->key, sizeof nonces->key);
    pthread_mutex_init(&nonces->mutex, NULL);
    return nonces;
}

void nonces_free(struct nonces **nonces)
{
    if (!*nonces)
        return;
    while ((*nonces)->spent) {
        struct spent *next = (*nonces)->spent->next;
        free((*nonces)->spent);
        (*nonces)->spent = next;
    }
    pthread_mutex_destroy(&(*nonces)->mutex);
    explicit_bzero((*nonces)->key, sizeof(*nonces)->key);
    free(take(nonces));
}

static char *mac_of(const struct nonces *nonces, struct arena *arena, const char *text)
{
    unsigned char mac[MAC_BYTES];
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, nonces->key, sizeof nonces->key, text, SIGNED_LENGTH, mac) < 0)
        abort(); /* SHA-256 is always there */
    return hex_encode(arena, mac, sizeof mac);
}

char *nonces_issue(struct nonces *nonces, struct arena *arena, int64_t now_ms)
{
    char *text = arena_format(arena, "%0*llx%s", TIME_DIGITS, (unsigned long long)now_ms,
                              random_hex(arena, RANDOM_DIGITS));
    return arena_format(arena, "%s%s", text, mac_of(nonces, arena, text));
}

int nonces_check(const struct nonces *nonces, const char *nonce, int64_t now_ms, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (strlen(nonce) != NONCE_LENGTH || !text_only(nonce, "0-9a-f") ||
        !text_equal_secret(nonce + SIGNED_LENGTH, mac_of(nonces, arena, nonce)))
        return error_set(err, ERROR_FORBIDDEN, "the nonce is not one of ours (or from before zts started)");
    int64_t issued_ms = strtoll(arena_strndup(arena, nonce, TIME_DIGITS), NULL, 16);
    if (now_ms - issued_ms > NONCE_LIFE_MS)
        return error_set(err, ERROR_FORBIDDEN, "the nonce has expired");
    return 0;
}

static void forget_expired(struct nonces *nonces, int64_t now_ms)
{
    for (struct spent **at = &nonces->spent; *at;) {
        struct spent *spent = *at;
        if (spent->expires_ms >= now_ms) {
            at = &spent->next;
        } else {
            *at = spent->next;
            free(spent);
        }
    }
}

int nonces_spend(struct nonces *nonces, const char *nonce, int64_t now_ms, struct error *err)
{
    if (nonces_check(nonces, nonce, now_ms, err) < 0)
        return -1;
    bool seen = false;
    pthread_mutex_lock(&nonces->mutex);
    forget_expired(nonces, now_ms);
    for (struct spent *spent = nonces->spent; spent && !seen; spent = spent->next)
        seen = text_equal(spent->nonce, nonce);
    if (!seen) {
        struct spent *spent = memory_alloc(sizeof *spent);
        memcpy(spent->nonce, nonce, NONCE_LENGTH);
        spent->expires_ms = now_ms + NONCE_LIFE_MS;
        spent->next = nonces->spent;
        nonces->spent = spent;
    }
    pthread_mutex_unlock(&nonces->mutex);
    return seen ? error_set(err, ERROR_FORBIDDEN, "the nonce was used before") : 0;
}
