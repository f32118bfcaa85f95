/* Network ACLs and security groups as nftables chains.
 *
 * An ACL's chain looks at the packet. A group's chain looks at what the packet's connection was when it began
 * (`ct original`), whichever way the packet goes: so one rule lets the answers through as well, and when it
 * is revoked the connection's next packet, of either side, finds no rule any more. */
#include "localaws/plane/firewall.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { MATCH_LONGEST = 96 };

/* Protocols whose rules say more than the protocol: ports, or an ICMP message's type and code. */
static const struct protocol {
    int number;
    const char *name; /* nftables' */
    bool has_ports;
} protocols[] = {
    {1, "icmp", false},
    {6, "tcp", true},
    {17, "udp", true},
    {58, "icmpv6", false},
};

/* The protocol of a rule that is for some of its ports or types only; else NULL. */
static const struct protocol *narrowed(int number, int from, int to)
{
    for (size_t i = 0; i < COUNT_OF(protocols) && from >= 0; i++)
        if (protocols[i].number == number)
            return protocols[i].has_ports && from == 0 && to == 65535 ? NULL : &protocols[i];
    return NULL;
}

static bool has_group(const struct plane_interface *interface, const char *group_id)
{
    for (const char *const *id = interface->group_ids; *id; id++)
        if (text_equal(*id, group_id))
            return true;
    return false;
}

static void member_set(struct firewall *firewall, size_t group, bool six)
{
    buffer_format(&firewall->text, " set g%zu_%s { type %s;\n", group, six ? "ip6" : "ip",
                  six ? "ipv6_addr" : "ipv4_addr");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall->vpc, interface)
    {
        if (!has_group(interface, firewall->vpc->groups[group].id))
            continue;
        for (const char *const *address = interface->addresses; *address; address++) {
            struct prefix prefix;
            if (prefix_parse(*address, &prefix) && prefix.six == six) {
                elements_next(&elements);
                buffer_text(&firewall->text, prefix.address);
            }
        }
    }
    elements_end(&elements);
}

/* What an ACL's rule says of the packet's protocol; "" for all. */
static void acl_match(char match[MATCH_LONGEST], const struct plane_acl_rule *rule)
{
    int from = rule->from_port, to = rule->to_port;
    const struct protocol *protocol = narrowed(rule->protocol, from, to);
    match[0] = '\0';
    if (rule->protocol < 0)
        return;
    if (!protocol)
        snprintf(match, MATCH_LONGEST, "meta l4proto %d ", rule->protocol & 0xff);
    else if (protocol->has_ports)
        snprintf(match, MATCH_LONGEST, "%s dport %d-%d ", protocol->name, from & 0xffff,
                 (to < from ? from : to) & 0xffff);
    else if (to < 0)
        snprintf(match, MATCH_LONGEST, "%s type %d ", protocol->name, from & 0xff);
    else
        snprintf(match, MATCH_LONGEST, "%s type %d %s code %d ", protocol->name, from & 0xff, protocol->name,
                 to & 0xff);
}

static void acl_chain(struct firewall *firewall, size_t index, bool egress)
{
    const struct plane_subnet *subnet = &firewall->vpc->subnets[index];
    buffer_format(&firewall->text, " chain acl_%s_%zu {\n", egress ? "out" : "in", index);
    for (size_t i = 0; i < subnet->acl_rule_count; i++) {
        const struct plane_acl_rule *rule = &subnet->acl_rules[i];
        struct prefix prefix;
        char match[MATCH_LONGEST];
        if (rule->egress != egress || !prefix_parse(rule->cidr, &prefix))
            continue;
        acl_match(match, rule);
        buffer_format(&firewall->text, "  %s %s %s %s%s\n", prefix_family(&prefix),
                      egress ? "daddr" : "saddr", prefix.text, match, rule->allow ? "return" : "drop");
    }
    buffer_text(&firewall->text, "  drop\n }\n");
}

/* What a group's rule says of the connection's protocol. Connection tracking keeps an ICMP message's type and
 * code where others have the port. */
