/* A tenant's own tags on what is made for it in the cloud. Source: Vespa's reference for deployment.xml,
 * "resource-tags", and EC2's rules for tags. */
#include "zone/package_tags.h"

#include "base/buffer.h"
#include "base/text.h"

#include <string.h>

enum { KEY_LONGEST = 128, VALUE_LONGEST = 256, MOST_TAGS = 20 };

#define TAG_CHARACTERS "A-Za-z0-9 +=._:/@-"

/* Vespa's own, and what our own tags are called: by these, hosts are found and permissions given. */
static const char *const reserved_keys[] = {
    "applicationid", "athenz",      "athenz-domain", "athenzservice", "fqdn",        "name",
    "owner",         "zone",        "tenant",        "tenantname",    "app",         "clusterid",
    "system",        "application", "cluster",       "generation",    "auth-method", "preprovisioned",
    "managedby",     "service",     "archive_bucket"};
static const char *const reserved_prefixes[] = {"vai_", "corp_", "corp:", "bastion_", "bastion:", "aws:"};

/* What a value may refer to, and how long that can become. */
struct variable {
    const char *name;
    size_t longest;
    const char *(*value)(const struct tag_names *names);
};

static const char *tenant_of(const struct tag_names *names)
{
    return names->application->tenant;
}
static const char *application_of(const struct tag_names *names)
{
    return names->application->application;
}
static const char *instance_of(const struct tag_names *names)
{
    return names->application->instance;
}
static const char *environment_of(const struct tag_names *names)
{
    return names->zone->environment;
}
static const char *region_of(const struct tag_names *names)
{
    return names->zone->region;
}
static const char *cluster_id_of(const struct tag_names *names)
{
    return names->cluster_id;
}
static const char *cluster_type_of(const struct tag_names *names)
{
    return names->cluster_type;
}

static const struct variable variables[] = {
    {"tenant", NAME_LONGEST, tenant_of},
    {"application", NAME_LONGEST, application_of},
    {"instance", NAME_LONGEST, instance_of},
    {"environment", sizeof((struct zone_id *)0)->environment - 1, environment_of},
    {"region", sizeof((struct zone_id *)0)->region - 1, region_of},
    {"clustername", 40, cluster_id_of},
    {"clustertype", 9, cluster_type_of},
};

/* At "${": the variable, and its length in the text; NULL when it is none we know. */
static const struct variable *variable_at(const char *text, size_t *length)
{
    const char *end = strchr(text, '}');
    *length = end ? (size_t)(end - text) + 1 : 0;
    for (size_t i = 0; end && i < COUNT_OF(variables); i++)
        if (strlen(variables[i].name) == *length - 3 && memcmp(variables[i].name, text + 2, *length - 3) == 0)
            return &variables[i];
    return NULL;
}

char *resource_tag_value(struct arena *arena, const struct wanted_tag *tag, const struct tag_names *names)
{
    cleanup(buffer_free) struct buffer value = buffer_new(4 * VALUE_LONGEST);
    for (const char *at = tag->value; *at;) {
        size_t length = strcspn(at + 1, "$") + 1;
        const struct variable *variable = text_starts(at, "${") ? variable_at(at, &length) : NULL;
        const char *replaced = variable ? variable->value(names) : NULL;
        if (variable)
            buffer_append(&value, replaced ? replaced : "", replaced ? strlen(replaced) : 0);
        else
            buffer_append(&value, at, length);
        at += length;
    }
    return arena_strdup(arena, buffer_string(&value));
}

static bool is_reserved(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(reserved_keys); i++)
        if (text_equal_nocase(key, reserved_keys[i]))
            return true;
    for (size_t i = 0; i < COUNT_OF(reserved_prefixes); i++)
        if (strncasecmp(key, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0)
            return true;
    return false;
}

static bool is_key(const char *text)
{
    return *text && strlen(text) <= KEY_LONGEST && text_only(text, TAG_CHARACTERS) && !is_reserved(text);
}

