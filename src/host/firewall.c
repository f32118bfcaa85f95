#include "host/firewall.h"

#include "base/buffer.h"
#include "base/text.h"
#include "host/addresses.h"
#include "tunnel/nftables.h"
#include "zone/names.h"

#include <net/if.h>
#include <string.h>

enum { FIREWALL_LARGEST = 4 << 20 };

#define NODE_LINK_PREFIX "n-"

char *node_link_name(struct arena *arena, const char *hostname)
{
    size_t length = strcspn(hostname, ".");
    char *name = arena_format(arena, NODE_LINK_PREFIX "%.*s", (int)length, hostname);
    if (strlen(name) < IF_NAMESIZE)
        return name;
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *byte = hostname; *byte; byte++)
        hash = (hash ^ (unsigned char)*byte) * 1099511628211u;
    return arena_format(arena, NODE_LINK_PREFIX "%013llx", (unsigned long long)(hash >> 12));
}

/* Always there, whatever runs on the host. */
static const char input_rules[] =
    "    iifname \"lo\" accept\n"
    "    ct state established,related accept\n"
    "    ct state invalid drop\n"
    "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept\n"
    "    iifname \"" NODE_LINK_PREFIX "*\" drop\n"
    "    icmpv6 type nd-router-advert ip6 hoplimit 255 accept\n"
    "    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept\n"
    "    ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept comment \"the VPC's DHCPv6\"\n"
    "    udp sport 67 udp dport 68 accept comment \"the VPC's DHCP\"\n";

/* Where no node has any business, even if a spec named it: metadata, link-local, multicast. */
#define NEVER_FOR_NODES "fd00:ec2::/32, fe80::/10, ff00::/8, ::1"

static void write_peers(struct buffer *text, const struct firewall *firewall)
{
    const struct wireguard_peers *peers = firewall->peers;
    if (!peers || peers->configserver_count == 0)
        return;
    buffer_format(text, "    iifname \"%s\" ip6 saddr {", firewall->tunnel_interface);
    for (size_t i = 0; i < peers->configserver_count; i++)
        buffer_format(text, "%s %s", i ? "," : "", peers->configservers[i].address);
    buffer_format(text, " } icmpv6 type echo-request accept\n    iifname \"%s\" ip6 saddr {",
                  firewall->tunnel_interface);
    for (size_t i = 0; i < peers->configserver_count; i++)
        buffer_format(text, "%s %s", i ? "," : "", peers->configservers[i].address);
    buffer_format(text, " } tcp dport %d accept comment \"health\"\n", HEALTH_PORT);
}

static void write_set(struct buffer *text, const char *match, const char *const *items, size_t count,
                      const char *verdict)
{
    if (count == 0)
        return;
    buffer_format(text, "    %s {", match);
    for (size_t i = 0; i < count; i++)
        buffer_format(text, "%s %s", i ? "," : "", items[i]);
    buffer_format(text, " } %s\n", verdict);
}

/* Before answers are let through: a node speaks by its own address only, and never to what is the host's. */
static void write_node_limits(struct buffer *text, struct arena *arena, const struct firewall *firewall,
                              const struct node_spec *node)
{
    const char *link = node_link_name(arena, node->hostname);
    buffer_format(text, "    iifname \"%s\" meta nfproto ipv4 drop\n", link);
    buffer_format(text, "    iifname \"%s\" ip6 saddr != %s drop\n", link, node->address);
    buffer_format(text, "    iifname \"%s\" ip6 daddr { " NEVER_FOR_NODES ", %s } drop\n", link,
                  firewall->spec->host_address);
    buffer_format(text, "    iifname \"%s\" oifname \"%s\" drop\n", link, firewall->tunnel_interface);
    buffer_format(text, "    oifname \"%s\" iifname \"%s\" drop\n", link, firewall->tunnel_interface);
}

static void write_node(struct buffer *text, struct arena *arena, const struct node_spec *node)
{
    const char *link = node_link_name(arena, node->hostname);
    const char **networks = arena_alloc(arena, (node->network_count + 1) * sizeof *networks);
    size_t network_count = 0;
    for (size_t i = 0; i < node->network_count; i++)
        if (network_is_ipv6(node->networks[i])) /* nodes have no IPv4 */
            networks[network_count++] = node->networks[i];

    const char *const *peers = node->application_addresses;
    size_t peer_count = node->application_address_count;
    write_set(text, arena_format(arena, "iifname \"%s\" ip6 daddr", link), peers, peer_count, "accept");
    write_set(text, arena_format(arena, "oifname \"%s\" ip6 daddr %s ip6 saddr", link, node->address), peers,
              peer_count, "accept");
    write_set(text, arena_format(arena, "oifname \"%s\" ip6 daddr %s ip6 saddr", link, node->address),
              networks, network_count, arena_format(arena, "tcp dport %d accept", NODE_PORT));
}

char *firewall_text(struct arena *arena, const struct firewall *firewall)
{
    cleanup(buffer_free) struct buffer text = buffer_new(FIREWALL_LARGEST);
    /* Declaring it first makes the deletion valid when there is none yet. */
    buffer_text(&text, "table inet enclave\ndelete table inet enclave\ntable inet enclave {\n"
                       "  chain input {\n    type filter hook input priority filter; policy drop;\n");
    buffer_text(&text, input_rules);
    write_peers(&text, firewall);
    buffer_text(&text, "  }\n  chain forward {\n    type filter hook forward priority filter; policy drop;\n"
                       "    ct state invalid drop\n");
    size_t count = firewall->spec ? firewall->spec->node_count : 0;
    for (size_t i = 0; i < count; i++)
        write_node_limits(&text, arena, firewall, &firewall->spec->nodes[i]);
    buffer_text(&text, "    ct state established,related accept\n");
    for (size_t i = 0; i < count; i++)
        write_node(&text, arena, &firewall->spec->nodes[i]);
    buffer_text(&text, "  }\n}\n");
    /* A batch cut short would not parse, but it would not say why either. */
    return text.overflow ? arena_strdup(arena, "the firewall of this spec is too large\n")
                         : arena_strdup(arena, buffer_string(&text));
}

int firewall_load(const char *text, struct error *err)
{
    return nftables_load(text, err);
}
