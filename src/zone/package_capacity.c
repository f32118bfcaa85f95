/* How many nodes a cluster gets: what was asked for, by the rules of the environment. Outside production
 * fewer do, unless required="true"; production does not run on one node or one copy, unless the package says
 * that it may. Source: Vespa's capacity policies and its reference for services.xml. An enclave's resources
 * are never reduced. */
#include "base/text.h"
#include "zone/package_grammar.h"

static double one(double asked)
{
    (void)asked;
    return 1;
}

static double at_most_three(double asked)
{
    return asked < 3 ? asked : 3;
}

static double a_twentieth(double asked)
{
    double part = (double)(int)(asked / 20);
    if (asked <= 1)
        return asked;
    return part > 2 ? part : 2;
}

static double as_asked(double asked)
{
    return asked;
}

struct environment_rule {
    const char *name;
    double (*nodes)(double asked);
    double default_containers; /* of a container cluster that asks for no count */
    bool content_needs_count, is_production;
};

static const struct environment_rule environment_rules[] = {
    {"dev", one, 1, false, false},
    {"test", one, 1, true, false},
    {"perf", at_most_three, 1, false, false},
    {"staging", a_twentieth, 1, true, false},
    {"prod", as_asked, 2, true, true},
};

/* One cluster's capacity in the making. */
struct sizing {
    struct resolving *resolving;
    xmlNode *element; /* for messages: <nodes>, or the cluster when it has none */
    const struct environment_rule *rule;
    struct asked_nodes asked;
    struct wanted_cluster *cluster;
};

static const struct environment_rule *rule_of(const char *environment)
{
    for (size_t i = 0; i < COUNT_OF(environment_rules); i++)
        if (text_equal(environment_rules[i].name, environment))
            return &environment_rules[i];
    return &environment_rules[COUNT_OF(environment_rules) - 1];
}

static bool divides(double part, double whole)
{
    return (int)whole % (int)part == 0;
}

static bool fits(const struct range *group_size, double size)
{
    return size >= group_size->low && (group_size->high == 0 || size <= group_size->high);
}

/* The fewest groups (or the most) of a fitting size that `count` nodes make; 0: there are none. */
static double groups_of(double count, const struct range *group_size, bool fewest)
{
    for (double groups = fewest ? 1 : count; groups >= 1 && groups <= count; groups += fewest ? 1 : -1)
        if (divides(groups, count) && fits(group_size, count / groups))
            return groups;
    return 0;
}

static int ask_default_count(struct sizing *sizing, struct error *err)
{
    const struct wanted_cluster *cluster = sizing->cluster;
    if (sizing->asked.has_count)
        return 0;
    if (cluster->type == CLUSTER_CONTENT && sizing->rule->content_needs_count)
        return package_refuse_at(err, SERVICES_FILE, sizing->element,
                                 "content cluster '%s' needs <nodes count=\"…\"> in %s", cluster->id,
                                 sizing->rule->name);
    double count = cluster->type == CLUSTER_CONTAINER ? sizing->rule->default_containers : 1;
    sizing->asked.count = (struct range){count, count};
    return 0;
}

static int ask_groups(struct sizing *sizing, struct error *err)
{
    struct asked_nodes *asked = &sizing->asked;
    const struct range *size = &sizing->cluster->group_size;
    if (!asked->has_groups)
        asked->groups = (struct range){groups_of(asked->count.low, size, true),
                                       groups_of(asked->count.high, size, size->high == 0)};
    if (asked->groups.low == 0 || asked->groups.high == 0)
        return package_refuse_at(
            err, SERVICES_FILE, sizing->element,
            "cluster '%s': no number of groups makes groups of the size asked for of %g nodes",
            sizing->cluster->id, asked->groups.low == 0 ? asked->count.low : asked->count.high);
    const double counts[] = {asked->count.low, asked->count.high},
                 groups[] = {asked->groups.low, asked->groups.high};
    for (size_t i = 0; i < 2; i++) {
        if (groups[i] > counts[i] || !divides(groups[i], counts[i]))
            return package_refuse_at(err, SERVICES_FILE, sizing->element,
                                     "cluster '%s': %g nodes do not make %g groups of one size",
                                     sizing->cluster->id, counts[i], groups[i]);
        if (!fits(size, counts[i] / groups[i]))
            return package_refuse_at(err, SERVICES_FILE, sizing->element,
                                     "cluster '%s': %g nodes in %g groups are groups of %g, which group-size "
                                     "does not allow",
                                     sizing->cluster->id, counts[i], groups[i], counts[i] / groups[i]);
    }
    return 0;
}

