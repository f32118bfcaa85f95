/* Address blocks of either family: parsing, comparing, and the text form everything is stored and compared
 * in. */
#ifndef LOCALAWS_CIDR_H
#define LOCALAWS_CIDR_H

#include "base/memory.h"

#include <stdbool.h>

struct cidr {
    unsigned char bytes[16]; /* network order; host bits are zero */
    int family;              /* AF_INET, AF_INET6 */
    int prefix;
};

/* "10.0.0.0/16", "2001:db8::/56"; host bits are cleared, as AWS does. false when it is no such thing. */
bool cidr_parse(const char *text, struct cidr *cidr);
bool cidr_parse_address(const char *text, struct cidr *cidr); /* a /32 or /128 */
char *cidr_text(struct arena *arena, const struct cidr *cidr);
char *cidr_address_text(struct arena *arena, const struct cidr *cidr); /* without the prefix */
bool cidr_contains(const struct cidr *outer, const struct cidr *inner);
bool cidr_overlaps(const struct cidr *a, const struct cidr *b);
/* The address `offset` places into an IPv4 block. */
struct cidr cidr_at(const struct cidr *block, unsigned offset);
unsigned cidr_size(const struct cidr *block); /* addresses of an IPv4 block */

#endif
