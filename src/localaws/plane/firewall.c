/* A VPC's firewall as nftables text, loaded whole and at once into its router. Each of these is a base chain
 * of its own, because an accept ends only the chain it is in:
 *
 *   source_check       a packet carries an address of the interface it came from (and IMDS believes the
 * address therefore); what comes from the internet is for an address the internet knows cut what an operator
 * cut destination_check  and reaches only an interface that has the address it is for, unless that one's
 * check is off lists              network ACLs: no connection tracking, in number order, only between subnets
 *   translated         IPv4 between here and the internet goes by today's public addresses only
 *   leaving            security groups of who began the connection, and what the internet may begin
 *   entering           security groups of whom it was begun with
 *
 * No chain lets a packet through because its connection was let through before: a rule, route, list or
 * address that is taken away stops the next packet. (AWS goes on with tracked connections when a group's rule
 * is revoked.)
 *
 * Names in the text are made here (acl_in_0, g0_ip, e<hash>), and addresses are parsed and printed again:
 * nothing that a caller sent reaches nftables as it was. */
#include "localaws/plane/firewall.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

void elements_next(struct elements *elements)
{
    buffer_text(elements->text, elements->any ? ", " : "  elements = { ");
    elements->any = true;
}

void elements_end(struct elements *elements)
{
    buffer_text(elements->text, elements->any ? " }\n }\n" : " }\n");
}

void firewall_link(const struct plane_interface *interface, char name[16])
{
    short_name("e", interface->id, name);
}

int firewall_subnet(const struct firewall *firewall, const struct plane_interface *interface)
{
    for (size_t i = 0; i < firewall->vpc->subnet_count; i++)
        if (text_equal(firewall->vpc->subnets[i].id, interface->subnet_id))
            return (int)i;
    return -1;
}

/* Which addresses are whose: "e<hash>" . address. */
static void address_set(struct firewall *firewall, bool six)
{
    buffer_format(&firewall->text, " set own_%s { type ifname . %s;\n", six ? "ip6" : "ip",
                  six ? "ipv6_addr" : "ipv4_addr");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall->vpc, interface)
    {
        char name[16];
        firewall_link(interface, name);
        for (const char *const *address = interface->addresses; *address; address++) {
            struct prefix prefix;
            if (prefix_parse(*address, &prefix) && prefix.six == six) {
                elements_next(&elements);
                buffer_format(&firewall->text, "\"%s\" . %s", name, prefix.address);
            }
        }
    }
    elements_end(&elements);
}

/* The links whose check is on, or off. */
static void checked_set(struct firewall *firewall, bool checked)
{
    buffer_format(&firewall->text, " set %s { type ifname;\n", checked ? "checked" : "unchecked");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall->vpc, interface)
    {
        char name[16];
        firewall_link(interface, name);
        if (interface->source_check != checked)
            continue;
        elements_next(&elements);
        buffer_format(&firewall->text, "\"%s\"", name);
    }
    elements_end(&elements);
}

static void subnet_maps(struct firewall *firewall)
{
    buffer_text(&firewall->text, " map subnet_of { type ifname : mark;\n");
    struct elements elements = {&firewall->text, false};
    for_each_interface(firewall->vpc, interface)
    {
        char name[16];
        firewall_link(interface, name);
        elements_next(&elements);
        buffer_format(&firewall->text, "\"%s\" : %d", name, firewall_subnet(firewall, interface) + 1);
    }
    elements_end(&elements);
    buffer_text(&firewall->text, " set within_subnet { type ifname . mark;\n");
    elements = (struct elements){&firewall->text, false};
    for_each_interface(firewall->vpc, interface)
    {
        char name[16];
        firewall_link(interface, name);
        elements_next(&elements);
        buffer_format(&firewall->text, "\"%s\" . %d", name, firewall_subnet(firewall, interface) + 1);
    }
    elements_end(&elements);
}

