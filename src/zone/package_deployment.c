/* deployment.xml: its grammar, the accounts and regions it names, and which of its elements stands for a
 * zone. Source: Vespa's reference for deployment.xml. What an automated pipeline does with it (delays,
 * windows, upgrades) is checked here and used elsewhere. */
#include "base/text.h"
#include "zone/package_accounts.h"
#include "zone/package_endpoints.h"
#include "zone/package_tags.h"

#include <string.h>

enum { MOST_ACCOUNTS = 100, MOST_REGIONS = 200 };

static bool is_policy(const char *text)
{
    return text_equal(text, "canary") || text_equal(text, "default") || text_equal(text, "conservative");
}
static bool is_revision_target(const char *text)
{
    return text_equal(text, "next") || text_equal(text, "latest");
}
static bool is_revision_change(const char *text)
{
    return text_equal(text, "when-clear") || text_equal(text, "when-failing") || text_equal(text, "always");
}
static bool is_rollout(const char *text)
{
    return text_equal(text, "separate") || text_equal(text, "leading") || text_equal(text, "simultaneous");
}

static const struct text_rule rule_policy = {is_policy, "canary, default or conservative"},
                              rule_revision_target = {is_revision_target, "next or latest"},
                              rule_revision_change = {is_revision_change,
                                                      "when-clear, when-failing or always"},
                              rule_rollout = {is_rollout, "separate, leading or simultaneous"};

#define ATHENZ "identities are the control plane's own here: remove it"
#define PLACE_ATTRIBUTES                                                                              \
    {.name = "cloud-account", .text = &rule_accounts}, {.name = "empty-host-ttl", .text = &rule_ttl}, \
        {.name = "athenz-domain", .refusal = ATHENZ}, {.name = "athenz-service", .refusal = ATHENZ},  \
    {                                                                                                 \
        .name = "tester-flavor", .refusal = ATHENZ                                                    \
    }

/* clang-format off */
static const struct attribute_rule no_attributes[] = {{0}};
static const struct attribute_rule place_attributes[] = {PLACE_ATTRIBUTES, {0}};
static const struct attribute_rule root_attributes[] = {PLACE_ATTRIBUTES,
    {.name = "version", .text = &rule_version}, {.name = "major-version", .text = &rule_whole_number}, {0}};
static const struct attribute_rule instance_attributes[] = {PLACE_ATTRIBUTES,
    {.name = "id", .text = &rule_names, .required = true}, {.name = "tags"}, {0}};
static const struct attribute_rule prod_attributes[] = {PLACE_ATTRIBUTES,
    {.name = "global-service-id", .refusal = "is written as <endpoints> now"}, {0}};
static const struct attribute_rule region_attributes[] = {PLACE_ATTRIBUTES,
    {.name = "name", .text = &rule_region}, {.name = "active", .text = &rule_boolean}, {0}};
static const struct attribute_rule delay_attributes[] = {
    {.name = "hours", .text = &rule_whole_number}, {.name = "minutes", .text = &rule_whole_number},
    {.name = "seconds", .text = &rule_whole_number}, {0}};
static const struct attribute_rule upgrade_attributes[] = {
    {.name = "policy", .text = &rule_policy}, {.name = "revision-target", .text = &rule_revision_target},
    {.name = "revision-change", .text = &rule_revision_change}, {.name = "rollout", .text = &rule_rollout},
    {.name = "min-risk", .text = &rule_whole_number}, {.name = "max-risk", .text = &rule_whole_number},
    {.name = "max-idle-hours", .text = &rule_whole_number}, {0}};
static const struct attribute_rule window_attributes[] = {
    {.name = "revision", .text = &rule_boolean}, {.name = "version", .text = &rule_boolean}, {.name = "days"},
    {.name = "hours"}, {.name = "from-date"}, {.name = "to-date"}, {.name = "time-zone"}, {0}};

