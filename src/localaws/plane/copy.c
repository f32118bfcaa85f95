/* Deep copies of what the plane is asked for: the caller's memory is the caller's again when the call
 * returns. */
#include "localaws/plane/copy.h"

#include "localaws/plane/parts.h"

#include <string.h>

const char *const *copy_texts(struct arena *arena, const char *const *texts)
{
    size_t count = 0;
    while (texts && texts[count])
        count++;
    const char **copy = arena_alloc(arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_strdup(arena, texts[i]);
    return copy;
}

void *copy_array(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *copy = arena_alloc(arena, count * size);
    if (count)
        memcpy(copy, items, count * size);
    return copy;
}

static void copy_subnet(struct arena *arena, struct plane_subnet *subnet)
{
    subnet->id = arena_strdup(arena, subnet->id);
    subnet->cidr = arena_strdup(arena, subnet->cidr);
    subnet->ipv6_cidr = arena_strdup(arena, subnet->ipv6_cidr);
    struct plane_route *routes = copy_array(arena, subnet->routes, subnet->route_count, sizeof *routes);
    for (size_t i = 0; i < subnet->route_count; i++) {
        routes[i].destination = arena_strdup(arena, routes[i].destination);
        routes[i].interface_id = arena_strdup(arena, routes[i].interface_id);
    }
    struct plane_acl_rule *rules =
        copy_array(arena, subnet->acl_rules, subnet->acl_rule_count, sizeof *rules);
    for (size_t i = 0; i < subnet->acl_rule_count; i++)
        rules[i].cidr = arena_strdup(arena, rules[i].cidr);
    subnet->routes = routes;
    subnet->acl_rules = rules;
}

static void copy_group(struct arena *arena, struct plane_group *group)
{
    group->id = arena_strdup(arena, group->id);
    struct plane_group_rule *rules = copy_array(arena, group->rules, group->rule_count, sizeof *rules);
    for (size_t i = 0; i < group->rule_count; i++) {
        rules[i].cidr = arena_strdup(arena, rules[i].cidr);
        rules[i].source_group = arena_strdup(arena, rules[i].source_group);
    }
    group->rules = rules;
}

static void copy_interface(struct arena *arena, struct plane_interface *interface)
{
    interface->id = arena_strdup(arena, interface->id);
    interface->subnet_id = arena_strdup(arena, interface->subnet_id);
    interface->mac = arena_strdup(arena, interface->mac);
    interface->owner = arena_strdup(arena, interface->owner);
    interface->addresses = copy_texts(arena, interface->addresses);
    interface->group_ids = copy_texts(arena, interface->group_ids);
}

static void copy_extras(struct arena *arena, struct plane_vpc *vpc)
{
    struct plane_translation *translations =
        copy_array(arena, vpc->translations, vpc->translation_count, sizeof *translations);
    for (size_t i = 0; i < vpc->translation_count; i++) {
        translations[i].inside = arena_strdup(arena, translations[i].inside);
        translations[i].outside = arena_strdup(arena, translations[i].outside);
    }
    struct plane_appliance *appliances =
        copy_array(arena, vpc->appliances, vpc->appliance_count, sizeof *appliances);
    for (size_t i = 0; i < vpc->appliance_count; i++)
        appliances[i].id = arena_strdup(arena, appliances[i].id);
    vpc->translations = translations;
    vpc->appliances = appliances;
}

struct plane_vpc *plane_copy_vpc(struct arena *arena, const struct plane_vpc *vpc)
{
    struct plane_vpc *copy = copy_array(arena, vpc, 1, sizeof *vpc);
    copy->id = arena_strdup(arena, vpc->id);
    copy->cidrs = copy_texts(arena, vpc->cidrs);
    struct plane_subnet *subnets = copy_array(arena, vpc->subnets, vpc->subnet_count, sizeof *subnets);
    for (size_t i = 0; i < vpc->subnet_count; i++)
        copy_subnet(arena, &subnets[i]);
    struct plane_group *groups = copy_array(arena, vpc->groups, vpc->group_count, sizeof *groups);
    for (size_t i = 0; i < vpc->group_count; i++)
        copy_group(arena, &groups[i]);
    struct plane_interface *interfaces =
        copy_array(arena, vpc->interfaces, vpc->interface_count, sizeof *interfaces);
    for (size_t i = 0; i < vpc->interface_count; i++)
        copy_interface(arena, &interfaces[i]);
    copy->subnets = subnets;
    copy->groups = groups;
    copy->interfaces = interfaces;
    copy_extras(arena, copy);
    return copy;
}

static void wipe_key(void *key)
{
    explicit_bzero(key, 32);
}

static const unsigned char *copy_key(struct arena *arena, const unsigned char *key)
{
    if (!key)
        return NULL;
    unsigned char *copy = copy_array(arena, key, 32, 1);
    arena_defer(arena, wipe_key, copy);
    return copy;
}

static void copy_disk(struct arena *arena, struct plane_disk *disk)
{
    disk->id = arena_strdup(arena, disk->id);
    disk->name = arena_strdup(arena, disk->name);
    disk->path = arena_strdup(arena, disk->path);
    disk->key = copy_key(arena, disk->key);
}

struct plane_disk *plane_copy_disk(struct arena *arena, const struct plane_disk *disk)
{
    struct plane_disk *copy = copy_array(arena, disk, 1, sizeof *disk);
    copy_disk(arena, copy);
    return copy;
}

struct plane_instance *plane_copy_instance(struct arena *arena, const struct plane_instance *instance)
{
    struct plane_instance *copy = copy_array(arena, instance, 1, sizeof *instance);
    copy->id = arena_strdup(arena, instance->id);
    copy->account = arena_strdup(arena, instance->account);
    copy->vpc_id = arena_strdup(arena, instance->vpc_id);
    copy->hostname = arena_strdup(arena, instance->hostname);
    struct plane_image *image = copy_array(arena, instance->image, 1, sizeof *image);
    image->id = arena_strdup(arena, image->id);
    image->argv = copy_texts(arena, image->argv);
    image->environment = copy_texts(arena, image->environment);
    image->binds = copy_texts(arena, image->binds);
    copy->image = image;
    copy->volume_path = arena_strdup(arena, instance->volume_path);
    copy->volume_key = copy_key(arena, instance->volume_key);
    struct plane_disk *disks = copy_array(arena, instance->disks, instance->disk_count, sizeof *disks);
    for (size_t i = 0; i < instance->disk_count; i++)
        copy_disk(arena, &disks[i]);
    copy->disks = disks;
    return copy;
}