/* The public addresses: each way, alone, and as pairs. */
static void translation_maps(struct firewall *firewall)
{
    static const struct form {
        const char *head, *between; /* NULL: the first alone */
        bool outside_first;
    } forms[] = {
        {" map inside_of { type ipv4_addr : ipv4_addr;\n", " : ", true},
        {" map outside_of { type ipv4_addr : ipv4_addr;\n", " : ", false},
        {" set translated { type ipv4_addr . ipv4_addr;\n", " . ", false},
        {" set outside { type ipv4_addr;\n", NULL, true},
        {" set inside { type ipv4_addr;\n", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct elements elements = {&firewall->text, false};
        buffer_text(&firewall->text, forms[i].head);
        for (size_t j = 0; j < firewall->vpc->translation_count; j++) {
            struct prefix inside, outside;
            if (!prefix_parse(firewall->vpc->translations[j].inside, &inside) ||
                !prefix_parse(firewall->vpc->translations[j].outside, &outside) || inside.six || outside.six)
                continue;
            elements_next(&elements);
            buffer_text(&firewall->text, forms[i].outside_first ? outside.address : inside.address);
            if (forms[i].between)
                buffer_format(&firewall->text, "%s%s", forms[i].between,
                              forms[i].outside_first ? inside.address : outside.address);
        }
        elements_end(&elements);
    }
}

/* From interface to a chain of `prefix` and the interface's subnet or own number. */
static void verdict_map(struct firewall *firewall, const char *name, const char *verb, const char *prefix,
                        bool by_subnet)
{
    int number = 0;
    struct elements elements = {&firewall->text, false};
    buffer_format(&firewall->text, " map %s { type ifname : verdict;\n", name);
    for_each_interface(firewall->vpc, interface)
    {
        char link[16];
        firewall_link(interface, link);
        int target = by_subnet ? firewall_subnet(firewall, interface) : number++;
        if (target < 0)
            continue;
        elements_next(&elements);
        buffer_format(&firewall->text, "\"%s\" : %s %s%d", link, verb, prefix, target);
    }
    elements_end(&elements);
}

static void source_check(struct firewall *firewall)
{
    struct buffer *text = &firewall->text;
    buffer_text(text,
                " chain source_check { type filter hook prerouting priority raw; policy drop;\n"
                "  iifname \"lo\" accept\n"
                "  ip6 saddr fe80::/10 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n");
    for (const char *const *cidr = firewall->vpc->cidrs; *cidr; cidr++) {
        struct prefix prefix;
        if (prefix_parse(*cidr, &prefix))
            buffer_format(text, "  iifname \"inet\" %s saddr %s drop\n", prefix_family(&prefix), prefix.text);
    }
    buffer_text(text, "  iifname \"inet\" ip6 saddr 2000::/3 accept\n"
                      "  iifname \"inet\" ip daddr @outside accept\n"
                      "  iifname @unchecked accept\n"
                      "  iifname . ip6 saddr @own_ip6 accept\n"
                      "  iifname . ip saddr @own_ip accept\n }\n");
}

/* To the router itself: metadata and names, for its own interfaces only, which are who they say they are
 * here even when their source check is off. */
static void to_router(struct firewall *firewall)
{
    char resolver[INET_ADDRSTRLEN];
    struct buffer *text = &firewall->text;
    buffer_text(text, " chain services {\n"
                      "  icmpv6 type echo-request accept\n"
                      "  icmp type echo-request accept\n"
                      "  ip6 daddr " METADATA_IPV6 " tcp dport 80 accept\n"
                      "  ip daddr " METADATA_IPV4 " tcp dport 80 accept\n");
    if (!firewall->vpc->no_names)
        buffer_text(text, "  ip6 daddr " NAMES_IPV6 " meta l4proto { tcp, udp } th dport 53 accept\n"
                          "  ip daddr " NAMES_IPV4 " meta l4proto { tcp, udp } th dport 53 accept\n");
    if (!firewall->vpc->no_names && names_own_address(firewall->vpc, resolver))
        buffer_format(text, "  ip daddr %s meta l4proto { tcp, udp } th dport 53 accept\n", resolver);
    buffer_text(text, " }\n chain to_router { type filter hook input priority filter; policy drop;\n"
                      "  iifname \"lo\" accept\n"
                      "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, packet-too-big } accept\n"
                      "  iifname \"inet\" drop\n"
                      "  iifname . ip6 saddr @own_ip6 jump services\n"
                      "  iifname . ip saddr @own_ip jump services\n }\n");
}

/* `lists` marks the packet with the subnet it leaves, and leaves alone what stays in it. */
static const char edges[] =
    " chain destination_check { type filter hook forward priority -25; policy accept;\n"
    "  oifname @checked meta nfproto ipv6 oifname . ip6 daddr != @own_ip6 drop\n"
    "  oifname @checked meta nfproto ipv4 oifname . ip daddr != @own_ip drop\n }\n"
    " chain lists { type filter hook forward priority -20; policy accept;\n"
    "  icmpv6 type packet-too-big accept\n"
    "  icmp type destination-unreachable icmp code frag-needed accept\n"
    "  meta mark set iifname map @subnet_of\n"
    "  oifname . meta mark @within_subnet accept\n"
    "  iifname vmap @lists_out\n"
    "  oifname vmap @lists_in\n }\n";

/* The internet gateway. A guest without a public address learns at once that it gets nowhere, as it does
 * where it has no route (at AWS it would wait). */
static const char translation[] =
    " chain translate_in { type nat hook prerouting priority dstnat;\n"
    "  iifname \"inet\" dnat ip to ip daddr map @inside_of\n }\n"
    " chain translate_out { type nat hook postrouting priority srcnat;\n"
    "  oifname \"inet\" snat ip to ip saddr map @outside_of\n }\n"
    " chain translated_only { type filter hook forward priority -15; policy accept;\n"
    "  meta nfproto ipv6 accept\n"
    "  oifname \"inet\" ct direction original ct state new ip saddr @inside accept\n"
    "  oifname \"inet\" ct direction original ct original ip saddr . ct reply ip daddr @translated accept\n"
    "  iifname \"inet\" ct direction reply ct original ip saddr . ct reply ip daddr @translated accept\n"
    "  iifname \"inet\" ct direction original ct reply ip saddr . ct original ip daddr @translated accept\n"
    "  oifname \"inet\" ct direction reply ct reply ip saddr . ct original ip daddr @translated accept\n"
    "  iifname \"inet\" drop\n"
    "  oifname \"inet\" reject with icmp type net-unreachable\n }\n";

/* A connection from the internet can begin only where the subnet would answer by an internet gateway; an
 * egress-only gateway carries nothing but answers. */
static void from_internet(struct firewall *firewall)
{
    buffer_text(&firewall->text, " chain from_internet {\n");
    for (size_t i = 0; i < firewall->vpc->subnet_count; i++) {
        const struct plane_subnet *subnet = &firewall->vpc->subnets[i];
        for (size_t j = 0; j < subnet->route_count; j++) {
            struct prefix own, there;
            if (subnet->routes[j].target == PLANE_INTERNET &&
                prefix_parse(subnet->routes[j].destination, &there) &&
                prefix_parse(there.six ? subnet->ipv6_cidr : subnet->cidr, &own))
                buffer_format(&firewall->text, "  ct reply %s saddr %s ct original %s saddr %s accept\n",
                              prefix_family(&own), own.text, prefix_family(&there), there.text);
        }
    }
    buffer_text(&firewall->text, "  drop\n }\n");
}

/* Who began a connection is behind the link its packets come in by, and its answers go out by. Errors about a
 * connection (ICMP) belong to it. */
static const char groups[] = " chain leaving { type filter hook forward priority -10; policy drop;\n"
                             "  ct state invalid drop\n"
                             "  ct state related meta l4proto { icmp, ipv6-icmp } accept\n"
                             "  ct direction original iifname \"inet\" goto from_internet\n"
                             "  ct direction reply oifname \"inet\" goto from_internet\n"
                             "  ct direction original iifname vmap @groups_out\n"
                             "  ct direction reply oifname vmap @groups_out\n }\n"
                             " chain entering { type filter hook forward priority filter; policy drop;\n"
                             "  ct state related meta l4proto { icmp, ipv6-icmp } accept\n"
                             "  ct direction original oifname \"inet\" accept\n"
                             "  ct direction reply iifname \"inet\" accept\n"
                             "  ct direction original oifname vmap @groups_in\n"
                             "  ct direction reply iifname vmap @groups_in\n }\n";

static void sets(struct firewall *firewall)
{
    address_set(firewall, true);
    address_set(firewall, false);
    checked_set(firewall, true);
    checked_set(firewall, false);
    subnet_maps(firewall);
    translation_maps(firewall);
}

char *firewall_text(struct arena *arena, const struct plane_vpc *vpc, const char *cuts)
{
    struct firewall firewall = {vpc, buffer_new(FIREWALL_LARGEST)};
    buffer_text(&firewall.text, "table inet vpc\ndelete table inet vpc\ntable inet vpc {\n");
    sets(&firewall);
    firewall_rules(&firewall);
    verdict_map(&firewall, "lists_out", "jump", "acl_out_", true);
    verdict_map(&firewall, "lists_in", "jump", "acl_in_", true);
    verdict_map(&firewall, "groups_out", "goto", "out_", false);
    verdict_map(&firewall, "groups_in", "goto", "in_", false);
    source_check(&firewall);
    to_router(&firewall);
    buffer_format(&firewall.text,
                  " chain cut { type filter hook forward priority -30; policy accept;\n%s }\n", cuts);
    firewall_balancers(&firewall.text, vpc);
    buffer_text(&firewall.text, edges);
    buffer_text(&firewall.text, translation);
    from_internet(&firewall);
    buffer_text(&firewall.text, groups);
    buffer_text(&firewall.text, "}\n");
    char *text = arena_strdup(arena, buffer_string(&firewall.text));
    buffer_free(&firewall.text);
    return text;
}
