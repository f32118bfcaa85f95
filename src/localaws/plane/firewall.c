/* A VPC's firewall as nftables text, loaded whole and at once into its router. Four things are decided, each
 * in its own base chain, because an accept ends only the chain it is in: source_check  a packet carries an
 * address of the interface it came from (and IMDS believes the address therefore) lists         network ACLs:
 * no connection tracking, in number order, only between subnets leaving       security groups of the sender,
 * and what the internet may begin entering      security groups of the receiver As at AWS a connection that
 * was allowed when it began goes on when its security group's rule is revoked (new ones are refused at once),
 * while a changed ACL or route stops the next packet.
 *
 * Names in the text are made here (s0, g0, e<hash>), and addresses are parsed and printed again: nothing that
 * a caller sent reaches nftables as it was. */
#include "localaws/plane/parts.h"

#include "base/buffer.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };

struct firewall {
    const struct plane_vpc *vpc;
    struct buffer text;
};

/* "ip6 2001:db8::/56" or "ip 10.0.0.0/16"; false when it is neither. `family` becomes "ip6" or "ip". */
static bool parse_prefix(const char *prefix, const char **family, char clean[INET6_ADDRSTRLEN + 4])
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    size_t length = prefix ? strcspn(prefix, "/") : sizeof address;
    if (length >= sizeof address)
        return false;
    memcpy(address, prefix, length);
    address[length] = '\0';
    bool six = strchr(address, ':') != NULL;
    int64_t bits = six ? 128 : 32;
    if (inet_pton(six ? AF_INET6 : AF_INET, address, bytes) != 1 ||
        (prefix[length] && text_number(prefix + length + 1, 0, bits, "prefix", &bits, NULL) < 0))
        return false;
    inet_ntop(six ? AF_INET6 : AF_INET, bytes, address, sizeof address);
    *family = six ? "ip6" : "ip";
    snprintf(clean, INET6_ADDRSTRLEN + 4, "%s/%d", address, (int)bits);
    return true;
}

/* A set's or map's elements, with commas between; nothing at all when there are none (nftables refuses "{
 * }"). */
struct elements {
    struct buffer *text;
    bool any;
};

static void begin_element(struct elements *elements)
{
    buffer_text(elements->text, elements->any ? ", " : "  elements = { ");
    elements->any = true;
}

static void end_elements(struct elements *elements)
{
    buffer_text(elements->text, elements->any ? " }\n }\n" : " }\n");
}

static bool has_group(const struct plane_interface *interface, const char *group_id)
{
    for (const char *const *id = interface->group_ids; *id; id++)
        if (text_equal(*id, group_id))
            return true;
    return false;
}

/* Calls with every address of the family; the interface's name is what its link is called. */
#define for_each_interface(firewall, interface)                                 \
    for (const struct plane_interface *interface = (firewall)->vpc->interfaces; \
         interface < (firewall)->vpc->interfaces + (firewall)->vpc->interface_count; interface++)

static void member_set(struct firewall *firewall, size_t group, bool six)
{
    buffer_format(&firewall->text, " set g%zu_%s { type %s;\n", group, six ? "ip6" : "ip",
                  six ? "ipv6_addr" : "ipv4_addr");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall, interface)
    {
        if (!has_group(interface, firewall->vpc->groups[group].id))
            continue;
        for (const char *const *address = interface->addresses; *address; address++) {
            const char *family;
            char clean[INET6_ADDRSTRLEN + 4];
            if (parse_prefix(*address, &family, clean) && text_equal(family, six ? "ip6" : "ip")) {
                begin_element(&elements);
                buffer_format(&firewall->text, "%.*s", (int)strcspn(clean, "/"), clean);
            }
        }
    }
    end_elements(&elements);
}

static void source_set(struct firewall *firewall, bool six)
{
    buffer_format(&firewall->text, " set sources_%s { type ifname . %s;\n", six ? "ip6" : "ip",
                  six ? "ipv6_addr" : "ipv4_addr");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall, interface)
    {
        char name[16];
        short_name("e", interface->id, name);
        for (const char *const *address = interface->addresses; *address; address++) {
            const char *family;
            char clean[INET6_ADDRSTRLEN + 4];
            if (parse_prefix(*address, &family, clean) && text_equal(family, six ? "ip6" : "ip")) {
                begin_element(&elements);
                buffer_format(&firewall->text, "\"%s\" . %.*s", name, (int)strcspn(clean, "/"), clean);
            }
        }
    }
    end_elements(&elements);
}

/* The subnet's place in the VPC, or -1. */
static int subnet_index(const struct firewall *firewall, const struct plane_interface *interface)
{
    for (size_t i = 0; i < firewall->vpc->subnet_count; i++)
        if (text_equal(firewall->vpc->subnets[i].id, interface->subnet_id))
            return (int)i;
    return -1;
}