#define CHILDREN (const struct element_rule *const[])
static const struct element_rule
    delay_rule = {.name = "delay", .attributes = delay_attributes, .children = CHILDREN{NULL}},
    upgrade_rule = {.name = "upgrade", .most = 1, .attributes = upgrade_attributes, .children = CHILDREN{NULL}},
    window_rule = {.name = "block-change", .attributes = window_attributes, .children = CHILDREN{NULL}},
    notifications_rule = {.name = "notifications", .most = 1},
    bcp_rule = {.name = "bcp", .most = 1},
    backup_rule = {.name = "backup", .refusal = "backups are not offered"},
    zone_rule = {.name = "availability-zone", .refusal = "the zone spreads nodes over its availability zones by itself"},
    region_rule = {.name = "region", .attributes = region_attributes, .children = CHILDREN{&zone_rule, &resource_tags_rule, NULL}},
    prod_test_rule = {.name = "test", .attributes = no_attributes, .children = CHILDREN{NULL}, .text = &rule_region},
    test_rule = {.name = "test", .most = 1, .attributes = place_attributes, .children = CHILDREN{&resource_tags_rule, NULL}},
    staging_rule = {.name = "staging", .most = 1, .attributes = place_attributes, .children = CHILDREN{&resource_tags_rule, NULL}},
    dev_rule = {.name = "dev", .most = 1, .attributes = place_attributes, .children = CHILDREN{&dev_endpoints_rule, &resource_tags_rule, NULL}},
    perf_rule = {.name = "perf", .most = 1, .attributes = place_attributes, .children = CHILDREN{&dev_endpoints_rule, &resource_tags_rule, NULL}};

static const struct element_rule prod_parallel_rule, prod_steps_rule; /* each holds the other */
static const struct element_rule *const prod_children[] = {&region_rule, &delay_rule, &prod_test_rule, &prod_parallel_rule,
    &prod_steps_rule, &resource_tags_rule, NULL};
static const struct element_rule
    prod_parallel_rule = {.name = "parallel", .attributes = place_attributes, .children = prod_children},
    prod_steps_rule = {.name = "steps", .attributes = place_attributes, .children = prod_children},
    prod_rule = {.name = "prod", .attributes = prod_attributes, .children = prod_children};

#define STEPS &delay_rule, &upgrade_rule, &window_rule, &notifications_rule, &bcp_rule, &backup_rule, &test_rule, &staging_rule, \
    &dev_rule, &perf_rule, &prod_rule, &resource_tags_rule
static const struct element_rule instance_rule = {.name = "instance", .attributes = instance_attributes,
    .children = CHILDREN{STEPS, &instance_endpoints_rule, NULL}};
static const struct element_rule parallel_rule, steps_rule;
static const struct element_rule *const step_children[] = {&instance_rule, &parallel_rule, &steps_rule, &delay_rule, NULL};
static const struct element_rule
    parallel_rule = {.name = "parallel", .attributes = place_attributes, .children = step_children},
    steps_rule = {.name = "steps", .attributes = place_attributes, .children = step_children};
/* A root stands for its one instance, or holds several. */
static const struct element_rule
    single_rule = {.name = "deployment", .attributes = root_attributes, .children = CHILDREN{STEPS, &instance_endpoints_rule, NULL}},
    several_rule = {.name = "deployment", .attributes = root_attributes,
        .children = CHILDREN{STEPS, &application_endpoints_rule, &instance_rule, &parallel_rule, &steps_rule, NULL}};
/* clang-format on */

static xmlNode *find_below(xmlNode *parent, const char *name)
{
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL)) {
        xmlNode *found = text_equal(xml_name(child), name) ? child : find_below(child, name);
        if (found)
            return found;
    }
    return NULL;
}

/* Instances are directly in the root, or in its <parallel> and <steps>. */
static bool has_instances(xmlNode *root)
{
    for (xmlNode *child = xml_first(root, NULL); child; child = xml_next(child, NULL)) {
        bool holds = text_equal(xml_name(child), "parallel") || text_equal(xml_name(child), "steps");
        if (text_equal(xml_name(child), "instance") || (holds && find_below(child, "instance")))
            return true;
    }
    return false;
}

