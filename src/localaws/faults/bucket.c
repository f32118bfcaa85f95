#include "localaws/faults/bucket.h"

#include "base/memory.h"
#include "localaws/table.h"

struct bucket {
    double tokens;
    int64_t filled_ms;
};

struct buckets {
    double room, refill;
    struct table by_name;
};

struct buckets *buckets_new(double room, double refill_per_s)
{
    struct buckets *buckets = memory_alloc(sizeof *buckets);
    *buckets = (struct buckets){.room = room, .refill = refill_per_s};
    return buckets;
}

void buckets_free(struct buckets **freed)
{
    struct buckets *buckets = *freed;
    if (!buckets)
        return;
    struct bucket *bucket;
    for (size_t at = 0; (bucket = table_next(&buckets->by_name, &at));)
        free(bucket);
    table_free(&buckets->by_name);
    free(buckets);
    *freed = NULL;
}

static struct bucket *bucket_of(struct buckets *buckets, const char *name, int64_t now_ms)
{
    struct bucket *bucket = table_get(&buckets->by_name, name);
    if (bucket)
        return bucket;
    bucket = memory_alloc(sizeof *bucket);
    *bucket = (struct bucket){buckets->room, now_ms};
    table_put(&buckets->by_name, name, bucket);
    return bucket;
}

bool buckets_take(struct buckets *buckets, const char *name, int64_t now_ms)
{
    struct bucket *bucket = bucket_of(buckets, name, now_ms);
    bucket->tokens += buckets->refill * (double)(now_ms - bucket->filled_ms) / 1000;
    bucket->filled_ms = now_ms;
    if (bucket->tokens > buckets->room)
        bucket->tokens = buckets->room;
    if (bucket->tokens < 1)
        return false;
    bucket->tokens -= 1;
    return true;
}
