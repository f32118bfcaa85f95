/* What a client says of a body it sends (x-amz-content-sha256, Content-MD5, x-amz-checksum-*), and what the
 * body turns out to be. One pass over the bytes. */
#ifndef LOCALAWS_S3_DIGEST_H
#define LOCALAWS_S3_DIGEST_H

#include "base/memory.h"
#include "net/http.h"

#include <stdbool.h>
#include <stdint.h>

enum { DIGEST_MOST = 5 };

struct digest; /* one running computation */

struct digests {
    struct digest *items[DIGEST_MOST];
    size_t count;
};

/* The names of the checksum headers S3 has ("x-amz-checksum-crc32"), NULL-terminated. */
extern const char *const digest_checksum_headers[];

/* Begins to compute `name` ("sha256", "md5", or a checksum header's name), unless it is being computed
 * already. false: there is no such algorithm. */
bool digests_begin(struct digests *digests, const char *name);
void digests_update(struct digests *digests, const void *bytes, size_t length);
/* The result so far: hex for sha256 and md5 with `hex`, else base64; NULL when it was not begun. */
char *digests_value(const struct digests *digests, struct arena *arena, const char *name, bool hex);
/* The sum (a CRC, base64) of two texts one behind the other, from theirs and the length of the second. A NULL
 * `before` is that of nothing. */
char *digest_combine(struct arena *arena, const char *name, const char *before, const char *behind,
                     uint64_t length);
void digests_free(struct digests *digests);

#endif
