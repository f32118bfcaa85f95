/* <nodes> of a cluster and its <resources>. Every attribute that decides capacity is understood or refused;
 * those of Vespa's own processes on the node are let through. Source: Vespa's reference for services.xml,
 * "nodes". */
#include "base/text.h"
#include "zone/package_amounts.h"
#include "zone/package_grammar.h"

#include <string.h>

enum { MOST_NODES = 1000, IMAGE_LONGEST = 255 };

static bool is_image(const char *text)
{
    return *text && strlen(text) <= IMAGE_LONGEST && text_only(text, "A-Za-z0-9._/:@-") && text[0] != '-' &&
           text[0] != '/' && text[0] != '.';
}

static bool is_speed(const char *text)
{
    return text_equal(text, "fast") || text_equal(text, "slow") || text_equal(text, "any");
}

static bool is_storage(const char *text)
{
    return text_equal(text, "local") || text_equal(text, "remote") || text_equal(text, "any");
}

static bool is_architecture(const char *text)
{
    return text_equal(text, "x86_64") || text_equal(text, "arm64") || text_equal(text, "any");
}

static const struct text_rule rule_image = {is_image, "an image's name"},
                              rule_speed = {is_speed, "fast, slow or any"},
                              rule_storage = {is_storage, "local, remote or any"},
                              rule_architecture = {is_architecture, "x86_64, arm64 or any"};

static const struct attribute_rule resource_attributes[] = {
    {.name = "vcpu"},
    {.name = "memory"},
    {.name = "disk"},
    {.name = "disk-speed", .text = &rule_speed},
    {.name = "storage-type", .text = &rule_storage},
    {.name = "architecture", .text = &rule_architecture},
    {.name = "max-cost-factor"},
    {0}};
static const struct element_rule gpu_rule = {
    .name = "gpu", .refusal = "hosts with GPUs are not offered: remove it or pick another variant here"};
static const struct element_rule resources_rule = {.name = "resources",
                                                   .most = 1,
                                                   .attributes = resource_attributes,
                                                   .children =
                                                       (const struct element_rule *const[]){&gpu_rule, NULL}};

#define OF_REFUSAL                                                                                         \
    "this shares another cluster's nodes, but in an enclave every cluster has its own: write a count and " \
    "<resources> of its own"

/* Of Vespa's processes on the node; nothing here depends on them. */
#define PROCESS_ATTRIBUTES                                                                                  \
    {.name = "jvm-options"}, {.name = "jvm-gc-options"}, {.name = "jvmargs"}, {.name = "allocated-memory"}, \
        {.name = "preload"}, {.name = "cpu-socket-affinity"}, {.name = "core-on-oom"},                      \
        {.name = "mmap-nocore-limit"}, {.name = "no-vespamalloc"}, {.name = "vespamalloc"},                 \
        {.name = "vespamalloc-debug"},                                                                      \
    {                                                                                                       \
        .name = "vespamalloc-debug-stacktrace"                                                              \
    }
#define NODE_ATTRIBUTES                                                                             \
    {.name = "count"}, {.name = "exclusive", .text = &rule_boolean},                                \
        {.name = "required", .text = &rule_boolean}, {.name = "docker-image", .text = &rule_image}, \
        {.name = "of", .refusal = OF_REFUSAL},                                                      \
    {                                                                                               \
        .name = "flavor", .refusal = "name what a node needs instead: <resources vcpu memory disk>" \
    }

/* clang-format off */
static const struct attribute_rule container_attributes[] = {NODE_ATTRIBUTES, PROCESS_ATTRIBUTES,
    {.name = "groups", .refusal = "only content clusters have groups"},
    {.name = "group-size", .refusal = "only content clusters have groups"}, {0}};
static const struct attribute_rule content_attributes[] = {NODE_ATTRIBUTES, PROCESS_ATTRIBUTES,
    {.name = "groups"}, {.name = "group-size"}, {0}};
/* clang-format on */

static const struct element_rule node_rule = {
    .name = "node", .refusal = "lists its hosts; ask for a count instead: <nodes count=\"2\">"};
static const struct element_rule jvm_rule = {.name = "jvm"};
static const struct element_rule variables_rule = {.name = "environment-variables"};
static const struct element_rule *const node_children[] = {&resources_rule, &node_rule, &jvm_rule,
                                                           &variables_rule, NULL};
static const struct element_rule nodes_rules[] = {
    [CLUSTER_CONTAINER] = {.name = "nodes", .attributes = container_attributes, .children = node_children},
    [CLUSTER_CONTENT] = {.name = "nodes", .attributes = content_attributes, .children = node_children},
};

/* What a cluster's nodes have when nothing is asked for: Vespa's own, on clouds that provision. */
static const struct wanted_resources resource_defaults[] = {
    [CLUSTER_CONTAINER] = {{2, 2}, {8, 8}, {50, 50}, "fast", "any", "any", 0},
    [CLUSTER_CONTENT] = {{2, 2}, {16, 16}, {300, 300}, "fast", "any", "any", 0},
};
static const double disk_per_memory[] = {[CLUSTER_CONTAINER] = 2, [CLUSTER_CONTENT] = 3};

