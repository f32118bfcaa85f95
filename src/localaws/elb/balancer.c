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
    FIELD_LIST(struct balancer, groups, group_count, "groups", OPTIONAL, 16, &text_record, "security groups"),
    FIELD_LIST(struct balancer, attributes, attribute_count, "attributes", OPTIONAL, 32, &tag_record,
               "that were set"),
    FIELD_BOOL(struct balancer, seen, "seen", OPTIONAL, "no longer provisioning"),
    FIELD_END,
};
static const struct record balancer_record = {"balancer", sizeof(struct balancer), balancer_fields};

static const struct balancer *of(const struct resource *resource)
{
    return (const struct balancer *)(const void *)resource;
}

static struct interface *interface_of(const struct balancer *balancer, size_t at)
{
    return resource_find(balancer->resource.region, balancer->resource.account, &interface_kind,
                         balancer->interfaces[at]);
}

static void put_zones(struct buffer *out, const struct balancer *balancer)
{
    put_open(out, "AvailabilityZones");
    for (size_t i = 0; i < balancer->subnet_count; i++) {
        const struct interface *interface = interface_of(balancer, i);
        put_open(out, "member");
        put_text(out, "ZoneName", interface ? interface->zone : NULL);
        put_text(out, "SubnetId", balancer->subnets[i]);
        buffer_text(out, "<LoadBalancerAddresses/>");
        put_close(out, "member");
    }
    put_close(out, "AvailabilityZones");
}

static void balancer_write(struct buffer *out, const struct resource *resource)
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
    put_zones(out, balancer);
    if (balancer->group_count)
        put_texts(out, "SecurityGroups", "member", balancer->groups, balancer->group_count);
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

/* Subnets.member.N or SubnetMappings.member.N.SubnetId: all of one VPC, each of another zone. */
static int take_subnets(struct call *call, struct balancer *draft, struct error *err)
{
    size_t count;
    const char **ids = call_list(call, "Subnets.member", &count);
    if (!count) {
        while (call_parameter(call, "SubnetMappings.member.%zu.SubnetId", count + 1))
            count++;
        ids = arena_alloc(call->arena, (count + 1) * sizeof *ids);
        for (size_t i = 0; i < count; i++)
            ids[i] = call_parameter(call, "SubnetMappings.member.%zu.SubnetId", i + 1);
    }
    if (!count)
        return call_fail(call, err, 400, "ValidationError", "At least one subnet must be specified");
    draft->subnets = arena_alloc(call->arena, count * sizeof *draft->subnets);
    for (size_t i = 0; i < count; i++) {
        struct subnet *subnet = resource_find(call->region, call->account, &subnet_kind, ids[i]);
        if (!subnet)
            return call_fail(call, err, 400, "SubnetNotFound", "The subnet ID '%s' does not exist", ids[i]);
        if (draft->vpc_id && !text_equal(draft->vpc_id, subnet->vpc_id))
            return call_fail(call, err, 400, "InvalidConfigurationRequest", "The subnets are not of one VPC");
        if (text_equal(draft->ip_address_type, "dualstack") && !subnet->ipv6_cidr)
            return call_fail(call, err, 400, "InvalidSubnet",
                             "You must specify subnets with an associated IPv6 CIDR block");
        for (size_t j = 0; j < i; j++)
            if (text_equal(((struct subnet *)resource_find(call->region, call->account, &subnet_kind,
                                                           draft->subnets[j]))
                               ->zone,
                           subnet->zone))
                return call_fail(
                    call, err, 400, "InvalidConfigurationRequest",
                    "A load balancer cannot be attached to multiple subnets in the same Availability Zone");
        draft->vpc_id = subnet->vpc_id;
        draft->subnets[draft->subnet_count++] = subnet->resource.id;
    }
    return 0;
}