/* A verdict map from interface to a chain of `prefix` and the interface's subnet or own number. */
static void verdicts(struct firewall *firewall, const char *key, const char *verb, const char *prefix,
                     bool by_subnet)
{
    bool any = false;
    int number = 0;
    for_each_interface(firewall, interface)
    {
        char name[16];
        short_name("e", interface->id, name);
        int target = by_subnet ? subnet_index(firewall, interface) : number++;
        if (target < 0)
            continue;
        if (!any)
            buffer_format(&firewall->text, "  %s vmap { ", key);
        buffer_format(&firewall->text, "%s\"%s\" : %s %s%d", any ? ", " : "", name, verb, prefix, target);
        any = true;
    }
    if (any)
        buffer_text(&firewall->text, " }\n");
}

static void subnet_maps(struct firewall *firewall)
{
    buffer_text(&firewall->text, " map subnet_of { type ifname : mark;\n");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall, interface)
    {
        char name[16];
        short_name("e", interface->id, name);
        begin_element(&elements);
        buffer_format(&firewall->text, "\"%s\" : %d", name, subnet_index(firewall, interface) + 1);
    }
    end_elements(&elements);
    buffer_text(&firewall->text, " set within_subnet { type ifname . mark;\n");
    elements = (struct elements){&firewall->text, false};
    for_each_interface(firewall, interface)
    {
        char name[16];
        short_name("e", interface->id, name);
        begin_element(&elements);
        buffer_format(&firewall->text, "\"%s\" . %d", name, subnet_index(firewall, interface) + 1);
    }
    end_elements(&elements);
}

/* What a rule of either kind says of the packet's protocol; "" for all. */
static void protocol_match(char match[96], int protocol, int from, int to)
{
    match[0] = '\0';
    const char *name = protocol == TCP ? "tcp" : "udp";
    if (protocol == TCP || protocol == UDP) {
        if (from < 0 || (from == 0 && to == 65535))
            snprintf(match, 96, "meta l4proto %s ", name);
        else
            snprintf(match, 96, "%s dport %d-%d ", name, from & 0xffff, (to < from ? from : to) & 0xffff);
    } else if (protocol == ICMP || protocol == ICMP6) {
        name = protocol == ICMP ? "icmp" : "icmpv6";
        if (from < 0)
            snprintf(match, 96, "meta l4proto %d ", protocol);
        else if (to < 0)
            snprintf(match, 96, "%s type %d ", name, from & 0xff);
        else
            snprintf(match, 96, "%s type %d %s code %d ", name, from & 0xff, name, to & 0xff);
    } else if (protocol >= 0) {
        snprintf(match, 96, "meta l4proto %d ", protocol & 0xff);
    }
}

static void acl_chain(struct firewall *firewall, size_t index, bool egress)
{
    const struct plane_subnet *subnet = &firewall->vpc->subnets[index];
    buffer_format(&firewall->text, " chain acl_%s_%zu {\n", egress ? "out" : "in", index);
    for (size_t i = 0; i < subnet->acl_rule_count; i++) {
        const struct plane_acl_rule *rule = &subnet->acl_rules[i];
        const char *family;
        char clean[INET6_ADDRSTRLEN + 4], match[96];
        if (rule->egress != egress || !parse_prefix(rule->cidr, &family, clean))
            continue;
        protocol_match(match, rule->protocol, rule->from_port, rule->to_port);
        buffer_format(&firewall->text, "  %s %s %s %s%s\n", family, egress ? "daddr" : "saddr", clean, match,
                      rule->allow ? "return" : "drop");
    }
    buffer_text(&firewall->text, "  drop\n }\n");
}

