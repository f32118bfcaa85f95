/* What load balancers need of a VPC's router beyond what every interface has. A load balancer speaks to
 * targets with its clients' addresses; what is answered would go to the clients themselves. So a connection
 * begun from a load balancer's link is marked with that link's number, and its answers are routed by the
 * mark. By the same mark a security group's rule about another group also means the load balancers in that
 * group, whoever's address they speak with. */
#include "localaws/plane/parts.h"

#include "base/buffer.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MARKS_FROM = 0x40000000 }; /* above the numbers of subnets and their routing tables */

unsigned balancer_mark(const char *interface_id)
{
    char name[16];
    short_name("", interface_id, name);
    return MARKS_FROM + (unsigned)(strtoull(name, NULL, 16) & 0xfffffff);
}

static void marks(struct buffer *text, const struct plane_vpc *vpc)
{
    buffer_text(text, " chain marks { type filter hook prerouting priority mangle; policy accept;\n"
                      "  ct direction reply ct mark >= 0x40000000 meta mark set ct mark\n");
    for (size_t i = 0; i < vpc->interface_count; i++) {
        char link[16];
        short_name("e", vpc->interfaces[i].id, link);
        if (vpc->interfaces[i].balances)
            buffer_format(text, "  iifname \"%s\" ct direction original ct mark set %u\n", link,
                          balancer_mark(vpc->interfaces[i].id));
    }
    buffer_text(text, " }\n");
}

static void closed(struct buffer *text, const struct plane_vpc *vpc)
{
    buffer_text(text, " chain closed { type filter hook forward priority -28; policy accept;\n");
    for (size_t i = 0; i < vpc->interface_count; i++) {
        char link[16];
        short_name("e", vpc->interfaces[i].id, link);
        if (vpc->interfaces[i].closed)
            buffer_format(text, "  iifname \"inet\" oifname \"%s\" drop\n", link);
    }
    buffer_text(text, " }\n");
}

void firewall_balancers(struct buffer *text, const struct plane_vpc *vpc)
{
    marks(text, vpc);
    closed(text, vpc);
}

char *balancer_marks(struct arena *arena, const struct plane_vpc *vpc, const char *group_id)
{
    char *marks = NULL;
    for (size_t i = 0; i < vpc->interface_count; i++) {
        const struct plane_interface *interface = &vpc->interfaces[i];
        const char *const *id = interface->group_ids;
        while (*id && !text_equal(*id, group_id))
            id++;
        if (interface->balances && *id)
            marks = arena_format(arena, "%s%s%u", marks ? marks : "", marks ? ", " : "",
                                 balancer_mark(interface->id));
    }
    return marks ? arena_format(arena, "ct mark { %s } ", marks) : arena_strdup(arena, "");
}

void balancer_lines(struct lines *lines, const struct plane_interface *interface, const char *link)
{
    unsigned mark = balancer_mark(interface->id);
    if (!interface->balances)
        return;
    for (const char *const *address = interface->addresses; *address; address++) {
        if (strchr(*address, ':'))
            continue;
        lines_add(lines, "route 0.0.0.0/0 via %s dev %s onlink table %u", *address, link, mark);
        break;
    }
    lines_add(lines, "route ::/0 via fe80::2 dev %s table %u", link, mark);
    lines_add(lines, "rule pref 40 fwmark %u lookup %u", mark, mark);
}
