/* Who may reach a container cluster of a zone. Source: Vespa's reference for deployment.xml, "endpoints": a
 * zone's endpoint is public unless it is switched off; a private one is for those it allows, beside it; a
 * global one is over several zones. */
#include "zone/package_endpoints.h"

#include "base/text.h"

#include <string.h>

enum { MOST_ENDPOINTS = 100, MOST_ALLOWED = 100 };

static bool is_type(const char *text)
{
    return text_equal(text, "zone") || text_equal(text, "private") || text_equal(text, "global");
}

static bool is_dev_type(const char *text)
{
    return text_equal(text, "zone") || text_equal(text, "private");
}

static bool is_mtls(const char *text)
{
    return text_equal(text, "mtls");
}

/* "arn:aws:iam::123456789012:root", ":role/…", ":user/…". Not "*": that would be everybody. */
static bool is_principal(const char *text)
{
    static const char *const partitions[] = {"arn:aws:iam::", "arn:aws-cn:iam::", "arn:aws-us-gov:iam::"};
    for (size_t i = 0; i < COUNT_OF(partitions); i++) {
        if (!text_starts(text, partitions[i]))
            continue;
        const char *account = text + strlen(partitions[i]), *rest = account + strspn(account, "0123456789");
        if (rest - account != 12 || strlen(text) > 512)
            return false;
        bool named = text_starts(rest, ":role/") || text_starts(rest, ":user/");
        return text_equal(rest, ":root") || (named && rest[6] && text_only(rest + 6, "A-Za-z0-9_+=,.@/-"));
    }
    return false;
}

static bool is_service(const char *text)
{
    return text_equal(text, "aws-private-link") || text_equal(text, "gcp-service-connect");
}

static bool is_endpoint_id(const char *text)
{
    return *text >= 'a' && *text <= 'z' && strlen(text) <= 12 && text_only(text, "a-z0-9-");
}

static const struct text_rule rule_type = {is_type, "zone, private or global"},
                              rule_dev_type = {is_dev_type, "zone or private"},
                              rule_mtls = {is_mtls, "mtls: tokens are not offered"},
                              rule_principal = {is_principal, "a principal of AWS, like "
                                                              "arn:aws:iam::123456789012:root"},
                              rule_service = {is_service, "aws-private-link or gcp-service-connect"},
                              rule_cluster = {cluster_is_valid, "a container cluster's id"},
                              rule_endpoint_id = {is_endpoint_id,
                                                  "1-12 of a-z, 0-9 and dashes, a letter first"};

static const struct element_rule *const no_children[] = {NULL};
static const struct attribute_rule allow_attributes[] = {
    {.name = "with", .text = &rule_service, .required = true},
    {.name = "arn", .text = &rule_principal},
    {.name = "project"},
    {0}};
static const struct element_rule allow_rule = {
    .name = "allow", .most = MOST_ALLOWED, .attributes = allow_attributes, .children = no_children};
static const struct attribute_rule no_attributes[] = {{0}};
static const struct element_rule region_rule = {
    .name = "region", .most = 50, .attributes = no_attributes, .children = no_children, .text = &rule_region};

static const struct attribute_rule endpoint_attributes[] = {
    {.name = "id", .text = &rule_endpoint_id},
    {.name = "container-id", .text = &rule_cluster, .required = true},
    {.name = "type", .text = &rule_type},
    {.name = "enabled", .text = &rule_boolean},
    {.name = "auth-method", .text = &rule_mtls},
    {0}};
static const struct attribute_rule dev_endpoint_attributes[] = {
    {.name = "container-id", .text = &rule_cluster, .required = true},
    {.name = "type", .text = &rule_dev_type, .required = true},
    {.name = "enabled", .text = &rule_boolean},
    {.name = "auth-method", .text = &rule_mtls},
    {0}};
static const struct attribute_rule weight_attributes[] = {
    {.name = "weight", .text = &rule_whole_number, .required = true},
    {.name = "region", .text = &rule_region},
    {0}};
static const struct element_rule weight_rule = {
    .name = "instance", .attributes = weight_attributes, .children = no_children, .text = &rule_name};
static const struct attribute_rule application_endpoint_attributes[] = {
    {.name = "id", .text = &rule_endpoint_id},
    {.name = "container-id", .text = &rule_cluster, .required = true},
    {.name = "region", .text = &rule_region},
    {0}};

