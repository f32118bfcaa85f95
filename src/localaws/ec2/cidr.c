#include "localaws/ec2/cidr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int bits_of(int family)
{
    return family == AF_INET ? 32 : 128;
}

static void clear_host_bits(struct cidr *cidr)
{
    for (int bit = cidr->prefix; bit < bits_of(cidr->family); bit++)
        cidr->bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
}

bool cidr_parse_address(const char *text, struct cidr *cidr)
{
    *cidr = (struct cidr){.family = text && strchr(text, ':') ? AF_INET6 : AF_INET};
    cidr->prefix = bits_of(cidr->family);
    return text && inet_pton(cidr->family, text, cidr->bytes) == 1;
}

bool cidr_parse(const char *text, struct cidr *cidr)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = text ? strchr(text, '/') : NULL;
    int64_t prefix;
    if (!slash || (size_t)(slash - text) >= sizeof address)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    if (!cidr_parse_address(address, cidr) ||
        text_number(slash + 1, 0, cidr->prefix, "prefix", &prefix, NULL) < 0)
        return false;
    cidr->prefix = (int)prefix;
    clear_host_bits(cidr);
    return true;
}

char *cidr_address_text(struct arena *arena, const struct cidr *cidr)
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(cidr->family, cidr->bytes, text, sizeof text);
    return arena_strdup(arena, text);
}

char *cidr_text(struct arena *arena, const struct cidr *cidr)
{
    return arena_format(arena, "%s/%d", cidr_address_text(arena, cidr), cidr->prefix);
}

static bool same_prefix(const struct cidr *a, const struct cidr *b, int bits)
{
    int whole = bits / 8, rest = bits % 8;
    if (a->family != b->family || memcmp(a->bytes, b->bytes, (size_t)whole) != 0)
        return false;
    return !rest || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

bool cidr_contains(const struct cidr *outer, const struct cidr *inner)
{
    return outer->prefix <= inner->prefix && same_prefix(outer, inner, outer->prefix);
}

bool cidr_overlaps(const struct cidr *a, const struct cidr *b)
{
    return same_prefix(a, b, a->prefix < b->prefix ? a->prefix : b->prefix);
}

unsigned cidr_size(const struct cidr *block)
{
    return block->prefix ? 1u << (32 - block->prefix) : UINT32_MAX;
}

struct cidr cidr_at(const struct cidr *block, unsigned offset)
{
    struct cidr address = {.family = AF_INET, .prefix = 32};
    uint32_t number;
    memcpy(&number, block->bytes, sizeof number);
    number = htonl(ntohl(number) + offset);
    memcpy(address.bytes, &number, sizeof number);
    return address;
}
