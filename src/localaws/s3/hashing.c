#include "localaws/s3/hashing.h"

#include <pthread.h>
#include <string.h>

enum { BLOCKS = 8, BLOCK_BYTES = 128 << 10 };

struct hashing {
    pthread_t thread;
    struct digests *digests;
    pthread_mutex_t lock; /* of `queued` and `ended` */
    pthread_cond_t changed;
    unsigned queued; /* full blocks that are not yet digested */
    bool ended;
    unsigned writing, reading; /* the feeder's block, the thread's */
    struct block {
        size_t length;
        unsigned char bytes[BLOCK_BYTES];
    } blocks[BLOCKS];
};

static void *digest_blocks(void *context)
{
    struct hashing *hashing = context;
    pthread_mutex_lock(&hashing->lock);
    for (;;) {
        while (!hashing->queued && !hashing->ended)
            pthread_cond_wait(&hashing->changed, &hashing->lock);
        if (!hashing->queued)
            break;
        pthread_mutex_unlock(&hashing->lock);
        const struct block *block = &hashing->blocks[hashing->reading];
        digests_update(hashing->digests, block->bytes, block->length);
        hashing->reading = (hashing->reading + 1) % BLOCKS;
        pthread_mutex_lock(&hashing->lock);
        hashing->queued--;
        pthread_cond_broadcast(&hashing->changed);
    }
    pthread_mutex_unlock(&hashing->lock);
    return NULL;
}

struct hashing *hashing_start(struct digests *digests)
{
    struct hashing *hashing = memory_alloc(sizeof(*hashing));
    hashing->digests = digests;
    pthread_mutex_init(&hashing->lock, NULL);
    pthread_cond_init(&hashing->changed, NULL);
    if (pthread_create(&hashing->thread, NULL, digest_blocks, hashing) == 0) {
        pthread_setname_np(hashing->thread, "s3-digest");
        return hashing;
    }
    free(hashing);
    return NULL;
}

/* The feeder's block goes to the thread, and the next one is waited for. */
static void queue_block(struct hashing *hashing)
{
    pthread_mutex_lock(&hashing->lock);
    hashing->queued++;
    pthread_cond_broadcast(&hashing->changed);
    while (hashing->queued == BLOCKS)
        pthread_cond_wait(&hashing->changed, &hashing->lock);
    pthread_mutex_unlock(&hashing->lock);
    hashing->writing = (hashing->writing + 1) % BLOCKS;
    hashing->blocks[hashing->writing].length = 0;
}

void hashing_feed(struct hashing *hashing, const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    while (length > 0) {
        struct block *block = &hashing->blocks[hashing->writing];
        size_t room = BLOCK_BYTES - block->length, now = length < room ? length : room;
        memcpy(block->bytes + block->length, from, now);
        block->length += now;
        from += now;
        length -= now;
        if (block->length == BLOCK_BYTES)
            queue_block(hashing);
    }
}

void hashing_finish(struct hashing **made)
{
    struct hashing *hashing = *made;
    if (!hashing)
        return;
    if (hashing->blocks[hashing->writing].length)
        queue_block(hashing);
    pthread_mutex_lock(&hashing->lock);
    hashing->ended = true;
    pthread_cond_broadcast(&hashing->changed);
    pthread_mutex_unlock(&hashing->lock);
    pthread_join(hashing->thread, NULL);
    pthread_mutex_destroy(&hashing->lock);
    pthread_cond_destroy(&hashing->changed);
    explicit_bzero(hashing, sizeof(*hashing));
    memory_free(made);
}