static const char *region_name(struct arena *arena, xmlNode *region)
{
    const char *name = xml_attribute(arena, region, "name");
    return name ? name : xml_content(arena, region);
}

static int collect_accounts(struct arena *arena, xmlNode *element, struct application_package *package,
                            struct error *err)
{
    struct cloud_account accounts[CLOUDS];
    const char *text = xml_attribute(arena, element, "cloud-account");
    size_t count = text ? accounts_parse(arena, text, accounts) : 0;
    for (size_t i = 0; i < count; i++) {
        bool aws = text_equal(accounts[i].cloud, "aws"), known = false;
        char *name =
            arena_format(arena, "%s%s%s", aws ? "" : accounts[i].cloud, aws ? "" : ":", accounts[i].account);
        for (size_t j = 0; j < package->cloud_account_count && !known; j++)
            known = text_equal(package->cloud_accounts[j], name);
        if (!known && package->cloud_account_count == MOST_ACCOUNTS)
            return package_refuse_at(err, DEPLOYMENT_FILE, element, "there are more than %d accounts",
                                     MOST_ACCOUNTS);
        if (!known)
            package->cloud_accounts[package->cloud_account_count++] = name;
    }
    return 0;
}

static int collect_region(struct arena *arena, xmlNode *element, struct application_package *package,
                          struct error *err)
{
    const char *name = region_name(arena, element);
    if (!rule_region.valid(name))
        return package_refuse_at(err, DEPLOYMENT_FILE, element, "'%.60s' must be %s", name,
                                 rule_region.must_be);
    for (size_t i = 0; i < package->prod_region_count; i++)
        if (text_equal(package->prod_regions[i], name))
            return 0;
    if (package->prod_region_count == MOST_REGIONS)
        return package_refuse_at(err, DEPLOYMENT_FILE, element, "there are more than %d regions",
                                 MOST_REGIONS);
    package->prod_regions[package->prod_region_count++] = name;
    return 0;
}

/* Changes are blocked for production, and tests come before it. */
static int check_order(xmlNode *scope, struct error *err)
{
    bool blocked = false, produced = false;
    for (xmlNode *child = xml_first(scope, NULL); child; child = xml_next(child, NULL)) {
        const char *name = xml_name(child);
        bool tests = text_equal(name, "test") || text_equal(name, "staging"),
             blocks = text_equal(name, "block-change");
        if ((blocks && produced) || (tests && blocked))
            return package_refuse_at(
                err, DEPLOYMENT_FILE, child,
                "<block-change> must stand after <test> and <staging> and before <prod>");
        blocked |= blocks;
        produced |= text_equal(name, "prod");
    }
    return 0;
}

/* What the tables do not say, and what the package keeps of it. */
static int read_element(struct arena *arena, xmlNode *element, struct application_package *package,
                        bool in_prod, struct error *err)
{
    const char *name = xml_name(element);
    bool is_scope = text_equal(name, "deployment") || text_equal(name, "instance");
    bool is_prod = in_prod || text_equal(name, "prod");
    if (text_equal(name, "endpoints"))
        return endpoints_check(arena, element, err);
    if (text_equal(name, "bcp") || text_equal(name, "notifications"))
        return 0;
    if (collect_accounts(arena, element, package, err) < 0 || (is_scope && check_order(element, err) < 0) ||
        (in_prod && text_equal(name, "region") && collect_region(arena, element, package, err) < 0))
        return -1;
    for (xmlNode *child = xml_first(element, NULL); child; child = xml_next(child, NULL))
        if (read_element(arena, child, package, is_prod, err) < 0)
            return -1;
    return 0;
}

