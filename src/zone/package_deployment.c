/* deployment.xml: into which cloud account each zone's part of the application goes. Source: Vespa's
 * reference for deployment.xml, "cloud-account": the nearest ancestor's value wins. */
#include "base/text.h"
#include "zone/package_parts.h"

#include <string.h>

#define FILE_NAME "deployment.xml"

enum { MOST_ACCOUNTS = 100 };

static const char *const account_holders[] = {"deployment", "instance", "prod",     "region", "test",
                                              "staging",    "dev",      "parallel", "steps"};

/* "aws:210987654321", "210987654321"; "" and "default" are the system's own account: `*account` is NULL. */
static int parse_account(struct arena *arena, xmlNode *element, const char *text, const char **account,
                         struct error *err)
{
    const char *value = text_trim(arena, text);
    *account = NULL;
    if (text_empty(value) || text_equal(value, "default"))
        return 0;
    const char *number = text_starts(value, "aws:") ? value + 4 : value;
    if (!account_is_valid(number))
        return package_refuse(err,
                              FILE_NAME
                              ": <%s> (line %ld): cloud-account='%.60s' is not an AWS account: write "
                              "aws: and its 12 digits",
                              xml_name(element), xml_line(element), value);
    *account = number;
    return 0;
}

static void add_account(struct arena *arena, struct application_package *package, const char *account)
{
    for (size_t i = 0; i < package->cloud_account_count; i++)
        if (text_equal(package->cloud_accounts[i], account))
            return;
    package->cloud_accounts[package->cloud_account_count++] = arena_strdup(arena, account);
}

static bool holds_account(const xmlNode *element)
{
    for (size_t i = 0; i < COUNT_OF(account_holders); i++)
        if (text_equal(xml_name(element), account_holders[i]))
            return true;
    return false;
}

static int collect_accounts(struct arena *arena, xmlNode *element, struct application_package *package,
                            struct error *err)
{
    const char *text = xml_attribute(arena, element, "cloud-account");
    if (text && !holds_account(element))
        return package_refuse(err, FILE_NAME ": <%s> (line %ld): may not have a cloud-account",
                              xml_name(element), xml_line(element));
    if (text) {
        const char *account;
        if (parse_account(arena, element, text, &account, err) < 0)
            return -1;
        if (account && package->cloud_account_count == MOST_ACCOUNTS)
            return package_refuse(err, FILE_NAME ": more than %d accounts", MOST_ACCOUNTS);
        if (account)
            add_account(arena, package, account);
    }
    for (xmlNode *child = xml_first(element, NULL); child; child = xml_next(child, NULL))
        if (collect_accounts(arena, child, package, err) < 0)
            return -1;
    return 0;
}

int package_read_deployment(struct arena *arena, struct application_package *package, struct error *err)
{
    package->cloud_accounts = arena_alloc(arena, MOST_ACCOUNTS * sizeof *package->cloud_accounts);
    const struct package_file *file = application_package_file(package, FILE_NAME);
    if (!file)
        return 0;
    xmlNode *root;
    if (package_xml(arena, file, "deployment", &root, err) < 0)
        return -1;
    if (xml_first(root, "instance") && xml_first(root, "prod"))
        return package_refuse(err,
                              FILE_NAME ": <deployment> has both <prod> and <instance>; put <prod> into the "
                                        "instances");
    return collect_accounts(arena, root, package, err);
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

static xmlNode *find_region(struct arena *arena, xmlNode *parent, const char *region)
{
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL)) {
        const char *name = xml_attribute(arena, child, "name");
        if (text_equal(xml_name(child), "region") &&
            text_equal(name ? name : xml_content(arena, child), region))
            return child;
        xmlNode *found = find_region(arena, child, region);
        if (found)
            return found;
    }
    return NULL;
}

/* The element that stands for the zone, from which its ancestors are asked. */
static xmlNode *find_zone(struct arena *arena, xmlNode *root, const struct zone_id *zone,
                          const char *instance)
{
    bool dev = text_equal(zone->environment, "dev"); /* dev is the root's, whatever the instance */
    xmlNode *scope = root;
    for (xmlNode *each = dev ? NULL : xml_first(root, "instance"); each; each = xml_next(each, "instance"))
        if (names_instance(arena, each, instance))
            scope = each;
    xmlNode *environment = xml_first(scope, zone->environment);
    if (!environment)
        return scope;
    xmlNode *region =
        text_equal(zone->environment, "prod") ? find_region(arena, environment, zone->region) : NULL;
    return region ? region : environment;
}

int application_package_account(struct arena *arena, const struct application_package *package,
                                const struct zone_id *zone, const char *instance, const char **account,
                                struct error *err)
{
    *account = NULL;
    const struct package_file *file = application_package_file(package, FILE_NAME);
    if (!file)
        return 0;
    xmlNode *root;
    if (package_xml(arena, file, "deployment", &root, err) < 0)
        return -1;
    for (xmlNode *at = find_zone(arena, root, zone, instance); at && at->type == XML_ELEMENT_NODE;
         at = at->parent) {
        const char *text = xml_attribute(arena, at, "cloud-account");
        if (text)
            return parse_account(arena, at, text, account, err);
    }
    return 0;
}
