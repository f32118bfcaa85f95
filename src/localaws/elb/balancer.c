#include "localaws/ec2/to_plane.h"
#include "localaws/elb/elb.h"

#include "base/text.h"

#include <string.h>

static const struct field balancer_fields[] = {
    RESOURCE_FIELDS(struct balancer),
    FIELD_TEXT(struct balancer, name, "name", REQUIRED, 32, NULL, "unique in the account"),
    FIELD_TEXT(struct balancer, plane_name, "planeName", REQUIRED, 64, NULL, "unique in the region"),
    FIELD_TEXT(struct balancer, dns_name, "dnsName", REQUIRED, 255, NULL, "where clients find it"),
    FIELD_TEXT(struct balancer, scheme, "scheme", REQUIRED, 16, NULL, "internal or internet-facing"),
    FIELD_TEXT(struct balancer, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct balancer, ip_address_type, "ipAddressType", REQUIRED, 16, NULL, "ipv4 or dualstack"),
    FIELD_LIST(struct balancer, subnets, subnet_count, "subnets", OPTIONAL, 16, &text_record,
               "one interface in each"),
    FIELD_LIST(struct balancer, interfaces, interface_count, "interfaces", OPTIONAL, 16, &text_record,
               "in that order"),
    FIELD_LIST(struct balancer, asked_addresses, asked_count, "askedAddresses", OPTIONAL, 64, &text_record,
               "of its interfaces, those that were chosen by name"),
    FIELD_LIST(struct balancer, groups, group_count, "groups", OPTIONAL, 16, &text_record, "security groups"),
    FIELD_LIST(struct balancer, attributes, attribute_count, "attributes", OPTIONAL, 32, &tag_record,
               "that were set"),
    FIELD_BOOL(struct balancer, links_unruled, "linksUnruled", OPTIONAL,
               "private links do not obey its security groups"),
    FIELD_BOOL(struct balancer, seen, "seen", OPTIONAL, "no longer provisioning"),
    FIELD_END,
};
static const struct record balancer_record = {"balancer", sizeof(struct balancer), balancer_fields};

static const struct balancer *of(const struct resource *resource)
{
    return (const struct balancer *)(const void *)resource;
}

struct interface *balancer_interface(const struct balancer *balancer, size_t at)
{
    return at < balancer->interface_count
               ? resource_find(balancer->resource.region, balancer->resource.account, &interface_kind,
                               balancer->interfaces[at])
               : NULL;
}

/* The elastic address that a load balancer's interface has; NULL: none. */
static const struct elastic_address *elastic_address_at(const struct interface *interface)
{
    for_each_resource(struct elastic_address, address, interface->resource.account, &elastic_address_kind)
        if (text_equal(address->interface_id, interface->resource.id))
            return address;
    return NULL;
}

/* The addresses that are shown are those that were asked for. */
static void put_zone_addresses(struct buffer *out, const struct balancer *balancer,
                               const struct interface *interface)
{
    const struct elastic_address *elastic = elastic_address_at(interface);
    bool asked = list_has_text(balancer->asked_addresses, balancer->asked_count, interface->addresses[0]);
    bool asked_six = interface->ipv6_count && list_has_text(balancer->asked_addresses, balancer->asked_count,
                                                            interface->ipv6_addresses[0]);
    if (!elastic && !asked && !asked_six)
        return;
    put_open(out, "member");
    if (elastic) {
        put_text(out, "IpAddress", elastic->address);
        put_text(out, "AllocationId", elastic->resource.id);
    }
    put_text(out, "PrivateIPv4Address", asked ? interface->addresses[0] : NULL);
    put_text(out, "IPv6Address", asked_six ? interface->ipv6_addresses[0] : NULL);
    put_close(out, "member");
}

void put_balancer_zones(struct buffer *out, const struct balancer *balancer)
{
    put_open(out, "AvailabilityZones");
    for (size_t i = 0; i < balancer->subnet_count; i++) {
        const struct interface *interface = balancer_interface(balancer, i);
        put_open(out, "member");
        put_text(out, "ZoneName", interface ? interface->zone : NULL);
        put_text(out, "SubnetId", balancer->subnets[i]);
        put_open(out, "LoadBalancerAddresses");
        if (interface)
            put_zone_addresses(out, balancer, interface);
        put_close(out, "LoadBalancerAddresses");
        put_close(out, "member");
    }
    put_close(out, "AvailabilityZones");
}

