/* Cuts: nothing passes between two parties, whatever the records allow. A party that has interfaces in a VPC
 * is known there by its links, elsewhere by its addresses as that VPC sees them; the internet is what lies
 * behind the VPC's uplink and its NAT gateways. */
#include "localaws/plane/firewall.h"

#include "base/text.h"

#include <string.h>

enum { CUT_LARGEST = 1 << 20, PARTY_LONGEST = 128 };

/* One way to say "from it" and "to it": nftables words. A party can need one for each family. */
struct match {
    char *from, *to;
    int family; /* 4, 6; 0: either */
};
struct party {
    struct match matches[2];
    size_t count;
};

static void add_match(struct party *party, struct arena *arena, int family, const char *from, const char *to,
                      const char *values)
{
    if (!text_empty(values))
        party->matches[party->count++] = (struct match){arena_format(arena, "%s { %s }", from, values),
                                                        arena_format(arena, "%s { %s }", to, values), family};
}

static char *join(struct arena *arena, const char *list, const char *one)
{
    return text_empty(list) ? arena_strdup(arena, one) : arena_format(arena, "%s, %s", list, one);
}

static bool is_nat(const struct plane_vpc *vpc, const char *owner)
{
    for (size_t i = 0; i < vpc->appliance_count; i++)
        if (text_equal(vpc->appliances[i].id, owner))
            return vpc->appliances[i].kind == PLANE_NAT;
    return false;
}

/* The links of one owner; of NULL, the ways to the internet. */
static char *links_of(struct arena *arena, const struct plane_vpc *vpc, const char *owner)
{
    char *links = owner ? NULL : arena_strdup(arena, "\"inet\"");
    for_each_interface(vpc, interface)
    {
        char name[16];
        firewall_link(interface, name);
        if (owner ? text_equal(interface->owner, owner) : is_nat(vpc, interface->owner))
            links = join(arena, links, arena_format(arena, "\"%s\"", name));
    }
    return links;
}

static const char *outside_of(const struct plane_vpc *vpc, const char *address)
{
    for (size_t i = 0; i < vpc->translation_count; i++)
        if (text_equal(vpc->translations[i].inside, address))
            return vpc->translations[i].outside;
    return NULL;
}

/* What an owner in other VPCs looks like from here. */
static void add_elsewhere(struct party *party, const struct plane *plane, struct arena *arena,
                          const char *owner)
{
    char *four = NULL, *six = NULL;
    for (const struct network *network = plane->networks; network; network = network->next) {
        if (!network->wanted)
            continue;
        for_each_interface(network->wanted, interface)
        {
            for (const char *const *address = interface->addresses;
                 text_equal(interface->owner, owner) && *address; address++) {
                struct prefix prefix;
                const char *seen = strchr(*address, ':') ? *address : outside_of(network->wanted, *address);
                if (prefix_parse(seen, &prefix))
                    *(prefix.six ? &six : &four) = join(arena, prefix.six ? six : four, prefix.address);
            }
        }
    }
    add_match(party, arena, 6, "ip6 saddr", "ip6 daddr", six);
    add_match(party, arena, 4, "ip saddr", "ip daddr", four);
}

static struct party party_of(const struct plane *plane, const struct network *network, struct arena *arena,
                             const char *name)
{
    struct party party = {.count = 0};
    struct prefix prefix;
    bool internet = text_equal(name, "internet");
    const char *links = links_of(arena, network->wanted, internet ? NULL : name);
    if (prefix_parse(name, &prefix))
        add_match(&party, arena, prefix.six ? 6 : 4, prefix.six ? "ip6 saddr" : "ip saddr",
                  prefix.six ? "ip6 daddr" : "ip daddr", prefix.text);
    else if (links)
        add_match(&party, arena, 0, "iifname", "oifname", links);
    else
        add_elsewhere(&party, plane, arena, name);
    return party;
}

char *cut_rules(const struct plane *plane, const struct network *network, struct arena *arena)
{
    cleanup(buffer_free) struct buffer rules = buffer_new(CUT_LARGEST);
    for (const struct cut *cut = plane->cuts; cut; cut = cut->next) {
        struct party a = party_of(plane, network, arena, cut->a);
        struct party b = party_of(plane, network, arena, cut->b);
        for (size_t i = 0; i < a.count; i++)
            for (size_t j = 0; j < b.count; j++) {
                const struct match *here = &a.matches[i], *there = &b.matches[j];
                if (here->family && there->family && here->family != there->family)
                    continue;
                buffer_format(&rules, "  %s %s drop\n  %s %s drop\n", here->from, there->to, there->from,
                              here->to);
            }
    }
    return arena_strdup(arena, buffer_string(&rules));
}

static bool same_cut(const struct cut *cut, const char *a, const char *b)
{
    return (text_equal(cut->a, a) && text_equal(cut->b, b)) ||
           (text_equal(cut->a, b) && text_equal(cut->b, a));
}

static void forget(struct cut **place)
{
    struct cut *cut = *place;
    *place = cut->next;
    free(cut->a);
    free(cut->b);
    free(cut);
}

static void set_cut(struct plane *plane, const char *a, const char *b, bool cut)
{
    struct cut **place = &plane->cuts;
    while (*place && !same_cut(*place, a, b))
        place = &(*place)->next;
    if (!cut && *place)
        forget(place);
    if (cut && !*place) {
        *place = memory_alloc(sizeof **place);
        **place = (struct cut){.a = memory_strdup(a), .b = memory_strdup(b)};
    }
}

struct wish {
    char *a, *b;
    bool cut;
};

/* Whoever has interfaces in one VPC is cut by address in others, so each network is asked. */
static void carry_out(struct plane *plane, struct job *job)
{
    const struct wish *wish = job->wanted;
    set_cut(plane, wish->a, wish->b, wish->cut);
    networks_changed(plane);
}

static bool is_party(const char *name)
{
    return !text_empty(name) && strlen(name) <= PARTY_LONGEST && text_only(name, "a-zA-Z0-9:./-");
}

int plane_set_cut(struct plane *plane, const char *a, const char *b, bool cut, struct error *err)
{
    if (!is_party(a) || !is_party(b))
        return error_set(err, ERROR_INVALID,
                         "a cut is between instances, load balancers, CIDR blocks and \"internet\"");
    struct job *job = job_new(carry_out);
    struct wish *wish = arena_alloc(job->arena, sizeof *wish);
    *wish = (struct wish){arena_strdup(job->arena, a), arena_strdup(job->arena, b), cut};
    job->wanted = wish;
    job_queue(plane, job);
    return 0;
}

void cuts_forget(struct plane *plane)
{
    while (plane->cuts)
        forget(&plane->cuts);
}
