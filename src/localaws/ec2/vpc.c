#include "localaws/ec2/vpc.h"
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

#include <string.h>

static const struct field vpc_block_fields[] = {
    FIELD_TEXT(struct vpc_block, association, "association", REQUIRED, 64, NULL, "id of the association"),
    FIELD_TEXT(struct vpc_block, cidr, "cidr", REQUIRED, 64, NULL, "IPv4 block"),
    FIELD_END,
};
const struct record vpc_block_record = {"vpcBlock", sizeof(struct vpc_block), vpc_block_fields};

static const struct field vpc_fields[] = {
    RESOURCE_FIELDS(struct vpc),
    FIELD_TEXT(struct vpc, cidr, "cidr", REQUIRED, 64, NULL, "IPv4 block"),
    FIELD_LIST(struct vpc, blocks, block_count, "moreCidrs", OPTIONAL, MOST_BLOCKS, &vpc_block_record,
               "further IPv4 blocks"),
    FIELD_TEXT(struct vpc, ipv6_cidr, "ipv6Cidr", OPTIONAL, 64, NULL, "IPv6 block"),
    FIELD_TEXT(struct vpc, cidr_association, "cidrAssociation", REQUIRED, 64, NULL,
               "id of the IPv4 association"),
    FIELD_TEXT(struct vpc, ipv6_association, "ipv6Association", OPTIONAL, 64, NULL,
               "id of the IPv6 association"),
    FIELD_TEXT(struct vpc, dhcp_options_id, "dhcpOptions", OPTIONAL, 64, NULL, "its DHCP options set"),
    FIELD_TEXT(struct vpc, tenancy, "tenancy", REQUIRED, 16, NULL, "instance tenancy"),
    FIELD_BOOL(struct vpc, dns_support, "dnsSupport", OPTIONAL, "the VPC has a resolver"),
    FIELD_BOOL(struct vpc, dns_hostnames, "dnsHostnames", OPTIONAL, "instances get DNS names"),
    FIELD_BOOL(struct vpc, usage_metrics, "usageMetrics", OPTIONAL, "network address usage metrics"),
    FIELD_END,
};
static const struct record vpc_record = {"vpc", sizeof(struct vpc), vpc_fields};

static const struct vpc *of(const struct resource *resource)
{
    return (const struct vpc *)(const void *)resource;
}

static bool filter_block(const struct resource *resource, const struct wanted *wanted)
{
    const struct vpc *vpc = of(resource);
    for (size_t i = 0; i < vpc->block_count; i++)
        if (wanted_has(wanted, vpc->blocks[i].cidr))
            return true;
    return wanted_has(wanted, vpc->cidr);
}

static bool filter_block_association(const struct resource *resource, const struct wanted *wanted)
{
    const struct vpc *vpc = of(resource);
    for (size_t i = 0; i < vpc->block_count; i++)
        if (wanted_has(wanted, vpc->blocks[i].association))
            return true;
    return wanted_has(wanted, vpc->cidr_association);
}

static const struct filter vpc_filters[] = {
    FILTER_TEXT("vpc-id", struct vpc, resource.id),
    FILTER_TEXT("cidr", struct vpc, cidr),
    FILTER_TEXT("dhcp-options-id", struct vpc, dhcp_options_id),
    FILTER_TEXT("cidr-block", struct vpc, cidr),
    FILTER_CALL("cidr-block-association.cidr-block", filter_block),
    FILTER_CALL("cidr-block-association.association-id", filter_block_association),
    FILTER_TEXT("ipv6-cidr-block-association.association-id", struct vpc, ipv6_association),
    FILTER_TEXT("ipv6-cidr-block-association.ipv6-cidr-block", struct vpc, ipv6_cidr),
    FILTER_END,
};

void vpc_put_ipv6_block(struct buffer *out, const char *element, const struct vpc *vpc)
{
    put_open(out, element);
    put_text(out, "associationId", vpc->ipv6_association);
    put_text(out, "ipv6CidrBlock", vpc->ipv6_cidr);
    buffer_text(out, "<ipv6CidrBlockState><state>associated</state></ipv6CidrBlockState>");
    put_text(out, "ipv6Pool", "Amazon");
    put_close(out, element);
}

