/* Addresses and networks as they come from outside, checked before they become rules and arguments. */
#ifndef HOST_ADDRESSES_H
#define HOST_ADDRESSES_H

#include "base/memory.h"

#include <stdbool.h>

bool address_is_ipv6(const char *text);  /* a literal, no prefix length, no zone */
bool network_is_valid(const char *text); /* "2001:db8::/64", "10.0.0.0/8" */
bool network_is_ipv6(const char *text);
/* The name of the interface that carries this IPv6 address, in the arena; NULL when none does. */
char *address_interface(struct arena *arena, const char *address);

#endif