static const struct amount_rule rule_vcpu = {"vcpu", AMOUNT_NUMBER, 0.5, 192, false},
                                rule_memory = {"memory", AMOUNT_BYTES, 0.5, 2048, false},
                                rule_disk = {"disk", AMOUNT_BYTES, 1, 65536, false},
                                rule_cost = {"max-cost-factor", AMOUNT_NUMBER, 1, 100, false},
                                rule_count = {"count", AMOUNT_WHOLE, 1, MOST_NODES, false},
                                rule_groups = {"groups", AMOUNT_WHOLE, 1, MOST_NODES, false},
                                rule_group_size = {"group-size", AMOUNT_WHOLE, 1, MOST_NODES, true};

static const char *choice(struct arena *arena, xmlNode *element, const char *name, const char *otherwise)
{
    const char *text = xml_attribute(arena, element, name);
    return text ? text : otherwise;
}

/* A disk that nobody asked for still has room for what memory holds. */
static void raise_default_disk(struct wanted_resources *resources, double per_memory)
{
    if (resources->disk_gb.low < per_memory * resources->memory_gb.low)
        resources->disk_gb.low = per_memory * resources->memory_gb.low;
    if (resources->disk_gb.high < per_memory * resources->memory_gb.high)
        resources->disk_gb.high = per_memory * resources->memory_gb.high;
}

static int take_resources(struct arena *arena, xmlNode *element, struct wanted_cluster *cluster,
                          struct error *err)
{
    struct wanted_resources *resources = &cluster->resources;
    struct range cost = {0, 0};
    bool has_disk;
    if (package_read_range(arena, element, &rule_vcpu, &resources->vcpu, NULL, err) < 0 ||
        package_read_range(arena, element, &rule_memory, &resources->memory_gb, NULL, err) < 0 ||
        package_read_range(arena, element, &rule_disk, &resources->disk_gb, &has_disk, err) < 0 ||
        package_read_range(arena, element, &rule_cost, &cost, NULL, err) < 0)
        return -1;
    if (cost.low != cost.high)
        return package_refuse_at(err, SERVICES_FILE, element, "max-cost-factor must be one number");
    if (!has_disk)
        raise_default_disk(resources, disk_per_memory[cluster->type]);
    resources->max_cost_factor = cost.low;
    resources->disk_speed = choice(arena, element, "disk-speed", resources->disk_speed);
    resources->storage_type = choice(arena, element, "storage-type", resources->storage_type);
    resources->architecture = choice(arena, element, "architecture", resources->architecture);
    return 0;
}

static int read_copies(struct arena *arena, xmlNode *content, const char *name, long *copies,
                       struct error *err)
{
    xmlNode *element = xml_first(content, name);
    if (!element)
        return 0;
    const char *text = xml_content(arena, element);
    *copies = rule_whole_number.valid(text) ? strtol(text, NULL, 10) : 0;
    if (*copies < 1 || *copies > MOST_NODES)
        return package_refuse_at(err, SERVICES_FILE, element, "'%.40s' must be a whole number from 1 to %d",
                                 text, MOST_NODES);
    return 0;
}

static int read_redundancy(struct arena *arena, xmlNode *element, struct asked_nodes *asked,
                           struct error *err)
{
    if (xml_first(element, "group"))
        return package_refuse_at(err, SERVICES_FILE, xml_first(element, "group"),
                                 "lists its hosts; ask for groups instead: <nodes count=\"4\" groups=\"2\">");
    return read_copies(arena, element, "redundancy", &asked->redundancy, err) < 0 ||
                   read_copies(arena, element, "min-redundancy", &asked->min_redundancy, err) < 0
               ? -1
               : 0;
}

int package_take_nodes(struct resolving *resolving, xmlNode *element, struct wanted_cluster *cluster,
                       struct error *err)
{
    struct arena *arena = resolving->arena;
    struct asked_nodes asked = {0};
    xmlNode *nodes = xml_first(element, "nodes");
    cluster->resources = resource_defaults[cluster->type];
    if (cluster->type == CLUSTER_CONTENT && read_redundancy(arena, element, &asked, err) < 0)
        return -1;
    if (!nodes)
        return package_take_capacity(resolving, element, &asked, cluster, err);
    if (xml_next(nodes, "nodes"))
        return package_refuse_at(err, SERVICES_FILE, xml_next(nodes, "nodes"),
                                 "cluster '%s' has another <nodes> for zone %s", cluster->id,
                                 zone_text(arena, resolving->target->zone));
    if (package_check(arena, SERVICES_FILE, nodes, &nodes_rules[cluster->type], err) < 0)
        return -1;
    cluster->image = xml_attribute(arena, nodes, "docker-image");
    cluster->required = text_equal(xml_attribute(arena, nodes, "required"), "true");
    xmlNode *resources = xml_first(nodes, "resources");
    if (package_read_range(arena, nodes, &rule_count, &asked.count, &asked.has_count, err) < 0 ||
        package_read_range(arena, nodes, &rule_groups, &asked.groups, &asked.has_groups, err) < 0 ||
        package_read_range(arena, nodes, &rule_group_size, &cluster->group_size, NULL, err) < 0 ||
        (resources && take_resources(arena, resources, cluster, err) < 0))
        return -1;
    return package_take_capacity(resolving, nodes, &asked, cluster, err);
}
