#include "localaws/ec2/to_plane.h"

#include "base/log.h"
#include "base/text.h"
#include "localaws/ec2/event.h"
#include "localaws/ec2/image.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/volume.h"
#include "localaws/elb/elb.h"
#include "localaws/plane/plane.h"

#include <string.h>

/* One VPC's wanted state, while it is put together. */
struct picture {
    struct region *region;
    struct account *account;
    struct arena *arena;
    const char *vpc_id;
};

static size_t count_in(const struct picture *picture, const struct kind *kind)
{
    return resources_of(picture->account, kind)->count;
}

/* A route leads to the internet only while the gateway it names is there and attached to this VPC. */
static enum plane_target target_of(const struct picture *picture, const char *target)
{
    struct internet_gateway *internet =
        resource_find(picture->region, picture->account, &internet_gateway_kind, target);
    struct egress_gateway *egress =
        resource_find(picture->region, picture->account, &egress_gateway_kind, target);
    if (internet && text_equal(internet->vpc_id, picture->vpc_id))
        return PLANE_INTERNET;
    if (egress && text_equal(egress->vpc_id, picture->vpc_id))
        return PLANE_EGRESS_ONLY;
    return PLANE_BLACKHOLE;
}

static void add_routes(const struct picture *picture, const struct subnet *subnet,
                       struct plane_subnet *wanted)
{
    const struct route_table *table = route_table_of_subnet(picture->account, subnet);
    if (!table)
        return;
    struct plane_route *routes = arena_alloc(picture->arena, (table->route_count + 1) * sizeof *routes);
    for (size_t i = 0; i < table->route_count; i++)
        if (!text_starts(table->routes[i].destination, "pl-"))
            routes[wanted->route_count++] = (struct plane_route){
                table->routes[i].destination, target_of(picture, table->routes[i].target), NULL};
    wanted->routes = routes;
}

static int by_number(const void *a, const void *b)
{
    return ((const struct plane_acl_rule *)a)->number - ((const struct plane_acl_rule *)b)->number;
}

static void add_acl_rules(const struct picture *picture, const struct subnet *subnet,
                          struct plane_subnet *wanted)
{
    const struct acl *acl = acl_of_subnet(picture->account, subnet->resource.id);
    if (!acl)
        return;
    struct plane_acl_rule *rules = arena_alloc(picture->arena, (acl->entry_count + 1) * sizeof *rules);
    for (size_t i = 0; i < acl->entry_count; i++) {
        const struct acl_entry *entry = &acl->entries[i];
        bool icmp = entry->protocol == 1 || entry->protocol == 58;
        rules[i] = (struct plane_acl_rule){
            .egress = entry->egress,
            .allow = entry->allow,
            .number = (int)entry->number,
            .protocol = (int)entry->protocol,
            .cidr = entry->cidr,
            .from_port = (int)(icmp ? entry->icmp_type : entry->from_port),
            .to_port = (int)(icmp ? entry->icmp_code : entry->to_port),
        };
    }
    wanted->acl_rules = rules;
    wanted->acl_rule_count = acl->entry_count;
    qsort(rules, acl->entry_count, sizeof *rules, by_number);
}

static void add_subnets(const struct picture *picture, struct plane_vpc *wanted)
{
    struct plane_subnet *subnets =
        arena_alloc(picture->arena, (count_in(picture, &subnet_kind) + 1) * sizeof *subnets);
    for_each_resource(struct subnet, subnet, picture->account, &subnet_kind) {
        if (!text_equal(subnet->vpc_id, picture->vpc_id))
            continue;
        struct plane_subnet *one = &subnets[wanted->subnet_count++];
        *one = (struct plane_subnet){
            .id = subnet->resource.id, .cidr = subnet->cidr, .ipv6_cidr = subnet->ipv6_cidr};
        add_routes(picture, subnet, one);
        add_acl_rules(picture, subnet, one);
    }
    wanted->subnets = subnets;
}

static int protocol_number(const char *protocol)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (text_equal(protocol, names[i].name))
            return names[i].number;
    int64_t number;
    return text_number(protocol, 0, 255, "protocol", &number, NULL) == 0 ? (int)number : -1;
}

