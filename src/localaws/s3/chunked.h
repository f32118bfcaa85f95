/* The aws-chunked content encoding: chunks "<hex size>[;extensions]\r\n<bytes>\r\n", an empty one at the end,
 * and then trailing headers. Source: Amazon S3 API Reference, "Signature calculations for the Authorization
 * header: transferring a payload in multiple chunks" and "...with trailing headers". Pure: hostile bytes in,
 * body bytes out. With `signing`, every chunk and the trailers must carry their signature; bytes reach the
 * sink before theirs was seen, so that nothing of a body counts until chunked_whole. */
#ifndef LOCALAWS_S3_CHUNKED_H
#define LOCALAWS_S3_CHUNKED_H

#include "localaws/s3/chunk_signing.h"
#include "net/http.h"

#include <stdbool.h>
#include <stdint.h>

enum { CHUNKED_LINE = 1024, CHUNKED_TRAILERS = 8 };

struct chunked {
    enum { CHUNK_SIZE, CHUNK_BYTES, CHUNK_END, CHUNK_TRAILER, CHUNK_DONE } state;
    uint64_t left;           /* of the chunk at hand */
    char line[CHUNKED_LINE]; /* being collected */
    size_t length;
    struct arena *arena; /* for the trailers */
    struct http_headers trailers;
    struct chunk_signing *signing; /* NULL: the chunks are not signed */
    char signature[72];            /* of the chunk at hand */
    char *signed_trailers;         /* as they are signed */
};

typedef int chunked_sink(void *context, const void *bytes, size_t length, struct error *err);

/* A zeroed struct chunked with an arena is a beginning. -1 for what is not aws-chunked, or when the sink
 * refuses. */
int chunked_feed(struct chunked *chunked, const char *bytes, size_t length, chunked_sink *sink, void *context,
                 struct error *err);
bool chunked_whole(const struct chunked *chunked); /* the end was there */

#endif