void vpc_put_block(struct buffer *out, const char *element, const char *association, const char *cidr)
{
    put_open(out, element);
    put_text(out, "associationId", association);
    put_text(out, "cidrBlock", cidr);
    buffer_text(out, "<cidrBlockState><state>associated</state></cidrBlockState>");
    put_close(out, element);
}

static void vpc_write(struct buffer *out, const struct resource *resource)
{
    const struct vpc *vpc = (const struct vpc *)(const void *)resource;
    put_text(out, "vpcId", resource->id);
    put_text(out, "ownerId", resource->account->id);
    put_text(out, "state", "available");
    put_text(out, "cidrBlock", vpc->cidr);
    put_open(out, "cidrBlockAssociationSet");
    vpc_put_block(out, "item", vpc->cidr_association, vpc->cidr);
    for (size_t i = 0; i < vpc->block_count; i++)
        vpc_put_block(out, "item", vpc->blocks[i].association, vpc->blocks[i].cidr);
    put_close(out, "cidrBlockAssociationSet");
    put_open(out, "ipv6CidrBlockAssociationSet");
    if (vpc->ipv6_cidr)
        vpc_put_ipv6_block(out, "item", vpc);
    put_close(out, "ipv6CidrBlockAssociationSet");
    put_text(out, "dhcpOptionsId", vpc->dhcp_options_id ? vpc->dhcp_options_id : "default");
    put_text(out, "instanceTenancy", vpc->tenancy);
    put_bool(out, "isDefault", false);
    put_tags(out, resource);
}

const struct kind vpc_kind = {
    .number = KIND_VPC,
    .type = "vpc",
    .prefix = "vpc",
    .parameter = "VpcId",
    .missing = "InvalidVpcID.NotFound",
    .set = "vpcSet",
    .record = &vpc_record,
    .filters = vpc_filters,
    .write = vpc_write,
};

const char *const *vpc_cidrs(const struct vpc *vpc, struct arena *arena)
{
    size_t count = 0;
    const char **cidrs = arena_alloc(arena, (vpc->block_count + 3) * sizeof *cidrs);
    cidrs[count++] = vpc->cidr;
    for (size_t i = 0; i < vpc->block_count; i++)
        cidrs[count++] = vpc->blocks[i].cidr;
    cidrs[count] = vpc->ipv6_cidr;
    return cidrs;
}

bool vpc_block_valid(const char *text)
{
    struct cidr block;
    return cidr_parse(text, &block) && !strchr(text, ':') && block.prefix >= 16 && block.prefix <= 28;
}

int vpc_create(struct call *call, struct error *err)
{
    const char *cidr_given;
    struct cidr block;
    if (call_required(call, "CidrBlock", &cidr_given, err) < 0)
        return -1;
    if (!vpc_block_valid(cidr_given) || !cidr_parse(cidr_given, &block))
        return call_fail(call, err, 400, "InvalidVpc.Range", "The CIDR '%s' is invalid.", cidr_given);
    const char *tenancy = call_parameter(call, "InstanceTenancy");
    struct vpc draft = {
        .cidr = cidr_text(call->arena, &block),
        .cidr_association = region_identifier(call->region, call->arena, "vpc-cidr-assoc"),
        .tenancy = arena_strdup(call->arena, tenancy ? tenancy : "default"),
        .dns_support = true,
    };
    if (call_true(call, "AmazonProvidedIpv6CidrBlock")) {
        draft.ipv6_cidr = vpc_pick_ipv6_block(call->region, call->arena);
        draft.ipv6_association = region_identifier(call->region, call->arena, "vpc-cidr-assoc");
    }
    if (call_tags(call, "vpc", &draft.resource, err) < 0 ||
        creation_authorize(call, &vpc_kind, &draft.resource, err) < 0)
        return -1;
    struct vpc *vpc = resource_add(call->region, call->account, &vpc_kind, &draft);
    route_table_add_main(call->region, call->account, vpc);
    acl_add_default(call->region, call->account, vpc);
    group_add_default(call->region, call->account, vpc);
    vpc_changed(call->region, call->account, vpc->resource.id);
    put_open(&call->answer, "vpc");
    vpc_write(&call->answer, &vpc->resource);
    put_close(&call->answer, "vpc");
    return 0;
}

