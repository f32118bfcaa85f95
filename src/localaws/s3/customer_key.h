/* SSE-C: a key that the customer sends with every request about an object; only its MD5 is kept, to tell one
 * key from another. */
#ifndef LOCALAWS_S3_CUSTOMER_KEY_H
#define LOCALAWS_S3_CUSTOMER_KEY_H

#include "localaws/s3/call.h"

struct s3_customer_key {
    bool given;
    unsigned char key[32];
    const char *md5; /* base64 */
};
/* From the request's headers (of a copy's source: those for it). Refused over plain HTTP, or when it is not
 * what it says it is. Wiped with the request. */
int s3_customer_key_read(struct s3_call *s3, struct s3_customer_key **key, struct error *err);

#endif