static struct plane_group_rule plane_rule_of(const struct group_rule *rule)
{
    return (struct plane_group_rule){
        .egress = rule->egress,
        .protocol = protocol_number(rule->protocol),
        .cidr = rule->cidr,
        .source_group = rule->group_id,
        .from_port = (int)rule->from_port,
        .to_port = (int)rule->to_port,
    };
}

static struct plane_group group_of(const struct picture *picture, const struct group *group)
{
    struct plane_group wanted = {.id = group->resource.id};
    struct plane_group_rule *rules = arena_alloc(picture->arena, (group->rule_count + 1) * sizeof *rules);
    for (size_t i = 0; i < group->rule_count; i++)
        if (group->rules[i].cidr || group->rules[i].group_id) /* prefix lists lead nowhere here */
            rules[wanted.rule_count++] = plane_rule_of(&group->rules[i]);
    wanted.rules = rules;
    return wanted;
}

static void add_groups(const struct picture *picture, struct plane_vpc *wanted)
{
    struct plane_group *groups =
        arena_alloc(picture->arena, (count_in(picture, &group_kind) + 1) * sizeof *groups);
    for_each_resource(struct group, group, picture->account, &group_kind)
        if (text_equal(group->vpc_id, picture->vpc_id))
            groups[wanted->group_count++] = group_of(picture, group);
    wanted->groups = groups;
}

static void add_interface(const struct picture *picture, const struct interface *interface,
                          struct plane_interface *wanted)
{
    size_t count = 0;
    const char **addresses = arena_alloc(
        picture->arena, (interface->address_count + interface->ipv6_count + 1) * sizeof *addresses);
    for (size_t i = 0; i < interface->address_count; i++)
        addresses[count++] = interface->addresses[i];
    for (size_t i = 0; i < interface->ipv6_count; i++)
        addresses[count++] = interface->ipv6_addresses[i];
    const char **groups = arena_alloc(picture->arena, (interface->group_count + 2) * sizeof *groups);
    for (size_t i = 0; i < interface->group_count; i++)
        groups[i] = interface->groups[i];
    const struct balancer *balancer = text_equal(interface->type, "network_load_balancer")
                                          ? balancer_by_plane_name(picture->account, interface->owner)
                                          : NULL;
    *wanted = (struct plane_interface){
        .id = interface->resource.id,
        .subnet_id = interface->subnet_id,
        .mac = interface->mac,
        .owner = interface->owner,
        .addresses = addresses,
        .group_ids = groups,
        .source_check = interface->source_check,
        .balances = balancer != NULL,
        .closed = balancer && !balancer_open(balancer),
    };
}

/* An interface without an owner, or of an instance without processes, is a record only. */
static bool is_real(const struct picture *picture, const struct interface *interface)
{
    const struct instance *instance =
        resource_find(picture->region, picture->account, &instance_kind, interface->instance_id);
    return interface->owner && !(instance && instance->simulated);
}

static void add_interfaces(const struct picture *picture, struct plane_vpc *wanted)
{
    struct plane_interface *interfaces =
        arena_alloc(picture->arena, (count_in(picture, &interface_kind) + 1) * sizeof *interfaces);
    for_each_resource(struct interface, interface, picture->account, &interface_kind)
        if (text_equal(interface->vpc_id, picture->vpc_id) && is_real(picture, interface))
            add_interface(picture, interface, &interfaces[wanted->interface_count++]);
    wanted->interfaces = interfaces;
}

void vpc_changed(struct region *region, struct account *account, const char *vpc_id)
{
    const struct vpc *vpc = resource_find(region, account, &vpc_kind, vpc_id);
    if (!region->plane || !vpc)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct picture picture = {region, account, arena, vpc_id};
    const char *const cidrs[] = {vpc->cidr, vpc->ipv6_cidr, NULL};
    struct plane_vpc wanted = {.id = vpc->resource.id, .cidrs = cidrs};
    add_subnets(&picture, &wanted);
    add_groups(&picture, &wanted);
    add_interfaces(&picture, &wanted);
    plane_apply_vpc(region->plane, &wanted);
}

void vpc_gone(struct region *region, const char *vpc_id)
{
    if (region->plane)
        plane_remove_vpc(region->plane, vpc_id);
}

char *volume_path(struct arena *arena, const struct volume *volume)
{
    return arena_format(arena, "%s/volumes/%s.img", volume->resource.region->directory, volume->resource.id);
}