/* Fewer nodes, fewer groups: the most that still divide them. */
static double fewer_groups(double groups, double count)
{
    double fewer = groups < count ? groups : count;
    while (!divides(fewer, count))
        fewer--;
    return fewer;
}

static void shrink(const struct sizing *sizing)
{
    const struct asked_nodes *asked = &sizing->asked;
    struct wanted_cluster *cluster = sizing->cluster;
    double (*nodes)(double) = cluster->required ? as_asked : sizing->rule->nodes;
    cluster->count = (struct range){nodes(asked->count.low), nodes(asked->count.high)};
    cluster->groups = (struct range){fewer_groups(asked->groups.low, cluster->count.low),
                                     fewer_groups(asked->groups.high, cluster->count.high)};
}

/* Copies in each group that the package asks for; two when it says nothing, as Vespa has it. */
static double copies_per_group(const struct asked_nodes *asked, double groups)
{
    if (asked->min_redundancy)
        return (double)(int)(((double)asked->min_redundancy + groups - 1) / groups);
    return asked->redundancy ? (double)asked->redundancy : 2;
}

static int refuse_unless_allowed(const struct sizing *sizing, const char *override_id, const char *what,
                                 struct error *err)
{
    if (application_package_allows(sizing->resolving->package, override_id,
                                   sizing->resolving->target->now_ms))
        return 0;
    return package_refuse_at(err, SERVICES_FILE, sizing->element,
                             "%s: cluster '%s' has one %s, production needs at least two; to do without for "
                             "now, put <allow until='…'>%s</allow> into " OVERRIDES_FILE,
                             override_id, sizing->cluster->id, what, override_id);
}

static int take_redundancy(const struct sizing *sizing, struct error *err)
{
    struct wanted_cluster *cluster = sizing->cluster;
    double copies = copies_per_group(&sizing->asked, sizing->asked.groups.low);
    double size = sizing->asked.count.low / sizing->asked.groups.low;
    bool said = sizing->asked.redundancy || sizing->asked.min_redundancy;
    if (said && copies > size && sizing->rule->is_production)
        return package_refuse_at(err, SERVICES_FILE, sizing->element,
                                 "cluster '%s': %g copies in a group need %g nodes, a group has %g",
                                 cluster->id, copies, copies, size);
    double left = cluster->count.low / cluster->groups.low;
    cluster->redundancy = (int64_t)((copies < left ? copies : left) * cluster->groups.low);
    if (sizing->rule->is_production && cluster->redundancy < 2 && cluster->count.low > 1)
        return refuse_unless_allowed(sizing, "redundancy-one", "copy of each document", err);
    return 0;
}

int package_take_capacity(struct resolving *resolving, xmlNode *element, const struct asked_nodes *asked,
                          struct wanted_cluster *cluster, struct error *err)
{
    struct sizing sizing = {resolving, element, rule_of(resolving->target->zone->environment), *asked,
                            cluster};
    if (ask_default_count(&sizing, err) < 0 || ask_groups(&sizing, err) < 0)
        return -1;
    shrink(&sizing);
    if (sizing.rule->is_production && cluster->count.low < 2 &&
        refuse_unless_allowed(&sizing, "minimum-node-count", "node", err) < 0)
        return -1;
    return cluster->type == CLUSTER_CONTENT ? take_redundancy(&sizing, err) : 0;
}
