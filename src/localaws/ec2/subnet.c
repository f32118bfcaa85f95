#include "localaws/ec2/cidr.h"
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

#include <string.h>

static const struct field subnet_fields[] = {
    RESOURCE_FIELDS(struct subnet),
    FIELD_TEXT(struct subnet, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct subnet, zone, "zone", REQUIRED, 64, NULL, "availability zone"),
    FIELD_TEXT(struct subnet, zone_id, "zoneId", REQUIRED, 64, NULL, "and its id"),
    FIELD_TEXT(struct subnet, cidr, "cidr", REQUIRED, 64, NULL, "IPv4 block"),
    FIELD_TEXT(struct subnet, ipv6_cidr, "ipv6Cidr", OPTIONAL, 64, NULL, "IPv6 block, a /64"),
    FIELD_TEXT(struct subnet, ipv6_association, "ipv6Association", OPTIONAL, 64, NULL,
               "id of that association"),
    FIELD_BOOL(struct subnet, ipv6_on_creation, "ipv6OnCreation", OPTIONAL,
               "interfaces get an IPv6 address unasked"),
    FIELD_BOOL(struct subnet, public_on_launch, "publicOnLaunch", OPTIONAL,
               "instances would get a public IPv4 address"),
    FIELD_BOOL(struct subnet, name_dns_a, "nameDnsA", OPTIONAL, "A records for resource names"),
    FIELD_BOOL(struct subnet, name_dns_aaaa, "nameDnsAaaa", OPTIONAL, "AAAA records for resource names"),
    FIELD_BOOL(struct subnet, dns64, "dns64", OPTIONAL, "DNS64"),
    FIELD_INTEGER(struct subnet, next_address, "nextAddress", OPTIONAL, 0, 9e15,
                  "where to look for a free address"),
    FIELD_END,
};
static const struct record subnet_record = {"subnet", sizeof(struct subnet), subnet_fields};

static const struct filter subnet_filters[] = {
    FILTER_TEXT("subnet-id", struct subnet, resource.id),
    FILTER_TEXT("vpc-id", struct subnet, vpc_id),
    FILTER_TEXT("availability-zone", struct subnet, zone),
    FILTER_TEXT("availabilityZone", struct subnet, zone),
    FILTER_TEXT("availability-zone-id", struct subnet, zone_id),
    FILTER_TEXT("cidr-block", struct subnet, cidr),
    FILTER_TEXT("cidr", struct subnet, cidr),
    FILTER_TEXT("ipv6-cidr-block-association.ipv6-cidr-block", struct subnet, ipv6_cidr),
    FILTER_TEXT("ipv6-cidr-block-association.association-id", struct subnet, ipv6_association),
    FILTER_BOOL("map-public-ip-on-launch", struct subnet, public_on_launch),
    FILTER_END,
};

static void put_ipv6_association(struct buffer *out, const struct subnet *subnet)
{
    put_text(out, "associationId", subnet->ipv6_association);
    put_text(out, "ipv6CidrBlock", subnet->ipv6_cidr);
    buffer_text(out, "<ipv6CidrBlockState><state>associated</state></ipv6CidrBlockState>");
}

static void subnet_write(struct buffer *out, const struct resource *resource)
{
    const struct subnet *subnet = (const struct subnet *)(const void *)resource;
    put_text(out, "subnetId", resource->id);
    put_text(out, "state", "available");
    put_text(out, "ownerId", resource->account->id);
    put_text(out, "vpcId", subnet->vpc_id);
    put_text(out, "cidrBlock", subnet->cidr);
    put_open(out, "ipv6CidrBlockAssociationSet");
    if (subnet->ipv6_cidr) {
        put_open(out, "item");
        put_ipv6_association(out, subnet);
        put_close(out, "item");
    }
    put_close(out, "ipv6CidrBlockAssociationSet");
    put_number(out, "availableIpAddressCount", (int64_t)subnet_free_addresses(subnet));
    put_text(out, "availabilityZone", subnet->zone);
    put_text(out, "availabilityZoneId", subnet->zone_id);
    put_bool(out, "defaultForAz", false);
    put_bool(out, "mapPublicIpOnLaunch", subnet->public_on_launch);
    put_bool(out, "assignIpv6AddressOnCreation", subnet->ipv6_on_creation);
    put_bool(out, "enableDns64", subnet->dns64);
    put_bool(out, "ipv6Native", false);
    buffer_text(out, "<privateDnsNameOptionsOnLaunch><hostnameType>ip-name</hostnameType>");
    put_bool(out, "enableResourceNameDnsARecord", subnet->name_dns_a);
    put_bool(out, "enableResourceNameDnsAAAARecord", subnet->name_dns_aaaa);
    buffer_text(out, "</privateDnsNameOptionsOnLaunch>");
    put_tags(out, resource);
    buffer_text(out, "<subnetArn>arn:aws:ec2:");
    buffer_append(out, subnet->zone, strlen(subnet->zone) - 1); /* the region: the zone without its letter */
    buffer_format(out, ":%s:subnet/%s</subnetArn>", resource->account->id, resource->id);
}

