/* Token buckets, as EC2 throttles: one for each name, full at first, from which each call takes a token and
 * into which tokens come at a rate. Time is given, so that this is pure. */
#ifndef LOCALAWS_BUCKET_H
#define LOCALAWS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct buckets;

struct buckets *buckets_new(double room, double refill_per_s);
void buckets_free(struct buckets **buckets); /* NULL is fine */
/* Takes a token; false when there is none. */
bool buckets_take(struct buckets *buckets, const char *name, int64_t now_ms);

#endif