/* clang-format off */
static const struct element_rule
    instance_endpoint_rule = {.name = "endpoint", .most = MOST_ENDPOINTS, .attributes = endpoint_attributes,
        .children = (const struct element_rule *const[]){&region_rule, &allow_rule, NULL}},
    dev_endpoint_rule = {.name = "endpoint", .most = MOST_ENDPOINTS, .attributes = dev_endpoint_attributes,
        .children = (const struct element_rule *const[]){&allow_rule, NULL}},
    application_endpoint_rule = {.name = "endpoint", .most = MOST_ENDPOINTS, .attributes = application_endpoint_attributes,
        .children = (const struct element_rule *const[]){&weight_rule, NULL}};
const struct element_rule
    instance_endpoints_rule = {.name = "endpoints", .most = 1, .attributes = no_attributes,
        .children = (const struct element_rule *const[]){&instance_endpoint_rule, NULL}},
    dev_endpoints_rule = {.name = "endpoints", .most = 1, .attributes = no_attributes,
        .children = (const struct element_rule *const[]){&dev_endpoint_rule, NULL}},
    application_endpoints_rule = {.name = "endpoints", .most = 1, .attributes = no_attributes,
        .children = (const struct element_rule *const[]){&application_endpoint_rule, NULL}};
/* clang-format on */

static const char *type_of(struct arena *arena, xmlNode *endpoint)
{
    const char *type = xml_attribute(arena, endpoint, "type");
    return type ? type : "global";
}

static int check_allows(struct arena *arena, xmlNode *endpoint, const char *type, struct error *err)
{
    for (xmlNode *allow = xml_first(endpoint, "allow"); allow; allow = xml_next(allow, "allow")) {
        bool aws = text_equal(xml_attribute(arena, allow, "with"), "aws-private-link");
        if (!text_equal(type, "private"))
            return package_refuse_at(err, DEPLOYMENT_FILE, allow, "only a private endpoint allows some");
        if (!xml_attribute(arena, allow, aws ? "arn" : "project"))
            return package_refuse_at(err, DEPLOYMENT_FILE, allow, "needs an attribute %s",
                                     aws ? "arn" : "project");
        if (xml_attribute(arena, allow, aws ? "project" : "arn"))
            return package_refuse_at(err, DEPLOYMENT_FILE, allow, "may not have an attribute %s",
                                     aws ? "project" : "arn");
    }
    return 0;
}

static int check_endpoint(struct arena *arena, xmlNode *endpoint, struct error *err)
{
    const char *type = type_of(arena, endpoint);
    bool global = text_equal(type, "global");
    if (!global && xml_attribute(arena, endpoint, "id"))
        return package_refuse_at(err, DEPLOYMENT_FILE, endpoint, "a %s endpoint may not have an id", type);
    if (!text_equal(type, "zone") && xml_attribute(arena, endpoint, "enabled"))
        return package_refuse_at(err, DEPLOYMENT_FILE, endpoint,
                                 "only a zone endpoint is switched off by enabled");
    if (global && xml_attribute(arena, endpoint, "auth-method"))
        return package_refuse_at(err, DEPLOYMENT_FILE, endpoint,
                                 "a global endpoint may not have an auth-method");
    return check_allows(arena, endpoint, type, err);
}

int endpoints_check(struct arena *arena, xmlNode *endpoints, struct error *err)
{
    for (xmlNode *each = xml_first(endpoints, "endpoint"); each; each = xml_next(each, "endpoint"))
        if (check_endpoint(arena, each, err) < 0)
            return -1;
    return 0;
}

/* How well an endpoint suits the region: 2 it names it, 1 it names none, 0 it is for others. */
static int suits(struct arena *arena, xmlNode *endpoint, const char *region)
{
    xmlNode *each = xml_first(endpoint, "region");
    if (!each)
        return 1;
    for (; each; each = xml_next(each, "region"))
        if (text_equal(xml_content(arena, each), region))
            return 2;
    return 0;
}

static void take_allowed(const struct resolving *resolving, xmlNode *endpoint, struct wanted_endpoint *wanted)
{
    wanted->allowed_arns = arena_alloc(resolving->arena, (MOST_ALLOWED + 1) * sizeof *wanted->allowed_arns);
    wanted->allowed_arn_count = 0;
    for (xmlNode *allow = xml_first(endpoint, "allow"); allow; allow = xml_next(allow, "allow")) {
        const char *arn = xml_attribute(resolving->arena, allow, "arn");
        if (arn)
            wanted->allowed_arns[wanted->allowed_arn_count++] = arn;
    }
}