/* However long its variables become, it is a value that EC2 takes. */
static bool is_value(const char *text)
{
    size_t longest = 0;
    for (const char *at = text; *at;) {
        size_t length = 1;
        bool refers = text_starts(at, "${");
        const struct variable *variable = refers ? variable_at(at, &length) : NULL;
        if (refers ? !variable : !text_only((char[]){*at, '\0'}, TAG_CHARACTERS))
            return false;
        longest += variable ? variable->longest : 1;
        at += length;
    }
    return longest > 0 && longest <= VALUE_LONGEST;
}

static const struct text_rule
    rule_key = {is_key, "1-128 letters, digits, spaces and + - = . _ : / @, and none of the names that are "
                        "reserved (like name, owner, zone, corp_…, aws:…)"},
    rule_value = {is_value,
                  "1-256 letters, digits, spaces and + - = . _ : / @, and of variables only ${tenant}, "
                  "${application}, ${instance}, ${environment}, ${region}, ${clustername} and "
                  "${clustertype}"};
static const struct attribute_rule tag_attributes[] = {
    {.name = "key", .text = &rule_key, .required = true},
    {.name = "value", .text = &rule_value, .required = true},
    {0}};
static const struct element_rule tag_rule = {.name = "tag",
                                             .most = MOST_TAGS,
                                             .attributes = tag_attributes,
                                             .children = (const struct element_rule *const[]){NULL}};
const struct element_rule resource_tags_rule = {.name = "resource-tags",
                                                .most = 1,
                                                .attributes = (const struct attribute_rule[]){{0}},
                                                .children =
                                                    (const struct element_rule *const[]){&tag_rule, NULL}};

/* The most specific is taken first: one that is there already stays. */
static int take_tag(struct resolving *resolving, xmlNode *element, struct error *err)
{
    struct wanted_deployment *wanted = resolving->wanted;
    const struct wanted_tag tag = {xml_attribute(resolving->arena, element, "key"),
                                   xml_attribute(resolving->arena, element, "value")};
    for (size_t i = 0; i < wanted->tag_count; i++)
        if (text_equal(wanted->tags[i].key, tag.key))
            return 0;
    if (wanted->tag_count == MOST_TAGS)
        return package_refuse_at(err, DEPLOYMENT_FILE, element,
                                 "'%s' is one tag more than the %d that zone %s may have", tag.key, MOST_TAGS,
                                 zone_text(resolving->arena, resolving->target->zone));
    wanted->tags[wanted->tag_count++] = tag;
    return 0;
}

static int refuse_twice(struct arena *arena, xmlNode *tags, struct error *err)
{
    for (xmlNode *tag = xml_first(tags, "tag"); tag; tag = xml_next(tag, "tag"))
        for (xmlNode *other = xml_next(tag, "tag"); other; other = xml_next(other, "tag"))
            if (text_equal(xml_attribute(arena, tag, "key"), xml_attribute(arena, other, "key")))
                return package_refuse_at(err, DEPLOYMENT_FILE, other, "key='%s' is there twice",
                                         xml_attribute(arena, tag, "key"));
    return 0;
}

int package_take_tags(struct resolving *resolving, struct error *err)
{
    resolving->wanted->tags = arena_alloc(resolving->arena, MOST_TAGS * sizeof *resolving->wanted->tags);
    for (xmlNode *at = resolving->place; at && at->type == XML_ELEMENT_NODE; at = at->parent) {
        xmlNode *tags = xml_first(at, resource_tags_rule.name);
        if (tags && refuse_twice(resolving->arena, tags, err) < 0)
            return -1;
        for (xmlNode *tag = xml_first(tags, "tag"); tag; tag = xml_next(tag, "tag"))
            if (take_tag(resolving, tag, err) < 0)
                return -1;
    }
    return 0;
}
