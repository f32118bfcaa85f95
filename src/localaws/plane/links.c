/* Links: a network interface is a pair of virtual links, one end in the router (fe80::1, 169.254.0.1), the
 * other in the owner's namespace with the interface's own addresses as /128 and /32. So every packet passes
 * the router, also inside a subnet, and no neighbour is ever asked for anything but the router. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { COMMANDS_LARGEST = 1 << 20 };

struct link *link_find(const struct network *network, const char *id)
{
    for (struct link *link = network->links; link; link = link->next)
        if (text_equal(link->id, id))
            return link;
    return NULL;
}

/* The addresses that the owner's end carries. A machine's other addresses are only routed to it: they are its
 * containers'. */
static const char **own_addresses(struct arena *arena, const struct plane_interface *interface, bool every)
{
    size_t count = 0;
    while (interface->addresses[count])
        count++;
    const char **own = arena_alloc(arena, (count + 1) * sizeof *own);
    size_t made = 0;
    bool seen[2] = {false, false};
    for (size_t i = 0; i < count; i++) {
        bool six = strchr(interface->addresses[i], ':') != NULL;
        if (every || !seen[six])
            own[made++] = interface->addresses[i];
        seen[six] = true;
    }
    return own;
}

static char *made_as(struct arena *arena, const struct plane_interface *interface, const char *const *own)
{
    char *text = arena_format(arena, "%s %s", interface->owner, interface->mac);
    for (; *own; own++)
        text = arena_format(arena, "%s %s", text, *own);
    return text;
}

static const struct plane_interface *wanted_interface(struct plane *plane, const struct network *network,
                                                      struct arena *arena, const struct link *link)
{
    const struct plane_vpc *vpc = network->wanted;
    for (size_t i = 0; vpc && i < vpc->interface_count; i++) {
        const struct plane_interface *interface = &vpc->interfaces[i];
        struct owner *owner = owner_find(plane, interface->owner);
        if (text_equal(interface->id, link->id) && owner &&
            text_equal(link->made_as,
                       made_as(arena, interface, own_addresses(arena, interface, owner->every_address))))
            return interface;
    }
    return NULL;
}

void links_remove_unwanted(struct plane *plane, struct network *network)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer commands = buffer_new(COMMANDS_LARGEST);
    for (struct link **place = &network->links; *place;) {
        struct link *link = *place;
        if (wanted_interface(plane, network, arena, link)) {
            place = &link->next;
            continue;
        }
        buffer_format(&commands, "link del %s\n", link->name);
        lines_forget(&network->lines, link->name);
        *place = link->next;
        free(link->id);
        free(link->owner);
        free(link->made_as);
        free(link);
    }
    struct error ignored; /* the owner may have deleted its end, and with it ours */
    namespace_ip(network->namespace, &commands, &ignored);
}

/* eth<device index> where that is free, else the next. */
static unsigned free_number(const struct plane *plane, const char *owner, unsigned wanted)
{
    for (unsigned number = wanted;; number++) {
        bool taken = false;
        for (const struct network *network = plane->networks; network; network = network->next)
            for (const struct link *link = network->links; link; link = link->next)
                taken |= text_equal(link->owner, owner) && link->number == number;
        if (!taken)
            return number;
    }
}

static void router_end(struct buffer *commands, const struct link *link,
                       const struct plane_interface *interface, const struct owner *owner)
{
    buffer_format(commands, "link add %s type veth peer name eth%u", link->name, link->number);
    if (!text_empty(interface->mac))
        buffer_format(commands, " address %s", interface->mac);
    buffer_format(commands, " netns %s\n", owner->namespace_name);
    buffer_format(commands, "addr add 169.254.0.1/32 dev %s\n", link->name);
    buffer_format(commands, "addr add fe80::1/64 dev %s nodad\n", link->name);
    buffer_format(commands, "link set %s up\n", link->name);
}

/* With several interfaces a packet leaves by the one whose address it carries: the router would drop it
 * elsewhere. */
static void owner_end(struct buffer *commands, const struct link *link, const char *const *own)
{
    unsigned number = link->number, table = 1000 + link->number, metric = 100 + link->number;
    buffer_format(commands, "addr add fe80::2/64 dev eth%u nodad\n", number);
    for (const char *const *address = own; *address; address++)
        buffer_format(commands, "addr add %s/%s dev eth%u%s\n", *address,
                      strchr(*address, ':') ? "128" : "32", number, strchr(*address, ':') ? " nodad" : "");
    buffer_format(commands, "link set eth%u up\n", number);
    buffer_format(commands, "route add 169.254.0.1/32 dev eth%u scope link metric %u\n", number, metric);
    buffer_format(commands, "route add 0.0.0.0/0 via 169.254.0.1 dev eth%u onlink metric %u\n", number,
                  metric);
    buffer_format(commands, "route add ::/0 via fe80::1 dev eth%u metric %u\n", number, metric);
    if (number == 0)
        return;
    buffer_format(commands, "route add ::/0 via fe80::1 dev eth%u table %u\n", number, table);
    buffer_format(commands, "route add 0.0.0.0/0 via 169.254.0.1 dev eth%u onlink table %u\n", number, table);
    for (const char *const *address = own; *address; address++)
        buffer_format(commands, "rule add pref 100 from %s lookup %u\n", *address, table);
}

struct addition {
    struct plane *plane;
    struct network *network;
    struct arena *arena;
    struct buffer router;
};

static void add_link(struct addition *addition, const struct plane_interface *interface,
                     const struct owner *owner)
{
    struct link *link = memory_alloc(sizeof *link);
    link->number = free_number(addition->plane, interface->owner, interface->device_index);
    link->id = memory_strdup(interface->id);
    link->owner = memory_strdup(interface->owner);
    short_name("e", interface->id, link->name);
    const char **own = own_addresses(addition->arena, interface, owner->every_address);
    link->made_as = memory_strdup(made_as(addition->arena, interface, own));
    link->next = addition->network->links;
    addition->network->links = link;
    router_end(&addition->router, link, interface, owner);
}

static void configure_owner(struct addition *addition, const struct link *link,
                            const struct plane_interface *interface, const struct owner *owner)
{
    cleanup(buffer_free) struct buffer commands = buffer_new(COMMANDS_LARGEST);
    owner_end(&commands, link, own_addresses(addition->arena, interface, owner->every_address));
    struct error err = {0};
    if (namespace_ip(owner->namespace, &commands, &err) < 0)
        log_error("interface not set up", "interface", link->id, "owner", link->owner, "reason", err.message,
                  NULL);
}

void links_add_missing(struct plane *plane, struct network *network)
{
    const struct plane_vpc *vpc = network->wanted;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct addition addition = {plane, network, arena, buffer_new(COMMANDS_LARGEST)};
    bool *added = arena_alloc(arena, vpc->interface_count * sizeof *added + 1);
    for (size_t i = 0; i < vpc->interface_count; i++) {
        struct owner *owner = owner_find(plane, vpc->interfaces[i].owner);
        added[i] = owner && !link_find(network, vpc->interfaces[i].id);
        if (added[i])
            add_link(&addition, &vpc->interfaces[i], owner);
    }
    struct error err = {0};
    if (namespace_ip(network->namespace, &addition.router, &err) < 0)
        log_error("links not made", "vpc", network->id, "reason", err.message, NULL);
    for (size_t i = 0; i < vpc->interface_count; i++)
        if (added[i])
            configure_owner(&addition, link_find(network, vpc->interfaces[i].id), &vpc->interfaces[i],
                            owner_find(plane, vpc->interfaces[i].owner));
    buffer_free(&addition.router);
}
