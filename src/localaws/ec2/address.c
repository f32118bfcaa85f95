/* Addresses: blocks for VPCs out of the documentation prefix 2001:db8::/32, and single ones out of a subnet.
 * What is taken is known from one table, "vpc address", kept as interfaces come and go. */
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/tables.h"

#include "base/random.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

static char *address_key(struct arena *arena, const char *vpc_id, const char *address)
{
    return arena_format(arena, "%s %s", vpc_id, address);
}

struct interface *interface_at(struct region *region, const char *vpc_id, const char *address)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    return table_get(&registry_of(region)->by_address, address_key(arena, vpc_id, address));
}

static void each_address(struct region *region, struct interface *interface,
                         void (*step)(struct table *table, const char *key, struct interface *interface))
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct table *table = &registry_of(region)->by_address;
    for (size_t i = 0; i < interface->address_count; i++)
        step(table, address_key(arena, interface->vpc_id, interface->addresses[i]), interface);
    for (size_t i = 0; i < interface->ipv6_count; i++)
        step(table, address_key(arena, interface->vpc_id, interface->ipv6_addresses[i]), interface);
}

static void put_one(struct table *table, const char *key, struct interface *interface)
{
    table_put(table, key, interface);
}

static void remove_one(struct table *table, const char *key, struct interface *interface)
{
    if (table_get(table, key) == interface)
        table_remove(table, key);
}

void addresses_taken(struct region *region, struct interface *interface)
{
    each_address(region, interface, put_one);
}

void addresses_given_back(struct region *region, struct interface *interface)
{
    each_address(region, interface, remove_one);
}

static bool block_in_use(struct region *region, const char *block)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct vpc, vpc, account, &vpc_kind)
            if (text_equal(vpc->ipv6_cidr, block))
                return true;
    return false;
}

/* A random /56, so that a block is not soon used again by another VPC. The first /48 and ffff, the region's
 * own, are not given out. */
char *vpc_pick_ipv6_block(struct region *region, struct arena *arena)
{
    for (;;) {
        unsigned site = 1 + (unsigned)random_below(0xfffe), part = (unsigned)random_below(0x100);
        struct cidr block;
        cidr_parse(arena_format(arena, "2001:db8:%x:%x::/56", site, part << 8), &block);
        char *text = cidr_text(arena, &block);
        if (!block_in_use(region, text))
            return text;
    }
}

size_t subnet_free_addresses(const struct subnet *subnet)
{
    struct cidr block;
    cidr_parse(subnet->cidr, &block);
    size_t used = 0;
    for_each_resource(struct interface, interface, subnet->resource.account, &interface_kind)
        if (text_equal(interface->subnet_id, subnet->resource.id))
            used += interface->address_count;
    return cidr_size(&block) - 5 - used;
}

/* The first four addresses (network, router, resolver, reserved) and the last are AWS's. */
static bool usable(const struct cidr *block, const struct cidr *address)
{
    for (unsigned i = 0; i < 4; i++) {
        struct cidr reserved = cidr_at(block, i);
        if (cidr_contains(&reserved, address))
            return false;
    }
    struct cidr last = cidr_at(block, cidr_size(block) - 1);
    return cidr_contains(block, address) && !cidr_contains(&last, address);
}

static int take_asked(struct call *call, const struct subnet *subnet, const char *block_text,
                      const char *asked, char **address, struct error *err)
{
    struct cidr block, one;
    if (!cidr_parse_address(asked, &one) || !cidr_parse(block_text, &block) || !cidr_contains(&block, &one) ||
        (one.family == AF_INET && !usable(&block, &one)))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Address %s does not fall within the subnet's address range", asked);
    *address = cidr_address_text(call->arena, &one);
    if (interface_at(call->region, subnet->vpc_id, *address))
        return call_fail(call, err, 400, "InvalidIPAddress.InUse", "Address %s is in use.", asked);
    return 0;
}

int subnet_take_ipv4(struct call *call, struct subnet *subnet, const char *asked, char **address,
                     struct error *err)
{
    if (asked)
        return take_asked(call, subnet, subnet->cidr, asked, address, err);
    struct cidr block;
    cidr_parse(subnet->cidr, &block);
    unsigned usable_count = cidr_size(&block) - 5;
    for (unsigned tried = 0; tried < usable_count; tried++) {
        unsigned offset = 4 + (unsigned)subnet->next_address++ % usable_count;
        resource_changed(&subnet->resource);
        struct cidr one = cidr_at(&block, offset);
        *address = cidr_address_text(call->arena, &one);
        if (!interface_at(call->region, subnet->vpc_id, *address))
            return 0;
    }
    return call_fail(call, err, 400, "InsufficientFreeAddressesInSubnet",
                     "There are not enough free addresses in subnet '%s'", subnet->resource.id);
}

int subnet_take_ipv6(struct call *call, struct subnet *subnet, const char *asked, char **address,
                     struct error *err)
{
    if (!subnet->ipv6_cidr)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Subnet %s does not have an IPv6 CIDR block", subnet->resource.id);
    if (asked)
        return take_asked(call, subnet, subnet->ipv6_cidr, asked, address, err);
    struct cidr one;
    cidr_parse(subnet->ipv6_cidr, &one);
    do
        random_bytes(one.bytes + 8, 8);
    while (!(*address = cidr_address_text(call->arena, &one)) ||
           interface_at(call->region, subnet->vpc_id, *address));
    return 0;
}
