/* Making network interfaces: with the groups and addresses that are asked for, or that its subnet gives. */
#include "localaws/ec2/tables.h"
#include "localaws/ec2/to_plane.h"

#include "base/random.h"
#include "base/text.h"

#include <string.h>

static int take_groups(struct call *call, const struct interface_order *order, struct interface *draft,
                       struct error *err)
{
    size_t count = 0;
    while (order->groups && order->groups[count])
        count++;
    draft->groups = arena_alloc(call->arena, (count + 1) * sizeof *draft->groups);
    for (size_t i = 0; i < count; i++) {
        struct group *group = resource_find(call->region, call->account, &group_kind, order->groups[i]);
        if (!group)
            return resource_missing(call, &group_kind, order->groups[i], err);
        if (!text_equal(group->vpc_id, order->subnet->vpc_id))
            return call_fail(call, err, 400, "InvalidParameter",
                             "Security group %s and subnet %s belong to different networks.",
                             order->groups[i], order->subnet->resource.id);
        draft->groups[draft->group_count++] = group->resource.id;
    }
    if (!count && !order->no_groups)
        draft->groups[draft->group_count++] =
            group_default(call->account, order->subnet->vpc_id)->resource.id;
    return 0;
}

static int take_private_addresses(struct call *call, const struct interface_order *order,
                                  struct interface *draft, struct error *err)
{
    size_t named = 0;
    while (order->secondary_addresses && order->secondary_addresses[named])
        named++;
    size_t count = 1 + named + order->secondary_count;
    if (count > 50)
        return call_fail(call, err, 400, "PrivateIpAddressLimitExceeded",
                         "An interface has at most 50 private addresses");
    draft->addresses = arena_alloc(call->arena, count * sizeof *draft->addresses);
    for (; draft->address_count < count; draft->address_count++) {
        size_t at = draft->address_count;
        const char *asked = at == 0       ? order->private_address
                            : at <= named ? order->secondary_addresses[at - 1]
                                          : NULL;
        if (subnet_take_ipv4(call, order->subnet, asked, &draft->addresses[at], err) < 0)
            return -1;
    }
    return 0;
}

static int take_addresses(struct call *call, const struct interface_order *order, struct interface *draft,
                          struct error *err)
{
    size_t named = 0;
    while (order->ipv6_addresses && order->ipv6_addresses[named])
        named++;
    size_t count = named + order->ipv6_count;
    if (!count && order->subnet->ipv6_on_creation)
        count = 1;
    if (count > 30)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "An interface has at most 30 IPv6 addresses");
    if (take_private_addresses(call, order, draft, err) < 0)
        return -1;
    draft->ipv6_addresses = arena_alloc(call->arena, (count + 1) * sizeof *draft->ipv6_addresses);
    for (; draft->ipv6_count < count; draft->ipv6_count++)
        if (subnet_take_ipv6(call, order->subnet,
                             draft->ipv6_count < named ? order->ipv6_addresses[draft->ipv6_count] : NULL,
                             &draft->ipv6_addresses[draft->ipv6_count], err) < 0)
            return -1;
    return 0;
}

static char *new_mac(struct arena *arena)
{
    unsigned char bytes[5];
    random_bytes(bytes, sizeof bytes);
    return arena_format(arena, "02:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                        bytes[4]);
}

int interface_create(struct call *call, const struct interface_order *order, struct interface **interface,
                     struct error *err)
{
    struct subnet *subnet = order->subnet;
    struct interface draft = {
        .resource.tag_count = order->tag_count,
        .vpc_id = subnet->vpc_id,
        .subnet_id = subnet->resource.id,
        .zone = subnet->zone,
        .mac = new_mac(call->arena),
        .description = arena_strdup(call->arena, order->description),
        .type = arena_strdup(call->arena, order->type ? order->type : "interface"),
        .requester = arena_strdup(call->arena, order->requester),
        .owner = arena_strdup(call->arena, order->owner),
        .source_check = order->requester == NULL,
        .auto_public = order->auto_public,
        .attachment_id = order->requester ? region_identifier(call->region, call->arena, "eni-attach") : NULL,
    };
    if (order->tag_count) {
        draft.resource.tags = arena_alloc(call->arena, order->tag_count * sizeof *order->tags);
        memcpy(draft.resource.tags, order->tags, order->tag_count * sizeof *order->tags);
    }
    if (draft_check(call, interface_kind.record, &draft, err) < 0 ||
        take_groups(call, order, &draft, err) < 0 || take_addresses(call, order, &draft, err) < 0)
        return -1;
    *interface = resource_add(call->region, call->account, &interface_kind, &draft);
    return 0;
}

static int take_order(struct call *call, struct interface_order *order, struct error *err)
{
    int64_t ipv6_count;
    size_t named = 0;
    if (resource_named(call, &subnet_kind, "SubnetId", &order->subnet, err) < 0 ||
        call_number(call, "Ipv6AddressCount", 0, 30, 0, &ipv6_count, err) < 0)
        return -1;
    order->ipv6_count = (size_t)ipv6_count;
    order->private_address = call_parameter(call, "PrivateIpAddress");
    order->description = call_parameter(call, "Description");
    order->groups = call_list(call, "SecurityGroupId", NULL);
    while (call_parameter(call, "Ipv6Addresses.%zu.Ipv6Address", named + 1))
        named++;
    const char **ipv6 = arena_alloc(call->arena, (named + 1) * sizeof *ipv6);
    for (size_t i = 0; i < named; i++)
        ipv6[i] = call_parameter(call, "Ipv6Addresses.%zu.Ipv6Address", i + 1);
    order->ipv6_addresses = ipv6;
    return 0;
}

int interface_create_action(struct call *call, struct error *err)
{
    struct interface_order order = {0};
    struct interface draft = {0}, *interface;
    if (take_order(call, &order, err) < 0 || call_tags(call, "network-interface", &draft.resource, err) < 0)
        return -1;
    draft.vpc_id = order.subnet->vpc_id;
    draft.subnet_id = order.subnet->resource.id;
    order.tags = draft.resource.tags;
    order.tag_count = draft.resource.tag_count;
    if (creation_authorize(call, &interface_kind, &draft.resource, err) < 0 ||
        interface_create(call, &order, &interface, err) < 0)
        return -1;
    put_open(&call->answer, "networkInterface");
    interface_write(&call->answer, &interface->resource);
    put_close(&call->answer, "networkInterface");
    return 0;
}
