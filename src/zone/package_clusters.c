/* services.xml for one zone: its clusters. What decides what runs is understood or refused, never ignored;
 * the rest is for Vespa itself, inside the node. */
#include "base/text.h"
#include "zone/package_grammar.h"

enum { MOST_CLUSTERS = 50 };

static const struct attribute_rule services_attributes[] = {{.name = "version", .text = &rule_version},
                                                            {.name = "major-version"},
                                                            {.name = "minimum-required-vespa-version"},
                                                            {0}};

static const struct element_rule container_rule = {.name = "container"}, content_rule = {.name = "content"},
                                 admin_rule = {.name = "admin"}, config_rule = {.name = "config"},
                                 routing_rule = {.name = "routing"};
static const struct element_rule jdisc_rule = {.name = "jdisc", .refusal = "is called <container> now"};
static const struct element_rule outer_clients_rule = {
    .name = "clients", .refusal = "belongs into the <container> whose clients they are"};
static const struct element_rule services_rule = {
    .name = "services",
    .attributes = services_attributes,
    .children =
        (const struct element_rule *const[]){&container_rule, &content_rule, &admin_rule, &config_rule,
                                             &routing_rule, &jdisc_rule, &outer_clients_rule, NULL}};

/* Includes and properties would change what is asked for. */
static int refuse_preprocessing(xmlNode *element, struct error *err)
{
    if (element->ns && text_equal((const char *)element->ns->href, "properties"))
        return package_refuse_at(err, SERVICES_FILE, element,
                                 "is for Vespa's preprocessor, which is not offered: "
                                 "write out what it stands for");
    for (xmlNode *child = xml_first(element, NULL); child; child = xml_next(child, NULL))
        if (refuse_preprocessing(child, err) < 0)
            return -1;
    return 0;
}

static int take_id(struct resolving *resolving, xmlNode *element, struct wanted_cluster *cluster,
                   struct error *err)
{
    const struct wanted_deployment *wanted = resolving->wanted;
    cluster->id = xml_attribute(resolving->arena, element, "id");
    if (!cluster_is_valid(cluster->id))
        return package_refuse_at(err, SERVICES_FILE, element,
                                 "needs an id of 1-40 letters, digits, - and _, a letter first");
    for (size_t i = 0; i < wanted->cluster_count; i++)
        if (text_equal(wanted->clusters[i].id, cluster->id))
            return package_refuse_at(err, SERVICES_FILE, element, "another cluster has the id '%s'",
                                     cluster->id);
    if (wanted->cluster_count == MOST_CLUSTERS)
        return package_refuse_at(err, SERVICES_FILE, element, "there are more than %d clusters",
                                 MOST_CLUSTERS);
    return 0;
}

static int take_cluster(struct resolving *resolving, xmlNode *element, enum cluster_type type,
                        struct error *err)
{
    struct wanted_deployment *wanted = resolving->wanted;
    struct wanted_cluster cluster = {.type = type, .line = xml_line(element)};
    if (take_id(resolving, element, &cluster, err) < 0 ||
        package_take_nodes(resolving, element, &cluster, err) < 0 ||
        (type == CLUSTER_CONTAINER && package_take_clients(resolving, element, &cluster, err) < 0))
        return -1;
    wanted->clusters[wanted->cluster_count++] = cluster;
    return 0;
}

int package_take_clusters(struct resolving *resolving, struct error *err)
{
    xmlNode *root;
    bool has_container = false;
    const struct package_file *file = application_package_file(resolving->package, SERVICES_FILE);
    if (package_xml(resolving->arena, file, services_rule.name, &root, err) < 0 ||
        refuse_preprocessing(root, err) < 0 ||
        package_take_variants(resolving->arena, root, resolving->target, package_instance_tags(resolving),
                              err) < 0 ||
        package_check(resolving->arena, SERVICES_FILE, root, &services_rule, err) < 0)
        return -1;
    resolving->wanted->clusters =
        arena_alloc(resolving->arena, MOST_CLUSTERS * sizeof *resolving->wanted->clusters);
    for (xmlNode *element = xml_first(root, NULL); element; element = xml_next(element, NULL)) {
        bool container = text_equal(xml_name(element), container_rule.name);
        has_container |= container;
        if ((container || text_equal(xml_name(element), content_rule.name)) &&
            take_cluster(resolving, element, container ? CLUSTER_CONTAINER : CLUSTER_CONTENT, err) < 0)
            return -1;
    }
    if (!has_container)
        return package_refuse_at(err, SERVICES_FILE, root, "needs at least one <container> cluster");
    return 0;
}