int package_read_deployment(struct arena *arena, struct application_package *package, struct error *err)
{
    package->cloud_accounts = arena_alloc(arena, MOST_ACCOUNTS * sizeof *package->cloud_accounts);
    package->prod_regions = arena_alloc(arena, MOST_REGIONS * sizeof *package->prod_regions);
    const struct package_file *file = application_package_file(package, DEPLOYMENT_FILE);
    if (!file)
        return 0;
    xmlNode *root;
    if (package_xml(arena, file, "deployment", &root, err) < 0)
        return -1;
    bool several = has_instances(root);
    if (several && xml_first(root, "prod"))
        return package_refuse_at(err, DEPLOYMENT_FILE, xml_first(root, "prod"),
                                 "<deployment> has an <instance>, too: put <prod> into the instances");
    if (package_check(arena, DEPLOYMENT_FILE, root, several ? &several_rule : &single_rule, err) < 0)
        return -1;
    return read_element(arena, root, package, false, err);
}

static bool names_instance(struct arena *arena, xmlNode *element, const char *instance)
{
    char **names;
    const char *ids = xml_attribute(arena, element, "id");
    size_t count = text_split(arena, ids ? ids : "default", ',', &names);
    for (size_t i = 0; i < count; i++)
        if (text_equal(text_trim(arena, names[i]), instance))
            return true;
    return false;
}

static xmlNode *find_instance(struct arena *arena, xmlNode *parent, const char *instance)
{
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL)) {
        bool holds = text_equal(xml_name(child), "parallel") || text_equal(xml_name(child), "steps");
        if (text_equal(xml_name(child), "instance") && names_instance(arena, child, instance))
            return child;
        xmlNode *found = holds ? find_instance(arena, child, instance) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static xmlNode *find_region(struct arena *arena, xmlNode *parent, const char *region)
{
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL)) {
        if (text_equal(xml_name(child), "region") && text_equal(region_name(arena, child), region))
            return child;
        xmlNode *found = find_region(arena, child, region);
        if (found)
            return found;
    }
    return NULL;
}

/* A zone for performance that has no element of its own is one of the developers'. */
static xmlNode *find_environment(xmlNode *scope, const char *environment)
{
    xmlNode *found = xml_first(scope, environment);
    return found || !text_equal(environment, "perf") ? found : xml_first(scope, "dev");
}

/* dev and perf are the root's, whatever the instance; production is the instance's; what tests it is
 * either's. */
static xmlNode *find_place(struct arena *arena, xmlNode *root, const struct zone_id *zone,
                           const char *instance)
{
    bool manual = text_equal(zone->environment, "dev") || text_equal(zone->environment, "perf");
    xmlNode *scope = manual ? NULL : find_instance(arena, root, instance);
    if (!scope)
        scope = root;
    if (!text_equal(zone->environment, "prod")) {
        xmlNode *environment = find_environment(scope, zone->environment);
        if (!environment)
            environment = find_environment(root, zone->environment);
        return environment ? environment : scope;
    }
    for (xmlNode *prod = xml_first(scope, "prod"); prod; prod = xml_next(prod, "prod")) {
        xmlNode *region = find_region(arena, prod, zone->region);
        if (region)
            return region;
    }
    return xml_first(scope, "prod") ? xml_first(scope, "prod") : scope;
}

int package_find_place(struct resolving *resolving, struct error *err)
{
    const struct package_file *file = application_package_file(resolving->package, DEPLOYMENT_FILE);
    if (!file)
        return 0;
    xmlNode *root;
    if (package_xml(resolving->arena, file, "deployment", &root, err) < 0)
        return -1;
    resolving->deployment = root;
    resolving->place =
        find_place(resolving->arena, root, resolving->target->zone, resolving->target->instance);
    return 0;
}

const char *package_instance_tags(const struct resolving *resolving)
{
    if (!resolving->deployment)
        return NULL;
    xmlNode *instance = find_instance(resolving->arena, resolving->deployment, resolving->target->instance);
    return instance ? xml_attribute(resolving->arena, instance, "tags") : NULL;
}