static void subnet_context(struct context *context, const struct resource *resource)
{
    const struct subnet *subnet = (const struct subnet *)(const void *)resource;
    context_add_arn(context, "ec2:Vpc", "vpc", subnet->vpc_id);
    context_add(context, "ec2:AvailabilityZone", subnet->zone);
    if (resource->id)
        context_add(context, "ec2:SubnetID", resource->id);
}

const struct kind subnet_kind = {
    .number = KIND_SUBNET,
    .type = "subnet",
    .prefix = "subnet",
    .parameter = "SubnetId",
    .missing = "InvalidSubnetID.NotFound",
    .set = "subnetSet",
    .record = &subnet_record,
    .filters = subnet_filters,
    .write = subnet_write,
    .context = subnet_context,
};

static bool within_vpc(struct call *call, const struct vpc *vpc, const struct cidr *block)
{
    struct cidr outer;
    for (const char *const *cidr = vpc_cidrs(vpc, call->arena); *cidr; cidr++)
        if (cidr_parse(*cidr, &outer) && cidr_contains(&outer, block))
            return true;
    return false;
}

/* A block for a new subnet: inside one of the VPC's and clear of every other subnet's. */
static int check_block(struct call *call, const char *text, const struct cidr *block, const struct vpc *vpc,
                       struct error *err)
{
    struct cidr other;
    const char *vpc_id = vpc->resource.id;
    if (!within_vpc(call, vpc, block))
        return call_fail(call, err, 400, "InvalidSubnet.Range", "The CIDR '%s' is invalid for the VPC '%s'.",
                         text, vpc_id);
    for_each_resource(struct subnet, subnet, call->account, &subnet_kind)
        if (text_equal(subnet->vpc_id, vpc_id) &&
            ((cidr_parse(subnet->cidr, &other) && cidr_overlaps(&other, block)) ||
             (subnet->ipv6_cidr && cidr_parse(subnet->ipv6_cidr, &other) && cidr_overlaps(&other, block))))
            return call_fail(call, err, 400, "InvalidSubnet.Conflict",
                             "The CIDR '%s' conflicts with another subnet", text);
    return 0;
}

static int take_ipv4_block(struct call *call, const struct vpc *vpc, struct subnet *draft, struct error *err)
{
    const char *text;
    struct cidr block;
    if (call_required(call, "CidrBlock", &text, err) < 0)
        return -1;
    if (!cidr_parse(text, &block) || strchr(text, ':') || block.prefix < 16 || block.prefix > 28)
        return call_fail(call, err, 400, "InvalidSubnet.Range", "The CIDR '%s' is invalid.", text);
    draft->cidr = cidr_text(call->arena, &block);
    return check_block(call, text, &block, vpc, err);
}

static int take_ipv6_block(struct call *call, const struct vpc *vpc, const char *text, struct cidr *block,
                           struct error *err)
{
    if (!cidr_parse(text, block) || !strchr(text, ':') || block->prefix != 64)
        return call_fail(call, err, 400, "InvalidSubnet.Range", "The IPv6 CIDR '%s' is not a /64.", text);
    return check_block(call, text, block, vpc, err);
}

static int choose_zone(struct call *call, struct subnet *draft, struct error *err)
{
    const char *id = call_parameter(call, "AvailabilityZoneId"),
               *zone = call_parameter(call, "AvailabilityZone");
    if (id)
        zone = zone_of_id(call->region, call->arena, id);
    else if (!zone)
        zone = zone_at(call->region, call->arena, 0);
    const char *zone_id = zone ? zone_id_of(call->region, call->arena, zone) : NULL;
    if (!zone_id)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter availabilityZone is invalid. Subnets can be created in "
                         "the zones of %s.",
                         id ? id : zone, call->region->name);
    draft->zone = arena_strdup(call->arena, zone);
    draft->zone_id = arena_strdup(call->arena, zone_id);
    return 0;
}

int subnet_create(struct call *call, struct error *err)
{
    struct vpc *vpc;
    struct subnet draft = {0};
    if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
        take_ipv4_block(call, vpc, &draft, err) < 0 || choose_zone(call, &draft, err) < 0 ||
        call_tags(call, "subnet", &draft.resource, err) < 0)
        return -1;
    const char *ipv6 = call_parameter(call, "Ipv6CidrBlock");
    if (ipv6) {
        struct cidr block;
        if (take_ipv6_block(call, vpc, ipv6, &block, err) < 0)
            return -1;
        draft.ipv6_cidr = cidr_text(call->arena, &block);
        draft.ipv6_association = region_identifier(call->region, call->arena, "subnet-cidr-assoc");
    }
    draft.vpc_id = vpc->resource.id;
    if (creation_authorize(call, &subnet_kind, &draft.resource, err) < 0)
        return -1;
    struct subnet *subnet = resource_add(call->region, call->account, &subnet_kind, &draft);
    acl_associate(call->region, acl_default(call->account, subnet->vpc_id), subnet->resource.id);
    vpc_changed(call->region, call->account, subnet->vpc_id);
    put_open(&call->answer, "subnet");
    subnet_write(&call->answer, &subnet->resource);
    put_close(&call->answer, "subnet");
    return 0;
}

