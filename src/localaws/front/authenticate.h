/* Who calls: every call's AWS signature is recomputed from the secret of the access key it names, over the
 * request exactly as it came; nothing else a request says about its sender is believed. */
#ifndef LOCALAWS_AUTHENTICATE_H
#define LOCALAWS_AUTHENTICATE_H

#include "aws/sigv4.h"
#include "localaws/region.h"

enum { CLOCK_SKEW_MS = 15 * 60 * 1000 };

/* What the signatures of a body's chunks begin with: the request's own, and the key that made it. */
struct call_signature {
    unsigned char key[SIGV4_KEY];
    const char *amz_date, *scope; /* "20260102T030405Z"; "20260102/us-east-1/s3/aws4_request" */
    const char *signature;
};

/* Takes the signature apart and finds the service it is for: sets call->interface. Nothing is verified yet.
 */
int call_claim(struct call *call, struct sigv4_claim *claim, struct error *err);

/* Verifies `claim` and sets call->caller, account and payload_hash. `body` is what has been read of it; NULL
 * when it is still to come (S3), so that whoever reads it must compare it with payload_hash. Refuses as the
 * service would. */
int call_authenticate(struct call *call, const struct sigv4_claim *claim, const char *body, size_t length,
                      struct error *err);

#endif