static void group_match(char match[MATCH_LONGEST], const struct plane_group_rule *rule)
{
    int from = rule->from_port, to = rule->to_port;
    const struct protocol *protocol = narrowed(rule->protocol, from, to);
    match[0] = '\0';
    if (rule->protocol < 0)
        return;
    if (protocol && !protocol->has_ports) {
        int low = (from & 0xff) << 8 | (to < 0 ? 0 : to & 0xff);
        to = to < 0 ? low | 0xff : low;
        from = low;
    }
    if (!protocol)
        snprintf(match, MATCH_LONGEST, "meta l4proto %d ", rule->protocol & 0xff);
    else
        snprintf(match, MATCH_LONGEST, "meta l4proto %d ct original proto-dst %d-%d ", rule->protocol,
                 from & 0xffff, (to < from ? from : to) & 0xffff);
}

/* Load balancers of a group are known by the mark of what they begin. */
static void balancer_rule(struct firewall *firewall, const struct plane_group_rule *rule, const char *match)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *marks = balancer_marks(arena, firewall->vpc, rule->source_group);
    if (!rule->egress && *marks)
        buffer_format(&firewall->text, "  %s%saccept\n", marks, match);
}

static void group_rule(struct firewall *firewall, const struct plane_group_rule *rule)
{
    char match[MATCH_LONGEST];
    struct prefix prefix;
    const char *end = rule->egress ? "daddr" : "saddr";
    group_match(match, rule);
    if (prefix_parse(rule->cidr, &prefix))
        buffer_format(&firewall->text, "  ct original %s %s %s %saccept\n", prefix_family(&prefix), end,
                      prefix.text, match);
    for (size_t i = 0; rule->source_group && i < firewall->vpc->group_count; i++)
        if (text_equal(firewall->vpc->groups[i].id, rule->source_group))
            buffer_format(&firewall->text,
                          "  ct original ip6 %s @g%zu_ip6 %saccept\n  ct original ip %s @g%zu_ip %saccept\n",
                          end, i, match, end, i, match);
    if (rule->source_group)
        balancer_rule(firewall, rule, match);
}

static void group_chain(struct firewall *firewall, size_t index, bool egress)
{
    const struct plane_group *group = &firewall->vpc->groups[index];
    buffer_format(&firewall->text, " chain group_%s_%zu {\n", egress ? "out" : "in", index);
    for (size_t i = 0; i < group->rule_count; i++)
        if (group->rules[i].egress == egress)
            group_rule(firewall, &group->rules[i]);
    buffer_text(&firewall->text, " }\n");
}

/* All groups of one interface; what has none (a NAT gateway, a balancer made without) lets everything pass,
 * as AWS's do. */
static void interface_chain(struct firewall *firewall, const struct plane_interface *interface, size_t number,
                            bool egress)
{
    const char *direction = egress ? "out" : "in";
    buffer_format(&firewall->text, " chain %s_%zu {\n", direction, number);
    if (!interface->group_ids[0])
        buffer_text(&firewall->text, "  accept\n");
    for (size_t i = 0; i < firewall->vpc->group_count; i++)
        if (has_group(interface, firewall->vpc->groups[i].id))
            buffer_format(&firewall->text, "  jump group_%s_%zu\n", direction, i);
    buffer_text(&firewall->text, "  drop\n }\n");
}

void firewall_rules(struct firewall *firewall)
{
    const struct plane_vpc *vpc = firewall->vpc;
    for (size_t i = 0; i < vpc->group_count; i++) {
        member_set(firewall, i, true);
        member_set(firewall, i, false);
    }
    for (int egress = 0; egress <= 1; egress++) {
        for (size_t i = 0; i < vpc->subnet_count; i++)
            acl_chain(firewall, i, egress);
        for (size_t i = 0; i < vpc->group_count; i++)
            group_chain(firewall, i, egress);
        for (size_t i = 0; i < vpc->interface_count; i++)
            interface_chain(firewall, &vpc->interfaces[i], i, egress);
    }
}
