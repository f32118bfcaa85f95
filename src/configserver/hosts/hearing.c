#include "configserver/hosts/hearing.h"

#include "base/memory.h"

#include <pthread.h>
#include <string.h>

enum {
    FIRST_BUCKETS = 64,
    FORGOTTEN_AFTER_MS = 60 * 60 * 1000, /* then "when we began" says as much */
};

struct heard {
    struct heard *next;
    int64_t at_ms;
    uint64_t hash;
    char hostname[];
};

struct hearing {
    pthread_mutex_t lock; /* everything below */
    int64_t begun_ms, listened_ms;
    struct heard **buckets; /* as many as a power of two */
    size_t bucket_count, count;
};

static uint64_t hash_of(const char *hostname)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *at = hostname; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

struct hearing *hearing_new(int64_t now_ms)
{
    struct hearing *hearing = memory_alloc(sizeof *hearing);
    pthread_mutex_init(&hearing->lock, NULL);
    hearing->begun_ms = hearing->listened_ms = now_ms;
    hearing->bucket_count = FIRST_BUCKETS;
    hearing->buckets = memory_array(FIRST_BUCKETS, sizeof *hearing->buckets);
    return hearing;
}

static void drop_all(struct hearing *hearing)
{
    for (size_t i = 0; i < hearing->bucket_count; i++)
        while (hearing->buckets[i]) {
            struct heard *heard = hearing->buckets[i];
            hearing->buckets[i] = heard->next;
            free(heard);
        }
    hearing->count = 0;
}

void hearing_free(struct hearing **hearing)
{
    struct hearing *old = *hearing;
    *hearing = NULL;
    if (!old)
        return;
    drop_all(old);
    free(old->buckets);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

void hearing_begin(struct hearing *hearing, int64_t now_ms)
{
    pthread_mutex_lock(&hearing->lock);
    drop_all(hearing);
    hearing->begun_ms = hearing->listened_ms = now_ms;
    pthread_mutex_unlock(&hearing->lock);
}

bool hearing_go_on(struct hearing *hearing, int64_t now_ms, int64_t longest_ms)
{
    pthread_mutex_lock(&hearing->lock);
    bool was_away = now_ms - hearing->listened_ms > longest_ms;
    hearing->listened_ms = now_ms;
    pthread_mutex_unlock(&hearing->lock);
    if (was_away)
        hearing_begin(hearing, now_ms);
    return was_away;
}

static struct heard **find(const struct hearing *hearing, const char *hostname, uint64_t hash)
{
    struct heard **at = &hearing->buckets[hash & (hearing->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || strcmp((*at)->hostname, hostname) != 0))
        at = &(*at)->next;
    return at;
}

static void forget_old(struct hearing *hearing, int64_t now_ms)
{
    for (size_t i = 0; i < hearing->bucket_count; i++)
        for (struct heard **at = &hearing->buckets[i]; *at;) {
            struct heard *heard = *at;
            if (now_ms - heard->at_ms <= FORGOTTEN_AFTER_MS) {
                at = &heard->next;
                continue;
            }
            *at = heard->next;
            hearing->count--;
            free(heard);
        }
}

static void grow(struct hearing *hearing)
{
    struct heard **old = hearing->buckets;
    size_t old_count = hearing->bucket_count;
    hearing->bucket_count *= 2;
    hearing->buckets = memory_array(hearing->bucket_count, sizeof *hearing->buckets);
    for (size_t i = 0; i < old_count; i++)
        for (struct heard *heard = old[i], *next; heard; heard = next) {
            struct heard **head = &hearing->buckets[heard->hash & (hearing->bucket_count - 1)];
            next = heard->next;
            heard->next = *head;
            *head = heard;
        }
    free(old);
}

/* Hosts that are gone leave before the table grows, so that it is never much larger than the zone. */
static void make_room(struct hearing *hearing, int64_t now_ms)
{
    if (hearing->count < hearing->bucket_count)
        return;
    forget_old(hearing, now_ms);
    if (hearing->count >= hearing->bucket_count / 2)
        grow(hearing);
}

static void add(struct hearing *hearing, const char *hostname, uint64_t hash, int64_t now_ms)
{
    size_t size = strlen(hostname) + 1;
    make_room(hearing, now_ms);
    struct heard **head = &hearing->buckets[hash & (hearing->bucket_count - 1)];
    struct heard *heard = memory_alloc(sizeof *heard + size);
    *heard = (struct heard){*head, now_ms, hash};
    memcpy(heard->hostname, hostname, size);
    *head = heard;
    hearing->count++;
}

bool hearing_note(struct hearing *hearing, const char *hostname, int64_t now_ms, int64_t *before_ms)
{
    uint64_t hash = hash_of(hostname);
    pthread_mutex_lock(&hearing->lock);
    struct heard *heard = *find(hearing, hostname, hash);
    *before_ms = heard ? heard->at_ms : hearing->begun_ms;
    if (!heard)
        add(hearing, hostname, hash, now_ms);
    else if (now_ms > heard->at_ms)
        heard->at_ms = now_ms;
    pthread_mutex_unlock(&hearing->lock);
    return heard;
}

bool hearing_last(struct hearing *hearing, const char *hostname, int64_t *at_ms)
{
    pthread_mutex_lock(&hearing->lock);
    const struct heard *heard = *find(hearing, hostname, hash_of(hostname));
    *at_ms = heard ? heard->at_ms : hearing->begun_ms;
    pthread_mutex_unlock(&hearing->lock);
    return heard;
}
