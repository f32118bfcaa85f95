#include "zts/rate_limit.h"

#include "base/memory.h"
#include "base/random.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct bucket {
    double spent; /* tokens, decaying with time */
    int64_t at_ms;
};

struct rate_limit {
    double per_second, at_once;
    uint64_t seed; /* so that nobody can choose whose bucket they share */
    pthread_mutex_t mutex;
    struct bucket buckets[BUCKETS];
};

struct rate_limit *rate_limit_new(double per_second, double at_once)
{
    struct rate_limit *limit = memory_alloc(sizeof *limit);
    limit->per_second = per_second;
    limit->at_once = at_once;
    random_bytes(&limit->seed, sizeof limit->seed);
    pthread_mutex_init(&limit->mutex, NULL);
    return limit;
}

void rate_limit_free(struct rate_limit **limit)
{
    if (!*limit)
        return;
    pthread_mutex_destroy(&(*limit)->mutex);
    free(take(limit));
}

static uint64_t mix(uint64_t value) /* the finalizer of SplitMix64 */
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

static uint64_t network_of(const struct sockaddr *address)
{
    uint64_t network = 0;
    if (address && address->sa_family == AF_INET) {
        network = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
    } else if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool mapped =
            IN6_IS_ADDR_V4MAPPED(six); /* an IPv4 caller: its last four bytes, not the common prefix */
        memcpy(&network, six->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
    return network;
}

bool rate_limit_allows(struct rate_limit *limit, const struct sockaddr *address, int64_t now_ms)
{
    struct bucket *bucket = &limit->buckets[mix(network_of(address) ^ limit->seed) % BUCKETS];
    pthread_mutex_lock(&limit->mutex);
    double elapsed_s = bucket->at_ms && now_ms > bucket->at_ms ? (double)(now_ms - bucket->at_ms) / 1000 : 0;
    bucket->spent -= elapsed_s * limit->per_second;
    if (bucket->spent < 0)
        bucket->spent = 0;
    bucket->at_ms = now_ms;
    bool allowed = bucket->spent + 1 <= limit->at_once;
    if (allowed)
        bucket->spent += 1;
    pthread_mutex_unlock(&limit->mutex);
    return allowed;
}
