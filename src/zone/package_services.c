/* services.xml: the clusters an application asks for. What of it decides capacity is read here; the rest is
 * for Vespa itself, inside the node. What would change what is deployed and is not understood is refused,
 * never ignored. */
#include "base/text.h"
#include "zone/package_parts.h"

#include <stdlib.h>
#include <string.h>

#define FILE_NAME "services.xml"

enum { MOST_CLUSTERS = 50, MOST_NODES = 200, IMAGE_LONGEST = 255 };

struct kind {
    const char *element;
    enum cluster_type type;
    struct node_resources defaults; /* Vespa's own on clouds that provision */
};

static const struct kind kinds[] = {
    {"container", CLUSTER_CONTAINER, {2, 8, 50, "any"}},
    {"content", CLUSTER_CONTENT, {2, 16, 300, "any"}},
};

static bool is_architecture(const char *text)
{
    return text_equal(text, "x86_64") || text_equal(text, "arm64") || text_equal(text, "any");
}

static bool is_image(const char *text)
{
    return strlen(text) <= IMAGE_LONGEST && text_only(text, "A-Za-z0-9._/:@-") && text[0] != '-' &&
           text[0] != '/' && text[0] != '.';
}

static int refuse_variants(xmlNode *element, struct error *err)
{
    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
        if (attribute->ns)
            return package_refuse(err,
                                  FILE_NAME
                                  ": <%s> (line %ld): attribute %s:%s selects a variant, which Enclave does "
                                  "not do yet",
                                  xml_name(element), xml_line(element),
                                  attribute->ns->prefix ? (const char *)attribute->ns->prefix : "",
                                  (const char *)attribute->name);
    return 0;
}

/* Vespa's decimal units, "8Gb", "8 G" or plain bytes, as 10^9 bytes; moves `*at` past the unit. */
static double apply_unit(double value, const char **at)
{
    static const char units[] = "kMGTP";
    *at += strspn(*at, " ");
    const char *unit = **at ? strchr(units, **at == 'K' ? 'k' : **at) : NULL;
    for (const char *each = units; unit && each <= unit; each++)
        value *= 1000;
    *at += unit != NULL;
    *at += **at == 'b' || **at == 'B';
    return value / 1e9;
}

/* A number or a size; a range "[low, high]" starts at its low end. */
static int parse_amount(const char *text, bool is_size, double *amount)
{
    text += strspn(text, " [");
    size_t digits = strspn(text, "0123456789.");
    char *end;
    double value = strtod(text, &end);
    if (digits == 0 || digits > 20 || end != text + digits || value <= 0)
        return -1;
    const char *rest = end;
    *amount = is_size ? apply_unit(value, &rest) : value;
    rest += strspn(rest, " ");
    return *rest == '\0' || *rest == ',' || *rest == ']' ? 0 : -1;
}

static int read_amount(struct arena *arena, xmlNode *element, const char *name, bool bytes, double least,
                       double most, double *amount, struct error *err)
{
    const char *text = xml_attribute(arena, element, name);
    if (!text)
        return 0;
    double value;
    if (parse_amount(text, bytes, &value) < 0 || value < least || value > most)
        return package_refuse(err, FILE_NAME ": <%s> (line %ld): %s='%.40s' is not %s from %g to %g%s",
                              xml_name(element), xml_line(element), name, text, bytes ? "a size" : "a number",
                              least, most, bytes ? " GB, like 8Gb" : "");
    *amount = value;
    return 0;
}

static int read_resources(struct arena *arena, xmlNode *nodes, struct node_resources *resources,
                          struct error *err)
{
    xmlNode *element = xml_first(nodes, "resources");
    if (!element)
        return 0;
    if (xml_next(element, "resources"))
        return package_refuse(err, FILE_NAME ": <nodes> (line %ld): more than one <resources>",
                              xml_line(nodes));
    if (xml_first(element, "gpu"))
        return package_refuse(err, FILE_NAME ": <gpu> (line %ld): hosts with GPUs are not offered yet",
                              xml_line(element));
    if (refuse_variants(element, err) < 0 ||
        read_amount(arena, element, "vcpu", false, 0.5, 192, &resources->vcpu, err) < 0 ||
        read_amount(arena, element, "memory", true, 0.5, 2048, &resources->memory_gb, err) < 0 ||
        read_amount(arena, element, "disk", true, 1, 65536, &resources->disk_gb, err) < 0)
        return -1;
    const char *architecture = xml_attribute(arena, element, "architecture");
    if (!architecture)
        return 0;
    if (!is_architecture(architecture))
        return package_refuse(
            err, FILE_NAME ": <resources> (line %ld): architecture='%.40s' is not x86_64, arm64 or any",
            xml_line(element), architecture);
    resources->architecture = architecture;
    return 0;
}

