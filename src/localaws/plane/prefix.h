/* Address blocks as the plane uses them: parsed from what it was given and printed again, so that nothing a
 * caller sent reaches nftables or ip as it was. */
#ifndef LOCALAWS_PLANE_PREFIX_H
#define LOCALAWS_PLANE_PREFIX_H

#include <arpa/inet.h>
#include <stdbool.h>

struct prefix {
    bool six;
    int bits;
    unsigned char bytes[16]; /* network order */
    char address[INET6_ADDRSTRLEN];
    char text[INET6_ADDRSTRLEN + 4]; /* "10.0.0.0/16" */
};

/* An address ("10.0.0.4") is a block of one. false when the text is neither, or NULL. */
bool prefix_parse(const char *text, struct prefix *prefix);
const char *prefix_family(const struct prefix *prefix); /* nftables' word: "ip6" or "ip" */
/* Lies `inner` inside of `outer`? The same block does. */
bool prefix_within(const struct prefix *outer, const struct prefix *inner);

#endif
