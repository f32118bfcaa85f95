/* Digests of a long body, computed by a thread of their own while its bytes are encrypted and written: MD5
 * alone takes longer than all the rest. A bounded queue of blocks lies in between. */
#ifndef LOCALAWS_S3_HASHING_H
#define LOCALAWS_S3_HASHING_H

#include "localaws/s3/digest.h"

struct hashing;

/* From now on `digests` are the thread's, until hashing_finish. NULL when no thread can be had. */
struct hashing *hashing_start(struct digests *digests);
/* Copies the bytes; waits while the queue is full. */
void hashing_feed(struct hashing *hashing, const void *bytes, size_t length);
/* All that was fed is in the digests then; for cleanup() too. */
void hashing_finish(struct hashing **hashing);

#endif