static struct wanted_cluster *find_container(const struct resolving *resolving, const char *id)
{
    for (size_t i = 0; i < resolving->wanted->cluster_count; i++)
        if (resolving->wanted->clusters[i].type == CLUSTER_CONTAINER &&
            text_equal(resolving->wanted->clusters[i].id, id))
            return &resolving->wanted->clusters[i];
    return NULL;
}

static int take_endpoint(const struct resolving *resolving, xmlNode *endpoint, struct error *err)
{
    const char *type = type_of(resolving->arena, endpoint),
               *id = xml_attribute(resolving->arena, endpoint, "container-id");
    struct wanted_cluster *cluster = find_container(resolving, id);
    if (!cluster)
        return package_refuse_at(err, DEPLOYMENT_FILE, endpoint,
                                 "container-id='%s': " SERVICES_FILE
                                 " has no such container cluster in zone %s",
                                 id, zone_text(resolving->arena, resolving->target->zone));
    if (text_equal(type, "global"))
        return package_refuse_at(err, DEPLOYMENT_FILE, endpoint,
                                 "endpoints over several zones are not offered: clients use each zone's own; "
                                 "remove it, or give it type=\"zone\"");
    if (text_equal(type, "zone")) {
        cluster->endpoint.is_public =
            !text_equal(xml_attribute(resolving->arena, endpoint, "enabled"), "false");
    } else {
        cluster->endpoint.is_private = true;
        take_allowed(resolving, endpoint, &cluster->endpoint);
    }
    return 0;
}

static int refuse_rivals(const struct resolving *resolving, xmlNode *endpoint, int suiting, struct error *err)
{
    struct arena *arena = resolving->arena;
    const char *region = resolving->target->zone->region;
    for (xmlNode *other = xml_next(endpoint, "endpoint"); other; other = xml_next(other, "endpoint"))
        if (suits(arena, other, region) == suiting &&
            text_equal(type_of(arena, other), type_of(arena, endpoint)) &&
            text_equal(xml_attribute(arena, other, "container-id"),
                       xml_attribute(arena, endpoint, "container-id")))
            return package_refuse_at(err, DEPLOYMENT_FILE, other,
                                     "container cluster '%s' has another %s endpoint for zone %s",
                                     xml_attribute(arena, other, "container-id"), type_of(arena, other),
                                     zone_text(arena, resolving->target->zone));
    return 0;
}

/* dev and perf have theirs in their own element; test and staging take the default. */
static xmlNode *endpoints_of(const struct resolving *resolving)
{
    const char *environment = resolving->target->zone->environment, *name = xml_name(resolving->place);
    if (text_equal(environment, "dev") || text_equal(environment, "perf"))
        return text_equal(name, "dev") || text_equal(name, "perf") ? xml_first(resolving->place, "endpoints")
                                                                   : NULL;
    if (!text_equal(environment, "prod"))
        return NULL;
    for (xmlNode *at = resolving->place; at && at->type == XML_ELEMENT_NODE; at = at->parent) {
        bool holds = text_equal(xml_name(at), "instance") || text_equal(xml_name(at), "deployment");
        if (holds)
            return text_equal(xml_name(at), "deployment") && xml_first(at, "instance")
                       ? NULL
                       : xml_first(at, "endpoints");
    }
    return NULL;
}

/* Of a root that has instances: endpoints over several of these. */
static int refuse_shared(const struct resolving *resolving, struct error *err)
{
    xmlNode *shared = xml_first(xml_first(resolving->deployment, "endpoints"), "endpoint");
    bool is_own = shared && shared->parent == endpoints_of(resolving);
    if (!shared || is_own || !text_equal(resolving->target->zone->environment, "prod"))
        return 0;
    return package_refuse_at(err, DEPLOYMENT_FILE, shared,
                             "endpoints over several instances are not offered: clients use each zone's own; "
                             "give each <instance> its own <endpoints>");
}

int package_take_endpoints(struct resolving *resolving, struct error *err)
{
    for (size_t i = 0; i < resolving->wanted->cluster_count; i++)
        resolving->wanted->clusters[i].endpoint.is_public = true;
    xmlNode *endpoints = resolving->place ? endpoints_of(resolving) : NULL;
    if (resolving->place && refuse_shared(resolving, err) < 0)
        return -1;
    for (int suiting = 1; suiting <= 2; suiting++) /* what names the region has the last word */
        for (xmlNode *each = xml_first(endpoints, "endpoint"); each; each = xml_next(each, "endpoint"))
            if (suits(resolving->arena, each, resolving->target->zone->region) == suiting &&
                (take_endpoint(resolving, each, err) < 0 || refuse_rivals(resolving, each, suiting, err) < 0))
                return -1;
    return 0;
}
