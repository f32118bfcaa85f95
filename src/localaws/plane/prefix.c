#include "localaws/plane/prefix.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

bool prefix_parse(const char *text, struct prefix *prefix)
{
    size_t length = text ? strcspn(text, "/") : INET6_ADDRSTRLEN;
    if (length >= INET6_ADDRSTRLEN)
        return false;
    *prefix = (struct prefix){.six = strchr(text, ':') != NULL};
    memcpy(prefix->address, text, length);
    int family = prefix->six ? AF_INET6 : AF_INET;
    int64_t most = prefix->six ? 128 : 32, bits = most;
    if (inet_pton(family, prefix->address, prefix->bytes) != 1 ||
        (text[length] && text_number(text + length + 1, 0, most, "prefix", &bits, NULL) < 0))
        return false;
    prefix->bits = (int)bits;
    inet_ntop(family, prefix->bytes, prefix->address, sizeof prefix->address);
    snprintf(prefix->text, sizeof prefix->text, "%s/%d", prefix->address, prefix->bits);
    return true;
}

const char *prefix_family(const struct prefix *prefix)
{
    return prefix->six ? "ip6" : "ip";
}

bool prefix_within(const struct prefix *outer, const struct prefix *inner)
{
    if (outer->six != inner->six || outer->bits > inner->bits)
        return false;
    size_t whole = (size_t)outer->bits / 8;
    int rest = outer->bits % 8;
    return memcmp(outer->bytes, inner->bytes, whole) == 0 &&
           (!rest || (outer->bytes[whole] ^ inner->bytes[whole]) >> (8 - rest) == 0);
}
