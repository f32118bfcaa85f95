/* What names lead to inside a VPC, and what addresses are called there; and, without a VPC, in the internet.
 */
#include "localaws/ec2/names.h"
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/private_service.h"
#include "localaws/ec2/public_address.h"
#include "localaws/elb/elb.h"

#include "base/text.h"

#include <string.h>

static const char *const *list_of(struct arena *arena, const char *one, const char *other)
{
    const char **list = arena_alloc(arena, 3 * sizeof *list);
    list[0] = one ? one : other;
    list[1] = one ? other : NULL;
    return list;
}

static const char *private_domain(const struct region *region, struct arena *arena)
{
    return text_equal(region->name, "us-east-1") ? "ec2.internal"
                                                 : arena_format(arena, "%s.compute.internal", region->name);
}

static char *dots(struct arena *arena, const char *text, size_t length)
{
    char *address = arena_strndup(arena, text, length);
    for (char *at = address; *at; at++)
        *at = *at == '-' ? '.' : *at;
    return address;
}

/* "ip-10-0-0-4.ec2.internal": by the address in it. */
static const char *const *by_private_name(struct region *region, struct arena *arena, const char *vpc_id,
                                          const char *label, size_t length)
{
    if (!text_starts(label, "ip-"))
        return NULL;
    const char *address = dots(arena, label + strlen("ip-"), length - strlen("ip-"));
    return interface_at(region, vpc_id, address) ? list_of(arena, address, NULL) : NULL;
}

/* "i-0123456789abcdef0.ec2.internal": as far as its subnet says that there are such names. */
static const char *const *by_resource_name(struct region *region, struct arena *arena, const char *vpc_id,
                                           const char *label, size_t length)
{
    const struct instance *instance = (const struct instance *)(const void *)resource_anywhere(
        region, &instance_kind, arena_strndup(arena, label, length));
    const struct interface *primary = instance ? instance_interface(instance, 0) : NULL;
    if (!primary || !text_equal(primary->vpc_id, vpc_id))
        return NULL;
    const struct subnet *subnet =
        resource_find(region, instance->resource.account, &subnet_kind, primary->subnet_id);
    const char *four = subnet->name_dns_a && primary->address_count ? primary->addresses[0] : NULL;
    const char *six = subnet->name_dns_aaaa && primary->ipv6_count ? primary->ipv6_addresses[0] : NULL;
    return four || six ? list_of(arena, arena_strdup(arena, four), arena_strdup(arena, six)) : NULL;
}

/* "ec2-198-18-0-7.compute-1.amazonaws.com": inside of its VPC that means the private address. */
static const char *const *by_public_name(struct region *region, struct arena *arena, const char *vpc_id,
                                         const char *name)
{
    if (!text_starts(name, "ec2-"))
        return NULL;
    size_t length = strcspn(name, ".") - strlen("ec2-");
    const char *address = dots(arena, name + strlen("ec2-"), length);
    if (!text_equal(name, public_address_name(region, arena, address)))
        return NULL;
    const struct resource *holder = public_address_holder(region, address);
    const struct interface *interface = NULL;
    const char *inside = NULL;
    if (holder && holder->kind == &elastic_address_kind) {
        const struct elastic_address *elastic = (const struct elastic_address *)(const void *)holder;
        interface = resource_find(region, holder->account, &interface_kind, elastic->interface_id);
        inside = elastic->private_address;
    } else if (holder) {
        interface = (const struct interface *)(const void *)holder;
        inside = interface->addresses[0];
    }
    if (!interface)
        return NULL;
    return list_of(arena, text_equal(interface->vpc_id, vpc_id) ? arena_strdup(arena, inside) : address,
                   NULL);
}

/* A service by its own name: S3 has addresses of its own and IPv6 only by its dualstack names, as AWS's; the
 * others share the API's. */
static const char *const *by_service_name(struct region *region, struct arena *arena, const char *name)
{
    const char *s3 = endpoint_services[0].addresses[0];
    if (text_equal(name, arena_format(arena, "s3.%s.amazonaws.com", region->name)) ||
        text_ends(name, arena_format(arena, ".s3.%s.amazonaws.com", region->name)))
        return list_of(arena, s3, NULL);
    if (text_ends(name, arena_format(arena, "s3.dualstack.%s.amazonaws.com", region->name)))
        return list_of(arena, s3, region->api_address);
    bool other = text_ends(name, arena_format(arena, ".%s.amazonaws.com", region->name)) ||
                 text_ends(name, arena_format(arena, ".%s.api.aws", region->name)) ||
                 text_equal(name, "iam.amazonaws.com") || text_equal(name, "sts.amazonaws.com");
    return other && !strstr(name, ".elb.") && !strstr(name, ".vpce.")
               ? list_of(arena, API_IPV4, region->api_address)
               : NULL;
}

const char *const *names_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                 const char *name)
{
    const char *const *found = balancer_resolve(region, arena, vpc_id, name);
    if (!found)
        found = private_link_resolve(region, arena, vpc_id, name);
    const struct endpoint *endpoint = !found && vpc_id ? endpoint_by_name(region, vpc_id, name) : NULL;
    size_t label = strcspn(name, ".");
    bool private = vpc_id && name[label] && text_equal(name + label + 1, private_domain(region, arena));
    if (endpoint)
        found = endpoint_addresses(arena, endpoint);
    if (!found && private)
        found = by_private_name(region, arena, vpc_id, name, label);
    if (!found && private)
        found = by_resource_name(region, arena, vpc_id, name, label);
    if (!found)
        found = by_public_name(region, arena, vpc_id, name);
    return found ? found : by_service_name(region, arena, name);
}

const char *names_reverse(struct region *region, struct arena *arena, const char *vpc_id, const char *address)
{
    const struct interface *interface = interface_at(region, vpc_id, address);
    if (!interface || strchr(address, ':'))
        return NULL;
    char *dashed = arena_strdup(arena, address);
    for (char *at = dashed; *at; at++)
        *at = *at == '.' ? '-' : *at;
    return arena_format(arena, "ip-%s.%s", dashed, private_domain(region, arena));
}