/* What a VPC must be empty of before it goes: everything but what came with it. */
static bool vpc_in_use(struct account *account, const char *id)
{
    for_each_resource(struct subnet, subnet, account, &subnet_kind)
        if (text_equal(subnet->vpc_id, id))
            return true;
    for_each_resource(struct internet_gateway, gateway, account, &internet_gateway_kind)
        if (text_equal(gateway->vpc_id, id))
            return true;
    for_each_resource(struct egress_gateway, gateway, account, &egress_gateway_kind)
        if (text_equal(gateway->vpc_id, id))
            return true;
    for_each_resource(struct endpoint, endpoint, account, &endpoint_kind)
        if (text_equal(endpoint->vpc_id, id))
            return true;
    for_each_resource(struct route_table, table, account, &route_table_kind)
        if (text_equal(table->vpc_id, id) && !table->main_association)
            return true;
    for_each_resource(struct acl, acl, account, &acl_kind)
        if (text_equal(acl->vpc_id, id) && !acl->is_default)
            return true;
    struct group *plain = group_default(account, id);
    for_each_resource(struct group, group, account, &group_kind)
        if (text_equal(group->vpc_id, id) && group != plain)
            return true;
    return false;
}

int vpc_delete(struct call *call, struct error *err)
{
    struct vpc *vpc;
    if (resource_target(call, &vpc_kind, "VpcId", &vpc, err) < 0)
        return -1;
    const char *id = vpc->resource.id;
    if (vpc_in_use(call->account, id))
        return call_fail(call, err, 400, "DependencyViolation",
                         "The vpc '%s' has dependencies and cannot be deleted.", id);
    vpc_gone(call->region, id);
    resource_remove(call->region, &route_table_main(call->account, id)->resource);
    resource_remove(call->region, &acl_default(call->account, id)->resource);
    resource_remove(call->region, &group_default(call->account, id)->resource);
    resource_remove(call->region, &vpc->resource);
    put_true(call);
    return 0;
}

/* VPCs here have no peers; who asks may know it. */
int vpc_describe_peerings(struct call *call, struct error *err)
{
    (void)err;
    put_open(&call->answer, "vpcPeeringConnectionSet");
    put_close(&call->answer, "vpcPeeringConnectionSet");
    return 0;
}

int vpc_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &vpc_kind, err);
}

/* The attributes of DescribeVpcAttribute and ModifyVpcAttribute. */
static const struct vpc_attribute {
    const char *name, *parameter;
    size_t offset;
} vpc_attributes[] = {
    {"enableDnsSupport", "EnableDnsSupport.Value", offsetof(struct vpc, dns_support)},
    {"enableDnsHostnames", "EnableDnsHostnames.Value", offsetof(struct vpc, dns_hostnames)},
    {"enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics.Value",
     offsetof(struct vpc, usage_metrics)},
};

static bool *attribute_of(struct vpc *vpc, const struct vpc_attribute *attribute)
{
    return (bool *)(void *)((char *)vpc + attribute->offset);
}

int vpc_describe_attribute(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *name;
    if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
        call_required(call, "Attribute", &name, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(vpc_attributes); i++)
        if (text_equal(name, vpc_attributes[i].name)) {
            put_text(&call->answer, "vpcId", vpc->resource.id);
            put_open(&call->answer, name);
            put_bool(&call->answer, "value", *attribute_of(vpc, &vpc_attributes[i]));
            put_close(&call->answer, name);
            return 0;
        }
    return call_fail(call, err, 400, "InvalidParameterValue",
                     "Value (%s) for parameter attribute is invalid.", name);
}

int vpc_modify_attribute(struct call *call, struct error *err)
{
    struct vpc *vpc;
    if (resource_target(call, &vpc_kind, "VpcId", &vpc, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(vpc_attributes); i++)
        if (call_parameter(call, "%s", vpc_attributes[i].parameter))
            *attribute_of(vpc, &vpc_attributes[i]) = call_true(call, vpc_attributes[i].parameter);
    region_changed(call->region);
    vpc_changed(call->region, call->account, vpc->resource.id);
    put_true(call);
    return 0;
}