static int take_security_groups(struct call *call, struct balancer *draft, struct error *err)
{
    size_t count;
    const char **ids = call_list(call, "SecurityGroups.member", &count);
    draft->groups = arena_alloc(call->arena, (count + 1) * sizeof *draft->groups);
    for (size_t i = 0; i < count; i++) {
        struct group *group = resource_find(call->region, call->account, &group_kind, ids[i]);
        if (!group || !text_equal(group->vpc_id, draft->vpc_id))
            return call_fail(call, err, 400, "InvalidSecurityGroup",
                             "One or more security groups are invalid: %s", ids[i]);
        draft->groups[draft->group_count++] = group->resource.id;
    }
    return 0;
}

static int take_form(struct call *call, struct balancer *draft, struct error *err)
{
    const char *name, *type = call_parameter(call, "Type"), *scheme = call_parameter(call, "Scheme");
    const char *family = call_parameter(call, "IpAddressType");
    if (call_required(call, "Name", &name, err) < 0 || elb_check_name(call, name, err) < 0)
        return -1;
    if (!text_equal(type, "network"))
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "This region has load balancers of type network only");
    if (scheme && !text_equal(scheme, "internal") && !text_equal(scheme, "internet-facing"))
        return call_fail(call, err, 400, "InvalidScheme", "The requested scheme '%s' is not valid", scheme);
    if (family && !text_equal(family, "ipv4") && !text_equal(family, "dualstack"))
        return call_fail(call, err, 400, "ValidationError", "The IP address type '%s' is not valid", family);
    draft->name = arena_strdup(call->arena, name);
    draft->scheme = arena_strdup(call->arena, scheme ? scheme : "internet-facing");
    draft->ip_address_type = arena_strdup(call->arena, family ? family : "ipv4");
    return 0;
}

static struct balancer *by_name(struct account *account, const char *name)
{
    for_each_resource(struct balancer, balancer, account, &balancer_kind)
        if (text_equal(balancer->name, name))
            return balancer;
    return NULL;
}