void balancer_write(struct buffer *out, const struct resource *resource)
{
    const struct balancer *balancer = of(resource);
    put_text(out, "LoadBalancerArn", resource->id);
    put_text(out, "DNSName", balancer->dns_name);
    put_text(out, "CanonicalHostedZoneId", "Z26RNL4JYFTOTI"); /* us-east-1's zone of Network Load Balancers */
    put_time(out, "CreatedTime", resource->created_ms);
    put_text(out, "LoadBalancerName", balancer->name);
    put_text(out, "Scheme", balancer->scheme);
    put_text(out, "VpcId", balancer->vpc_id);
    put_open(out, "State");
    put_text(out, "Code", balancer->seen ? "active" : "provisioning");
    put_close(out, "State");
    put_text(out, "Type", "network");
    put_balancer_zones(out, balancer);
    if (balancer->group_count)
        put_texts(out, "SecurityGroups", "member", balancer->groups, balancer->group_count);
    if (balancer->group_count)
        put_text(out, "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
                 balancer->links_unruled ? "off" : "on");
    put_text(out, "IpAddressType", balancer->ip_address_type);
}

static void balancer_context(struct context *context, const struct resource *resource)
{
    const struct balancer *balancer = of(resource);
    context_add(context, "elasticloadbalancing:Scheme", balancer->scheme);
    for (size_t i = 0; i < balancer->subnet_count; i++)
        context_add(context, "elasticloadbalancing:Subnet", balancer->subnets[i]);
}

const struct kind balancer_kind = {
    .number = KIND_BALANCER,
    .type = "loadbalancer",
    .prefix = "arn:loadbalancer/net",
    .parameter = "LoadBalancerArns.member",
    .missing = "LoadBalancerNotFound",
    .record = &balancer_record,
    .write = balancer_write,
    .context = balancer_context,
};

static const char *name_of(const struct resource *resource)
{
    return of(resource)->name;
}

int balancer_describe(struct call *call, struct error *err)
{
    return elb_describe(call, &balancer_kind, "LoadBalancers", "LoadBalancerArns", "Names", name_of, NULL,
                        err);
}

static void put_balancer_attributes(struct call *call, const struct balancer *balancer)
{
    put_attributes(&call->answer, balancer_attributes, balancer->attributes, balancer->attribute_count);
}

/* An internal load balancer is closed to the internet unless it says otherwise; one that faces it has no such
 * attribute. */
static int settle_attributes(struct call *call, struct balancer *balancer)
{
    const char *deny = attribute_value(balancer_attributes, balancer->attributes, balancer->attribute_count,
                                       "ipv6.deny_all_igw_traffic");
    if (!deny && text_equal(balancer->ip_address_type, "dualstack")) {
        struct tag *attribute =
            list_add(&balancer->attributes, &balancer->attribute_count, sizeof *attribute);
        attribute->key = memory_strdup("ipv6.deny_all_igw_traffic");
        attribute->value = memory_strdup(text_equal(balancer->scheme, "internal") ? "true" : "false");
    }
    put_balancer_attributes(call, balancer);
    return 0;
}

int balancer_describe_attributes(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "LoadBalancerArn", &arn, err) < 0)
        return -1;
    struct balancer *balancer = resource_find(call->region, call->account, &balancer_kind, arn);
    return balancer ? settle_attributes(call, balancer) : elb_missing(call, &balancer_kind, arn, err);
}

int balancer_modify_attributes(struct call *call, struct error *err)
{
    struct balancer *balancer;
    if (elb_target(call, &balancer_kind, "LoadBalancerArn", &balancer, err) < 0 ||
        attributes_take(call, balancer_attributes, &balancer->attributes, &balancer->attribute_count, err) <
            0)
        return -1;
    balancer_changed(call->region, balancer);
    return settle_attributes(call, balancer);
}

int balancer_capacity(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "LoadBalancerArn", &arn, err) < 0)
        return -1;
    if (!resource_find(call->region, call->account, &balancer_kind, arn))
        return elb_missing(call, &balancer_kind, arn, err);
    buffer_text(&call->answer,
                "<DecreaseRequestsRemaining>2</DecreaseRequestsRemaining><CapacityReservationState/>");
    return 0;
}

bool balancer_has_ipv6_targets(const struct balancer *balancer)
{
    for_each_resource(struct listener, listener, balancer->resource.account, &listener_kind) {
        const struct target_group *group = resource_find(
            balancer->resource.region, balancer->resource.account, &target_group_kind, listener->group_arn);
        if (text_equal(listener->balancer_arn, balancer->resource.id) && group &&
            text_equal(group->ip_address_type, "ipv6"))
            return true;
    }
    return false;
}
