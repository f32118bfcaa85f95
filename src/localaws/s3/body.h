/* A request's body on its way in: decoded when it is aws-chunked, measured and digested, and either collected
 * or handed to a sink piece by piece. At its end it must be what its client said it is. */
#ifndef LOCALAWS_S3_BODY_H
#define LOCALAWS_S3_BODY_H

#include "base/buffer.h"
#include "localaws/region.h"
#include "localaws/s3/chunked.h"
#include "localaws/s3/digest.h"
#include "localaws/s3/hashing.h"

struct s3_body {
    struct call *call;
    struct digests digests;
    struct hashing *hashing; /* of a long body, while it comes */
    struct chunked chunked;
    bool is_chunked;
    uint64_t length;         /* decoded, so far */
    struct buffer collected; /* without a sink */
    chunked_sink *sink;
    void *sink_context;
};

/* Refuses what cannot be verified: unknown kinds of chunks or checksums, a Content-MD5 that is none. */
int s3_body_open(struct call *call, chunked_sink *sink, void *context, struct s3_body **body,
                 struct error *err);
int s3_body_receive(struct s3_body *body, const void *bytes, size_t length, struct error *err);
/* After the last piece. */
int s3_body_check(struct s3_body *body, struct error *err);
/* The checksum header the client sent with it, or behind it, and its value; NULL when none. */
const char *s3_body_checksum(struct s3_body *body, const char **value);

#endif