static int add_interface(struct call *call, struct balancer *balancer, const char *subnet_id, const char *hex,
                         struct error *err)
{
    struct interface *interface;
    struct subnet *subnet = resource_find(call->region, call->account, &subnet_kind, subnet_id);
    const char **groups = arena_alloc(call->arena, (balancer->group_count + 1) * sizeof *groups);
    for (size_t i = 0; i < balancer->group_count; i++)
        groups[i] = balancer->groups[i];
    struct interface_order order = {
        .subnet = subnet,
        .groups = groups,
        .no_groups = true,
        .type = "network_load_balancer",
        .requester = "amazon-elb",
        .ipv6_count = text_equal(balancer->ip_address_type, "dualstack"),
        .owner = balancer->plane_name,
        .description = arena_format(call->arena, "ELB net/%s/%s", balancer->name, hex),
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    list_add_text(&balancer->interfaces, &balancer->interface_count, interface->resource.id);
    return 0;
}

static void remove_interfaces(struct region *region, struct balancer *balancer)
{
    for (size_t i = 0; i < balancer->interface_count; i++) {
        struct interface *interface = interface_of(balancer, i);
        if (interface)
            resource_remove(region, &interface->resource);
    }
    list_clear(&text_record, &balancer->interfaces, &balancer->interface_count);
}

static int answer_balancer(struct call *call, struct balancer *balancer)
{
    buffer_text(&call->answer, "<LoadBalancers><member>");
    balancer_write(&call->answer, &balancer->resource);
    buffer_text(&call->answer, "</member></LoadBalancers>");
    balancer->seen = true;
    return 0;
}

/* As on AWS creating again what is there, the same, answers with what is there. */
static int answer_present(struct call *call, struct balancer *present, const struct balancer *draft,
                          struct error *err)
{
    bool same = text_equal(present->scheme, draft->scheme) &&
                text_equal(present->ip_address_type, draft->ip_address_type) &&
                present->subnet_count == draft->subnet_count;
    for (size_t i = 0; same && i < draft->subnet_count; i++)
        same = list_has_text(present->subnets, present->subnet_count, draft->subnets[i]);
    if (!same)
        return call_fail(call, err, 400, "DuplicateLoadBalancerName",
                         "A load balancer with the same name '%s' exists, but with different settings",
                         draft->name);
    return answer_balancer(call, present);
}

int balancer_create(struct call *call, struct error *err)
{
    struct balancer draft = {0};
    if (take_form(call, &draft, err) < 0 || take_subnets(call, &draft, err) < 0 ||
        take_security_groups(call, &draft, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.resource.tags, &draft.resource.tag_count, err) < 0 ||
        creation_authorize(call, &balancer_kind, &draft.resource, err) < 0)
        return -1;
    struct balancer *present = by_name(call->account, draft.name);
    if (present)
        return answer_present(call, present, &draft, err);
    const char *hex = elb_hex(call->arena);
    draft.resource.id = arena_format(call->arena, "arn:aws:elasticloadbalancing:%s:%s:loadbalancer/net/%s/%s",
                                     call->region->name, call->account->id, draft.name, hex);
    draft.dns_name =
        arena_format(call->arena, "%s-%s.elb.%s.amazonaws.com", draft.name, hex, call->region->name);
    draft.plane_name = arena_format(call->arena, "%s-%.8s", draft.name, hex);
    struct balancer *balancer = resource_add(call->region, call->account, &balancer_kind, &draft);
    for (size_t i = 0; i < balancer->subnet_count; i++)
        if (add_interface(call, balancer, balancer->subnets[i], hex, err) < 0) {
            remove_interfaces(call->region, balancer);
            resource_remove(call->region, &balancer->resource);
            return -1;
        }
    balancer_changed(call->region, balancer);
    return answer_balancer(call, balancer);
}

/* Deleting one that is not there succeeds, as on AWS. */
int balancer_delete(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "LoadBalancerArn", &arn, err) < 0)
        return -1;
    struct balancer *balancer = resource_find(call->region, call->account, &balancer_kind, arn);
    if (!balancer)
        return 0;
    if (resource_authorize(call, &balancer->resource, NULL, 0, err) < 0)
        return -1;
    if (text_equal(attribute_value(balancer_attributes, balancer->attributes, balancer->attribute_count,
                                   "deletion_protection.enabled"),
                   "true"))
        return call_fail(call, err, 400, "OperationNotPermitted",
                         "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn);
    for (struct resource *item = resources_of(call->account, &listener_kind)->first, *next; item;
         item = next) {
        next = item->next;
        if (text_equal(((struct listener *)(void *)item)->balancer_arn, balancer->resource.id))
            resource_remove(call->region, item);
    }
    char *vpc_id = arena_strdup(call->arena, balancer->vpc_id);
    balancer_gone(call->region, balancer);
    remove_interfaces(call->region, balancer);
    resource_remove(call->region, &balancer->resource);
    vpc_changed(call->region, call->account, vpc_id);
    return 0;
}

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

int balancer_set_groups(struct call *call, struct error *err)
{
    struct balancer *balancer;
    if (elb_target(call, &balancer_kind, "LoadBalancerArn", &balancer, err) < 0)
        return -1;
    struct balancer draft = {.vpc_id = balancer->vpc_id};
    if (take_security_groups(call, &draft, err) < 0)
        return -1;
    list_clear(&text_record, &balancer->groups, &balancer->group_count);
    for (size_t i = 0; i < draft.group_count; i++)
        list_add_text(&balancer->groups, &balancer->group_count, draft.groups[i]);
    for (size_t i = 0; i < balancer->interface_count; i++) {
        struct interface *interface = interface_of(balancer, i);
        if (!interface)
            continue;
        list_clear(&text_record, &interface->groups, &interface->group_count);
        for (size_t j = 0; j < balancer->group_count; j++)
            list_add_text(&interface->groups, &interface->group_count, balancer->groups[j]);
    }
    region_changed(call->region);
    balancer_changed(call->region, balancer);
    put_texts(&call->answer, "SecurityGroupIds", "member", balancer->groups, balancer->group_count);
    return 0;
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
