#include "configserver/hosts/nonces.h"

#include "base/random.h"
#include "base/text.h"

#include <pthread.h>
#include <string.h>

enum { NONCE_DIGITS = 64, BUCKETS = 4096 };

struct nonce {
    char *text, *hostname, *instance_id;
    int64_t expires_ms;
};

/* Addresses share buckets by hash: an attacker can slow down strangers in his bucket, but not take our
 * memory. */
struct bucket {
    int64_t full_ms; /* when it is full again */
};

struct nonces {
    pthread_mutex_t lock; /* everything below */
    const struct environment *environment;
    struct nonce *items;
    size_t count;
    uint64_t salt;
    struct bucket buckets[BUCKETS];
};

struct nonces *nonces_new(const struct environment *environment)
{
    struct nonces *nonces = memory_alloc(sizeof *nonces);
    pthread_mutex_init(&nonces->lock, NULL);
    nonces->environment = environment;
    nonces->items = memory_array(NONCES_MOST, sizeof *nonces->items);
    random_bytes(&nonces->salt, sizeof nonces->salt);
    return nonces;
}

static void forget(struct nonces *nonces, size_t index)
{
    struct nonce *nonce = &nonces->items[index];
    free(nonce->text);
    free(nonce->hostname);
    free(nonce->instance_id);
    *nonce = nonces->items[--nonces->count];
}

void nonces_free(struct nonces **nonces)
{
    struct nonces *old = *nonces;
    *nonces = NULL;
    if (!old)
        return;
    while (old->count > 0)
        forget(old, old->count - 1);
    pthread_mutex_destroy(&old->lock);
    free(old->items);
    free(old);
}

static void forget_old(struct nonces *nonces, int64_t now)
{
    for (size_t i = 0; i < nonces->count;)
        if (nonces->items[i].expires_ms <= now)
            forget(nonces, i);
        else
            i++;
}

char *nonce_give(struct nonces *nonces, struct arena *arena, const char *hostname, const char *instance_id,
                 int64_t *expires_ms)
{
    char *text = NULL;
    pthread_mutex_lock(&nonces->lock);
    int64_t now = environment_now_ms(nonces->environment);
    forget_old(nonces, now);
    if (nonces->count < NONCES_MOST) {
        text = random_hex(arena, NONCE_DIGITS);
        *expires_ms = now + NONCE_LIFETIME_MS;
        nonces->items[nonces->count++] = (struct nonce){memory_strdup(text), memory_strdup(hostname),
                                                        memory_strdup(instance_id), *expires_ms};
    }
    pthread_mutex_unlock(&nonces->lock);
    return text;
}

bool nonce_take(struct nonces *nonces, const char *nonce, const char *hostname, const char *instance_id)
{
    bool taken = false;
    pthread_mutex_lock(&nonces->lock);
    forget_old(nonces, environment_now_ms(nonces->environment));
    for (size_t i = 0; i < nonces->count; i++) {
        const struct nonce *given = &nonces->items[i];
        if (!text_equal_secret(given->text, nonce))
            continue;
        taken = text_equal(given->hostname, hostname) && text_equal(given->instance_id, instance_id);
        forget(nonces, i); /* shown once, good or not */
        break;
    }
    pthread_mutex_unlock(&nonces->lock);
    return taken;
}

bool nonces_may_ask(struct nonces *nonces, const char *address)
{
    uint64_t hash = 14695981039346656037u ^ nonces->salt; /* FNV-1a */
    for (const char *at = address; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    pthread_mutex_lock(&nonces->lock);
    struct bucket *bucket = &nonces->buckets[hash % BUCKETS];
    int64_t now = environment_now_ms(nonces->environment);
    if (bucket->full_ms < now)
        bucket->full_ms = now;
    bool may = bucket->full_ms - now <= (int64_t)(ASK_BURST - 1) * ASK_EVERY_MS;
    if (may)
        bucket->full_ms += ASK_EVERY_MS;
    pthread_mutex_unlock(&nonces->lock);
    return may;
}
