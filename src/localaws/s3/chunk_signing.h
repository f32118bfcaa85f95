/* Signatures of an aws-chunked body: each chunk's covers its bytes and the signature before it, the first one
 * the request's; the last covers the trailing headers. Source: as chunked.h. */
#ifndef LOCALAWS_S3_CHUNK_SIGNING_H
#define LOCALAWS_S3_CHUNK_SIGNING_H

#include "base/error.h"
#include "localaws/front/authenticate.h"

struct chunk_signing;

/* In the arena; `signature` outlives it. */
struct chunk_signing *chunk_signing_new(struct arena *arena, const struct call_signature *signature);
void chunk_signing_update(struct chunk_signing *signing, const void *bytes, size_t length);
/* At the end of a chunk, the empty one too: is this its signature? SignatureDoesNotMatch when not. */
int chunk_signing_check(struct chunk_signing *signing, const char *signature, struct error *err);
/* `trailers` is "name:value\n" for each, in the order they came. */
int chunk_signing_check_trailers(struct chunk_signing *signing, const char *trailers, const char *signature,
                                 struct error *err);

#endif
