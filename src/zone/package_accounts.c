/* Into which cloud account a zone's part of the application goes, and how long hosts without a node are kept
 * there. Source: Vespa's reference for deployment.xml, "cloud-account": the nearest ancestor's value wins. */
#include "zone/package_accounts.h"

#include "base/text.h"

#include <string.h>

static bool is_word(const char *text, size_t longest, const char *characters)
{
    return *text && strlen(text) <= longest && text_only(text, characters);
}

static bool is_project(const char *text)
{
    return is_word(text, 63, "a-z0-9-");
}

static bool is_uuid(const char *text)
{
    return strlen(text) == 36 && text_only(text, "0-9a-f-");
}

static const struct cloud {
    const char *name;
    bool (*valid)(const char *account);
} clouds[] = {{"aws", account_is_valid}, {"gcp", is_project}, {"azure", is_uuid}};

/* "aws:210987654321", or a bare AWS number; false when it is no account. */
static bool parse_account(const char *text, const struct cloud **cloud, const char **account)
{
    const char *colon = strchr(text, ':');
    *cloud = &clouds[0];
    *account = colon ? colon + 1 : text;
    for (size_t i = 0; colon && i < COUNT_OF(clouds); i++)
        if (strlen(clouds[i].name) == (size_t)(colon - text) && text_starts(text, clouds[i].name)) {
            *cloud = &clouds[i];
            return clouds[i].valid(*account);
        }
    return !colon && account_is_valid(text);
}

static bool is_default(const char *text)
{
    return text_empty(text) || text_equal(text, "default");
}

size_t accounts_parse(struct arena *arena, const char *text, struct cloud_account *accounts)
{
    char **parts;
    size_t count = text_split(arena, text_trim(arena, text), ',', &parts), kept = 0;
    if (count > CLOUDS || (count == 1 && is_default(parts[0])))
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct cloud *cloud;
        const char *account;
        parse_account(text_trim(arena, parts[i]), &cloud, &account);
        accounts[kept++] = (struct cloud_account){cloud->name, account};
    }
    return kept;
}

/* Each an account, no two of one cloud. */
static bool are_accounts(const char *text)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **parts;
    size_t count = text_split(arena, text_trim(arena, text), ',', &parts), seen = 0;
    if (count == 1 && is_default(parts[0]))
        return true;
    for (size_t i = 0; i < count; i++) {
        const struct cloud *cloud;
        const char *account;
        if (!parse_account(text_trim(arena, parts[i]), &cloud, &account))
            return false;
        size_t bit = (size_t)1 << (cloud - clouds);
        if (seen & bit)
            return false;
        seen |= bit;
    }
    return true;
}

/* "90m", "6h", "2d" in ms; -1 when it is none or longer than 30 days. */
static int64_t parse_ttl(const char *text)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || strlen(text) != digits + 1)
        return -1;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (text[digits] == units[i].unit) {
            int64_t ms = strtol(text, NULL, 10) * units[i].ms;
            return ms <= 30 * units[2].ms ? ms : -1;
        }
    return -1;
}

static bool is_ttl(const char *text)
{
    return parse_ttl(text) >= 0;
}

const struct text_rule
    rule_accounts = {are_accounts, "accounts, at most one of each cloud, with commas between: aws: and 12 "
                                   "digits, gcp: and a project, azure: and a subscription; or default"},
    rule_ttl = {is_ttl, "a number and m, h or d, at most 30 days, like 6h"};

/* The nearest ancestor's, the place's own included; NULL when none says it. */
static const char *nearest(const struct resolving *resolving, const char *attribute, xmlNode **holder)
{
    for (xmlNode *at = resolving->place; at && at->type == XML_ELEMENT_NODE; at = at->parent) {
        const char *text = xml_attribute(resolving->arena, at, attribute);
        *holder = at;
        if (text)
            return text;
    }
    return NULL;
}

int package_take_account(struct resolving *resolving, struct error *err)
{
    xmlNode *holder;
    struct cloud_account accounts[CLOUDS];
    const char *text = nearest(resolving, "cloud-account", &holder);
    size_t count = text ? accounts_parse(resolving->arena, text, accounts) : 0;
    for (size_t i = 0; i < count; i++)
        if (text_equal(accounts[i].cloud, resolving->target->cloud))
            resolving->wanted->account = accounts[i].account;
    const char *ttl = nearest(resolving, "empty-host-ttl", &holder);
    resolving->wanted->empty_host_ttl_ms = ttl ? parse_ttl(ttl) : 0;
    if (resolving->wanted->empty_host_ttl_ms && !resolving->wanted->account)
        return package_refuse_at(err, DEPLOYMENT_FILE, holder,
                                 "empty-host-ttl='%s' needs a cloud-account for zone %s", ttl,
                                 zone_text(resolving->arena, resolving->target->zone));
    return 0;
}