/* NULL for an instance without processes. */
static const struct image *image_of(const struct instance *instance, struct arena *arena)
{
    struct region *region = instance->resource.region;
    if (instance->simulated || instance->unbooted || !region->plane)
        return NULL;
    const struct image *image = image_find(region, arena, instance->image_id);
    return image && !image_is_simulated(image) ? image : NULL;
}

static const char *const *terminated_list(struct arena *arena, char **items, size_t count)
{
    const char **list = arena_alloc(arena, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = items[i];
    return list;
}

void instance_up(struct instance *instance, const unsigned char *volume_key)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct image *image = image_of(instance, arena);
    const struct volume *root = instance_root_volume(instance);
    if (!image) {
        instance_became(instance, INSTANCE_RUNNING);
        return;
    }
    const struct plane_image program = {
        .id = image->id,
        .argv = terminated_list(arena, image->argv, image->argv_count),
        .environment = terminated_list(arena, image->environment, image->environment_count),
        .binds = terminated_list(arena, image->binds, image->bind_count),
    };
    const struct plane_instance wanted = {
        .id = instance->resource.id,
        .account = instance->resource.account->id,
        .vpc_id = instance->vpc_id,
        .hostname = instance->private_dns,
        .image = &program,
        .volume_path = root ? volume_path(arena, root) : NULL,
        .volume_bytes = root ? (uint64_t)root->gigabytes << 30 : 0,
        .volume_key = root && root->encrypted ? volume_key : NULL,
    };
    plane_start_instance(instance->resource.region->plane, &wanted);
}

int instance_up_again(struct instance *instance, struct error *err)
{
    unsigned char key[32];
    const struct volume *root = instance_root_volume(instance);
    if (!root)
        return error_set(err, ERROR_CONFLICT, "%s has no root volume", instance->resource.id);
    if (root->encrypted && volume_unwrap(instance->resource.region, root, key, err) < 0)
        return -1;
    instance_up(instance, key);
    explicit_bzero(key, sizeof key);
    return 0;
}

void instance_down(struct instance *instance, bool hard)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    bool ends = instance->state == INSTANCE_SHUTTING_DOWN;
    const struct volume *root = instance_root_volume(instance);
    if (image_of(instance, arena))
        (hard ? plane_kill_instance : plane_stop_instance)(instance->resource.region->plane,
                                                           instance->resource.id,
                                                           ends && root && root->delete_on_termination);
    else
        instance_became(instance, ends ? INSTANCE_TERMINATED : INSTANCE_STOPPED);
}

void instance_again(struct instance *instance)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    events_fulfilled(instance, true);
    if (image_of(instance, arena))
        plane_reboot_instance(instance->resource.region->plane, instance->resource.id);
}

/* What was on its way when the region ended has arrived: nothing of it runs any more. */
static void restore_instance(struct instance *instance)
{
    struct error err = {0};
    if ((instance->simulated || instance->unbooted) && instance->state == INSTANCE_RUNNING)
        return; /* nothing of it ended with the region */
    if (instance->state == INSTANCE_PENDING)
        instance->unbooted = false; /* it was late, and the region's end was long enough */
    if (instance->state == INSTANCE_STOPPING)
        instance_became(instance, INSTANCE_STOPPED);
    else if (instance->state == INSTANCE_SHUTTING_DOWN)
        instance_down(instance, false);
    else if ((instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING) &&
             instance_up_again(instance, &err) < 0) {
        log_warning("an instance cannot be started again", "instance", instance->resource.id, "error",
                    err.message, NULL);
        instance_set_reason(instance, "Server.InternalError", err.message);
        instance_became(instance, INSTANCE_STOPPED);
    }
}

void plane_restore(struct region *region)
{
    region_lock(region); /* the plane answers from its own threads */
    cleanup(region_unlock) struct region *locked = region;
    (void)locked;
    for (struct account *account = region->accounts; account; account = account->next) {
        for_each_resource(struct vpc, vpc, account, &vpc_kind)
            vpc_changed(region, account, vpc->resource.id);
        for (struct resource *item = resources_of(account, &instance_kind)->first, *next; item; item = next) {
            next = item->next;
            restore_instance((struct instance *)(void *)item);
        }
    }
}