int subnet_delete(struct call *call, struct error *err)
{
    struct subnet *subnet;
    if (resource_target(call, &subnet_kind, "SubnetId", &subnet, err) < 0)
        return -1;
    const char *id = subnet->resource.id;
    for_each_resource(struct interface, interface, call->account, &interface_kind)
        if (text_equal(interface->subnet_id, id))
            return call_fail(call, err, 400, "DependencyViolation",
                             "The subnet '%s' has dependencies and cannot "
                             "be deleted: network interface %s is in it.",
                             id, interface->resource.id);
    route_table_forget_subnet(call->account, id);
    acl_forget_subnet(call->account, id);
    char *vpc_id = arena_strdup(call->arena, subnet->vpc_id);
    resource_remove(call->region, &subnet->resource);
    vpc_changed(call->region, call->account, vpc_id);
    put_true(call);
    return 0;
}

int subnet_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &subnet_kind, err);
}

static const struct subnet_attribute {
    const char *parameter;
    size_t offset;
} subnet_attributes[] = {
    {"AssignIpv6AddressOnCreation.Value", offsetof(struct subnet, ipv6_on_creation)},
    {"MapPublicIpOnLaunch.Value", offsetof(struct subnet, public_on_launch)},
    {"EnableDns64.Value", offsetof(struct subnet, dns64)},
    {"EnableResourceNameDnsARecordOnLaunch.Value", offsetof(struct subnet, name_dns_a)},
    {"EnableResourceNameDnsAAAARecordOnLaunch.Value", offsetof(struct subnet, name_dns_aaaa)},
};

int subnet_modify_attribute(struct call *call, struct error *err)
{
    struct subnet *subnet;
    if (resource_target(call, &subnet_kind, "SubnetId", &subnet, err) < 0)
        return -1;
    if (call_true(call, "AssignIpv6AddressOnCreation.Value") && !subnet->ipv6_cidr)
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "You must associate an IPv6 CIDR block with subnet %s first", subnet->resource.id);
    for (size_t i = 0; i < COUNT_OF(subnet_attributes); i++)
        if (call_parameter(call, "%s", subnet_attributes[i].parameter))
            *(bool *)(void *)((char *)subnet + subnet_attributes[i].offset) =
                call_true(call, subnet_attributes[i].parameter);
    region_changed(call->region);
    put_true(call);
    return 0;
}

int subnet_associate_cidr(struct call *call, struct error *err)
{
    struct subnet *subnet;
    const char *text;
    struct cidr block;
    if (resource_target(call, &subnet_kind, "SubnetId", &subnet, err) < 0 ||
        call_required(call, "Ipv6CidrBlock", &text, err) < 0)
        return -1;
    if (subnet->ipv6_cidr)
        return call_fail(call, err, 400, "InvalidSubnet.Conflict", "Subnet %s has an IPv6 CIDR block",
                         subnet->resource.id);
    struct vpc *vpc = resource_find(call->region, call->account, &vpc_kind, subnet->vpc_id);
    if (take_ipv6_block(call, vpc, text, &block, err) < 0)
        return -1;
    text_replace(&subnet->ipv6_cidr, cidr_text(call->arena, &block));
    text_replace(&subnet->ipv6_association,
                 region_identifier(call->region, call->arena, "subnet-cidr-assoc"));
    vpc_changed(call->region, call->account, subnet->vpc_id);
    put_text(&call->answer, "subnetId", subnet->resource.id);
    put_open(&call->answer, "ipv6CidrBlockAssociation");
    put_ipv6_association(&call->answer, subnet);
    put_close(&call->answer, "ipv6CidrBlockAssociation");
    return 0;
}

int subnet_disassociate_cidr(struct call *call, struct error *err)
{
    const char *id;
    if (call_required(call, "AssociationId", &id, err) < 0)
        return -1;
    for_each_resource(struct subnet, subnet, call->account, &subnet_kind) {
        if (!text_equal(subnet->ipv6_association, id))
            continue;
        if (resource_authorize(call, &subnet->resource, NULL, 0, err) < 0)
            return -1;
        put_text(&call->answer, "subnetId", subnet->resource.id);
        text_replace(&subnet->ipv6_cidr, NULL);
        text_replace(&subnet->ipv6_association, NULL);
        subnet->ipv6_on_creation = false;
        vpc_changed(call->region, call->account, subnet->vpc_id);
        return 0;
    }
    return call_fail(call, err, 400, "InvalidSubnetCidrBlockAssociationID.NotFound",
                     "The subnet CIDR block association ID '%s' does not exist", id);
}