static int read_node_count(struct arena *arena, xmlNode *nodes, int *count, struct error *err)
{
    const char *text = xml_attribute(arena, nodes, "count");
    if (!text)
        return 0;
    double value;
    if (parse_amount(text, false, &value) < 0 || value < 1 || value > MOST_NODES ||
        value != (double)(int)value)
        return package_refuse(
            err, FILE_NAME ": <nodes> (line %ld): count='%.40s' is not a whole number from 1 to %d",
            xml_line(nodes), text, MOST_NODES);
    *count = (int)value;
    return 0;
}

static int read_nodes(struct arena *arena, xmlNode *nodes, struct cluster_spec *cluster, struct error *err)
{
    if (refuse_variants(nodes, err) < 0)
        return -1;
    if (xml_next(nodes, "nodes"))
        return package_refuse(err, FILE_NAME ": cluster '%s' (line %ld): more than one <nodes>", cluster->id,
                              xml_line(nodes));
    if (xml_attribute(arena, nodes, "of"))
        return package_refuse(err,
                              FILE_NAME
                              ": <nodes> (line %ld): of='…' shares another cluster's nodes, but in an "
                              "enclave every cluster has its own",
                              xml_line(nodes));
    if (xml_first(nodes, "node"))
        return package_refuse(err, FILE_NAME ": <nodes> (line %ld): lists its hosts; ask for a count instead",
                              xml_line(nodes));
    cluster->image = xml_attribute(arena, nodes, "docker-image");
    if (cluster->image && !is_image(cluster->image))
        return package_refuse(err,
                              FILE_NAME ": <nodes> (line %ld): docker-image='%.80s' is not an image's name",
                              xml_line(nodes), cluster->image);
    if (read_node_count(arena, nodes, &cluster->node_count, err) < 0)
        return -1;
    return read_resources(arena, nodes, &cluster->resources, err);
}

static int read_cluster(struct arena *arena, xmlNode *element, const struct kind *kind,
                        struct application_package *package, struct error *err)
{
    if (refuse_variants(element, err) < 0)
        return -1;
    const char *id = xml_attribute(arena, element, "id");
    if (!id || !cluster_is_valid(id))
        return package_refuse(err,
                              FILE_NAME ": <%s> (line %ld): needs an id of 1-40 letters, digits, - and _, a "
                                        "letter first",
                              kind->element, xml_line(element));
    for (size_t i = 0; i < package->cluster_count; i++)
        if (text_equal(package->clusters[i].id, id))
            return package_refuse(err, FILE_NAME ": <%s id='%s'> (line %ld): another cluster has this id",
                                  kind->element, id, xml_line(element));
    if (package->cluster_count == MOST_CLUSTERS)
        return package_refuse(err, FILE_NAME ": more than %d clusters", MOST_CLUSTERS);
    struct cluster_spec *cluster = &package->clusters[package->cluster_count++];
    *cluster =
        (struct cluster_spec){.type = kind->type, .id = id, .node_count = 1, .resources = kind->defaults};
    xmlNode *nodes = xml_first(element, "nodes");
    return nodes ? read_nodes(arena, nodes, cluster, err) : 0;
}

int package_read_services(struct arena *arena, struct application_package *package, struct error *err)
{
    xmlNode *root;
    if (package_xml(arena, application_package_file(package, FILE_NAME), "services", &root, err) < 0)
        return -1;
    package->clusters = arena_alloc(arena, MOST_CLUSTERS * sizeof *package->clusters);
    bool has_container = false;
    for (xmlNode *element = xml_first(root, NULL); element; element = xml_next(element, NULL)) {
        if (element->ns && text_equal((const char *)element->ns->href, "properties"))
            return package_refuse(err, FILE_NAME ": <%s> (line %ld): preprocessing is not done yet",
                                  xml_name(element), xml_line(element));
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            if (text_equal(xml_name(element), kinds[i].element) &&
                read_cluster(arena, element, &kinds[i], package, err) < 0)
                return -1;
    }
    for (size_t i = 0; i < package->cluster_count; i++)
        has_container |= package->clusters[i].type == CLUSTER_CONTAINER;
    if (!has_container)
        return package_refuse(err, FILE_NAME ": <services> needs at least one <container> cluster");
    return 0;
}
