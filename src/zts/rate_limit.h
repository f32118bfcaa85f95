/* How often one network may ask: a bucket of tokens per IPv4 address or IPv6 /64, in a table of fixed size,
 * so that asking from many networks costs no memory. Two networks that fall into one place of the table share
 * its bucket. */
#ifndef ZTS_RATE_LIMIT_H
#define ZTS_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct rate_limit;

struct rate_limit *rate_limit_new(double per_second, double at_once);
void rate_limit_free(struct rate_limit **limit);
bool rate_limit_allows(struct rate_limit *limit, const struct sockaddr *address,
                       int64_t now_ms); /* and counts it */

#endif
