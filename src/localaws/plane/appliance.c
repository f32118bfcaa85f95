/* Appliances: what a VPC has for its own use and what is neither machine nor load balancer. Each has a
 * namespace with its interfaces, like those, so routes lead to it, lists and groups guard it, and it goes
 * with its record. */
#include "localaws/plane/door.h"
#include "localaws/plane/namespace.h"

#include "base/text.h"

#include <unistd.h>

/* A NAT gateway passes on what comes to it for others, and its own address is all that is seen of them; it
 * knows IPv4 only, and nobody begins anything with it. */
static const char nat_rules[] = "table inet nat {\n"
                                " chain input { type filter hook input priority filter; policy drop;\n"
                                "  ct state established,related accept\n"
                                "  icmp type echo-request accept\n"
                                "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n }\n"
                                " chain forward { type filter hook forward priority filter; policy drop;\n"
                                "  meta nfproto ipv4 accept\n }\n"
                                " chain out { type nat hook postrouting priority srcnat;\n"
                                "  oifname \"eth*\" masquerade\n }\n"
                                "}\n";

enum { SERVICE_PORT = 443 };

static void hand_over(struct plane *plane, const char *id, int connection)
{
    if (plane->callbacks.connected)
        plane->callbacks.connected(plane->callbacks.context, id, connection);
    else
        close(connection);
}

static int open_doors(struct plane *plane, const struct owner *owner, struct error *err)
{
    static const char *const every[] = {"0.0.0.0", "::"};
    for (size_t i = 0; i < COUNT_OF(every); i++)
        if (door_open(plane, owner->name, owner->namespace, every[i], SERVICE_PORT, hand_over, err) < 0)
            return -1;
    return 0;
}

static const struct plane_appliance *find_wanted(const struct network *network, const char *id)
{
    for (size_t i = 0; network->wanted && i < network->wanted->appliance_count; i++)
        if (text_equal(network->wanted->appliances[i].id, id))
            return &network->wanted->appliances[i];
    return NULL;
}

void appliances_remove_unwanted(struct plane *plane, struct network *network)
{
    for (struct owner *owner = plane->owners, *next; owner; owner = next) {
        next = owner->next;
        if (!text_equal(owner->vpc_id, network->id) || find_wanted(network, owner->name))
            continue;
        doors_close(plane, owner->name);
        owner_remove(plane, owner->name);
    }
}

static int add(struct plane *plane, const struct network *network, const struct plane_appliance *appliance,
               struct error *err)
{
    struct owner *owner;
    cleanup(memory_free) char *name = memory_format("%s-%s", plane->label, appliance->id);
    if (owner_add(plane, appliance->id, name, true, &owner, err) < 0)
        return -1;
    owner->vpc_id = memory_strdup(network->id);
    if (appliance->kind == PLANE_NAT && namespace_firewall(owner->namespace, nat_rules, err) < 0)
        return error_context(err, "NAT gateway %s", appliance->id);
    return appliance->kind == PLANE_SERVICE ? open_doors(plane, owner, err) : 0;
}

int appliances_add_missing(struct plane *plane, struct network *network, struct error *err)
{
    for (size_t i = 0; i < network->wanted->appliance_count; i++) {
        const struct plane_appliance *appliance = &network->wanted->appliances[i];
        if (!owner_find(plane, appliance->id) && add(plane, network, appliance, err) < 0)
            return -1;
    }
    return 0;
}
