/* The proxy protocol, version 2 (haproxy.org, doc/proxy-protocol.txt), as AWS's load balancers speak it: the
 * addresses, and for a private link its endpoint's id in a TLV of type 0xEA, subtype 1. */
#include "localaws/plane/balance.h"

#include <string.h>

enum {
    PROXY = 0x21, /* version 2, on behalf of a client */
    LOCAL = 0x20, /* version 2, on its own behalf */
    STREAM4 = 0x11,
    STREAM6 = 0x21,
    UNKNOWN = 0,
    TLV_AWS = 0xEA,
    AWS_ENDPOINT_ID = 1,
    FIXED = 16,
};

/* The bytes of an address, after whatever IPv4-mapped form it came in. */
static const unsigned char *address_of(const struct sockaddr_storage *end, size_t *size)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)end;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)end;
    *size = end->ss_family == AF_INET6 ? sizeof six->sin6_addr : sizeof four->sin_addr;
    return end->ss_family == AF_INET6 ? (const unsigned char *)&six->sin6_addr
                                      : (const unsigned char *)&four->sin_addr;
}

static size_t put(unsigned char *header, size_t at, const void *bytes, size_t length)
{
    memcpy(header + at, bytes, length);
    return at + length;
}

static size_t put_addresses(unsigned char *header, size_t at, const struct sockaddr_storage *client,
                            const struct sockaddr_storage *front)
{
    size_t size;
    const unsigned char *bytes = address_of(client, &size);
    at = put(header, at, bytes, size);
    bytes = address_of(front, &size);
    at = put(header, at, bytes, size);
    /* The port is at the same place in both families' addresses. */
    at = put(header, at, &((const struct sockaddr_in *)client)->sin_port, 2);
    return put(header, at, &((const struct sockaddr_in *)front)->sin_port, 2);
}

size_t proxy_header(unsigned char header[PROXY_HEADER_LONGEST], const struct sockaddr_storage *client,
                    const struct sockaddr_storage *front, const char *link)
{
    static const unsigned char signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                                '\n', 'Q',  'U',  'I',  'T', '\n'};
    size_t at = FIXED, link_length = link ? strnlen(link, 32) : 0;
    memcpy(header, signature, sizeof signature);
    header[12] = client ? PROXY : LOCAL;
    header[13] = !client ? UNKNOWN : client->ss_family == AF_INET6 ? STREAM6 : STREAM4;
    if (client)
        at = put_addresses(header, at, client, front);
    if (client && link_length) {
        const unsigned char start[] = {TLV_AWS, 0, (unsigned char)(link_length + 1), AWS_ENDPOINT_ID};
        at = put(header, at, start, sizeof start);
        at = put(header, at, link, link_length);
    }
    header[14] = (unsigned char)((at - FIXED) >> 8);
    header[15] = (unsigned char)((at - FIXED) & 0xff);
    return at;
}
