#include "host/addresses.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>

bool address_is_ipv6(const char *text)
{
    struct in6_addr address;
    return text && inet_pton(AF_INET6, text, &address) == 1;
}

static bool network_of_family(const char *text, int family, int64_t longest)
{
    char address[INET6_ADDRSTRLEN] = "";
    unsigned char bytes[sizeof(struct in6_addr)];
    const char *slash = text ? strchr(text, '/') : NULL;
    int64_t length = 0;
    if (!slash || (size_t)(slash - text) >= sizeof address ||
        text_number(slash + 1, 0, longest, "prefix length", &length, NULL) < 0)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    return inet_pton(family, address, bytes) == 1;
}

bool network_is_ipv6(const char *text)
{
    return network_of_family(text, AF_INET6, 128);
}

bool network_is_valid(const char *text)
{
    return network_is_ipv6(text) || network_of_family(text, AF_INET, 32);
}

char *address_interface(struct arena *arena, const char *address)
{
    struct in6_addr wanted;
    struct ifaddrs *all = NULL;
    if (inet_pton(AF_INET6, address, &wanted) != 1 || getifaddrs(&all) < 0)
        return NULL;
    char *name = NULL;
    for (struct ifaddrs *one = all; one && !name; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET6)
            continue;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)one->ifa_addr;
        if (memcmp(&six->sin6_addr, &wanted, sizeof wanted) == 0)
            name = arena_strdup(arena, one->ifa_name);
    }
    freeifaddrs(all);
    return name;
}
