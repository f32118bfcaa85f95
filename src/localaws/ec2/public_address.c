/* Public IPv4 addresses: which are taken, and what each is inside a VPC. They come from 198.18.0.0/16, which
 * is for measurements and so nobody's; the rest of 198.18.0.0/15 is the region's own (public_address.h).
 *
 * An interface has one by an elastic address, or by itself: its instance's first interface, when the launch
 * or its subnet says so, while the instance is not stopped and no elastic address stands for it. */
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/instance.h"

#include "base/random.h"
#include "base/text.h"

enum { POOL = 0xffff };

static char *public_key(struct arena *arena, const char *address)
{
    return arena_format(arena, "public %s", address);
}

void public_address_taken(struct region *region, const char *address, void *holder)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (address)
        table_put(&registry_of(region)->by_address, public_key(arena, address), holder);
}

void public_address_given_back(struct region *region, const char *address, const void *holder)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct table *table = &registry_of(region)->by_address;
    if (address && table_get(table, public_key(arena, address)) == holder)
        table_remove(table, public_key(arena, address));
}

const struct resource *public_address_holder(struct region *region, const char *address)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    return table_get(&registry_of(region)->by_address, public_key(arena, address));
}

char *public_address_pick(struct region *region, struct arena *arena)
{
    unsigned first = (unsigned)random_below(POOL);
    for (unsigned tried = 0; tried < POOL; tried++) {
        unsigned place = 1 + (first + tried) % POOL;
        char *address = arena_format(arena, "198.18.%u.%u", place >> 8, place & 0xff);
        if ((place & 0xff) && (place & 0xff) != 0xff &&
            !table_get(&registry_of(region)->by_address, public_key(arena, address)))
            return address;
    }
    return NULL;
}

const struct elastic_address *elastic_address_of(const struct interface *interface,
                                                 const char *private_address)
{
    for_each_resource(struct elastic_address, address, interface->resource.account, &elastic_address_kind)
        if (text_equal(address->interface_id, interface->resource.id) &&
            text_equal(address->private_address, private_address))
            return address;
    return NULL;
}

const char *private_address_outside(const struct interface *interface, const char *private_address)
{
    const struct elastic_address *elastic = elastic_address_of(interface, private_address);
    if (elastic)
        return elastic->address;
    bool first = interface->address_count && text_equal(interface->addresses[0], private_address);
    return first ? interface->public_address : NULL;
}

const char *interface_public_address(const struct interface *interface)
{
    return interface->address_count ? private_address_outside(interface, interface->addresses[0]) : NULL;
}

static bool wants_address(const struct interface *interface)
{
    const struct instance *instance = resource_find(interface->resource.region, interface->resource.account,
                                                    &instance_kind, interface->instance_id);
    bool up = !instance || instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING;
    return interface->auto_public && interface->owner && up && interface->address_count &&
           !elastic_address_of(interface, interface->addresses[0]);
}

bool interface_public_refresh(struct interface *interface)
{
    struct region *region = interface->resource.region;
    cleanup(arena_free) struct arena *arena = arena_new();
    bool wanted = wants_address(interface);
    if (wanted == (interface->public_address != NULL))
        return false;
    public_address_given_back(region, interface->public_address, interface);
    text_replace(&interface->public_address, wanted ? public_address_pick(region, arena) : NULL);
    public_address_taken(region, interface->public_address, interface);
    resource_changed(&interface->resource);
    return true;
}

bool instance_public_refresh(const struct instance *instance)
{
    bool changed = false;
    for (size_t i = 0; i < instance->interface_count; i++) {
        struct interface *interface = resource_find(instance->resource.region, instance->resource.account,
                                                    &interface_kind, instance->interface_ids[i]);
        if (interface && interface_public_refresh(interface))
            changed = true;
    }
    return changed;
}

char *public_address_name(const struct region *region, struct arena *arena, const char *address)
{
    char *dashed = arena_strdup(arena, address);
    for (char *at = dashed; at && *at; at++)
        *at = *at == '.' ? '-' : *at;
    const char *domain = text_equal(region->name, "us-east-1")
                             ? "compute-1.amazonaws.com"
                             : arena_format(arena, "%s.compute.amazonaws.com", region->name);
    return dashed ? arena_format(arena, "ec2-%s.%s", dashed, domain) : NULL;
}

void put_public_name(struct buffer *out, const struct interface *interface, const char *element,
                     const char *address)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct resource *resource = &interface->resource;
    const struct vpc *vpc = resource_find(resource->region, resource->account, &vpc_kind, interface->vpc_id);
    if (vpc && vpc->dns_hostnames && address)
        put_text(out, element, public_address_name(resource->region, arena, address));
}