static void group_rule(struct firewall *firewall, const struct plane_group_rule *rule)
{
    char match[96];
    const char *end = rule->egress ? "daddr" : "saddr";
    protocol_match(match, rule->protocol, rule->from_port, rule->to_port);
    const char *family;
    char clean[INET6_ADDRSTRLEN + 4];
    if (parse_prefix(rule->cidr, &family, clean))
        buffer_format(&firewall->text, "  %s %s %s %saccept\n", family, end, clean, match);
    for (size_t i = 0; rule->source_group && i < firewall->vpc->group_count; i++)
        if (text_equal(firewall->vpc->groups[i].id, rule->source_group))
            buffer_format(&firewall->text, "  ip6 %s @g%zu_ip6 %saccept\n  ip %s @g%zu_ip %saccept\n", end, i,
                          match, end, i, match);
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

/* All groups of one interface; a balancer made without security groups lets everything pass, as AWS's do. */
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

static void sets_and_chains(struct firewall *firewall)
{
    const struct plane_vpc *vpc = firewall->vpc;
    source_set(firewall, true);
    source_set(firewall, false);
    subnet_maps(firewall);
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

static void source_check(struct firewall *firewall)
{
    struct buffer *text = &firewall->text;
    buffer_text(text,
                " chain source_check { type filter hook prerouting priority raw; policy drop;\n"
                "  iifname \"lo\" accept\n"
                "  ip6 saddr fe80::/10 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n");
    const char *family;
    char clean[INET6_ADDRSTRLEN + 4];
    if (parse_prefix(firewall->vpc->ipv6_cidr, &family, clean))
        buffer_format(text, "  iifname \"inet\" ip6 saddr %s drop\n", clean);
    buffer_text(text, "  iifname \"inet\" ip6 saddr 2000::/3 accept\n");
    for_each_interface(firewall, interface)
    {
        char name[16];
        short_name("e", interface->id, name);
        if (!interface->source_check)
            buffer_format(text, "  iifname \"%s\" accept\n", name);
    }
    buffer_text(text, "  iifname . ip6 saddr @sources_ip6 accept\n"
                      "  iifname . ip saddr @sources_ip accept\n }\n");
}

/* To the router itself: metadata and names, for its own interfaces only. */
static const char to_router[] =
    " chain to_router { type filter hook input priority filter; policy drop;\n"
    "  iifname \"lo\" accept\n"
    "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, packet-too-big } accept\n"
    "  iifname \"inet\" drop\n"
    "  icmpv6 type echo-request accept\n"
    "  icmp type echo-request accept\n"
    "  ip6 daddr " METADATA_IPV6 " tcp dport 80 accept\n"
    "  ip daddr " METADATA_IPV4 " tcp dport 80 accept\n"
    "  ip6 daddr " NAMES_IPV6 " udp dport 53 accept\n"
    "  ip daddr " NAMES_IPV4 " udp dport 53 accept\n }\n";

static void lists(struct firewall *firewall)
{
    buffer_text(&firewall->text, " chain lists { type filter hook forward priority -20; policy accept;\n"
                                 "  icmpv6 type packet-too-big accept\n"
                                 "  icmp type destination-unreachable icmp code frag-needed accept\n"
                                 "  meta mark set iifname map @subnet_of\n"
                                 "  oifname . meta mark @within_subnet accept\n");
    verdicts(firewall, "iifname", "jump", "acl_out_", true);
    verdicts(firewall, "oifname", "jump", "acl_in_", true);
    buffer_text(&firewall->text, " }\n");
}

/* A connection from the internet can begin only where the subnet would answer by an internet gateway; an
 * egress-only gateway carries nothing but answers. */
static void from_internet(struct firewall *firewall)
{
    buffer_text(&firewall->text, " chain from_internet {\n");
    for (size_t i = 0; i < firewall->vpc->subnet_count; i++) {
        const struct plane_subnet *subnet = &firewall->vpc->subnets[i];
        const char *family;
        char own[INET6_ADDRSTRLEN + 4], there[INET6_ADDRSTRLEN + 4];
        if (!parse_prefix(subnet->ipv6_cidr, &family, own))
            continue;
        for (size_t j = 0; j < subnet->route_count; j++)
            if (subnet->routes[j].target == PLANE_INTERNET &&
                parse_prefix(subnet->routes[j].destination, &family, there) && text_equal(family, "ip6"))
                buffer_format(&firewall->text, "  ip6 daddr %s ip6 saddr %s accept\n", own, there);
    }
    buffer_text(&firewall->text, "  drop\n }\n");
}

static void groups(struct firewall *firewall)
{
    from_internet(firewall);
    buffer_text(&firewall->text, " chain leaving { type filter hook forward priority -10; policy drop;\n"
                                 "  ct state established,related accept\n"
                                 "  ct state invalid drop\n"
                                 "  iifname \"inet\" goto from_internet\n");
    verdicts(firewall, "iifname", "goto", "out_", false);
    buffer_text(&firewall->text,
                " }\n chain entering { type filter hook forward priority filter; policy drop;\n"
                "  ct state established,related accept\n"
                "  oifname \"inet\" accept\n");
    verdicts(firewall, "oifname", "goto", "in_", false);
    buffer_text(&firewall->text, " }\n");
}

char *firewall_text(struct arena *arena, const struct plane_vpc *vpc)
{
    struct firewall firewall = {vpc, buffer_new(FIREWALL_LARGEST)};
    buffer_text(&firewall.text, "table inet vpc\ndelete table inet vpc\ntable inet vpc {\n");
    sets_and_chains(&firewall);
    source_check(&firewall);
    buffer_text(&firewall.text, to_router);
    lists(&firewall);
    groups(&firewall);
    buffer_text(&firewall.text, "}\n");
    char *text = arena_strdup(arena, buffer_string(&firewall.text));
    buffer_free(&firewall.text);
    return text;
}
