/* validation-overrides.xml: what a deployer allows for some days that is refused otherwise. Source:
 * https://docs.vespa.ai/en/reference/validation-overrides.html */
#include "base/text.h"
#include "zone/package_grammar.h"

#include <stdio.h>
#include <string.h>

enum { DAYS_AHEAD = 30 };

static const int64_t day_ms = 24 * 3600 * 1000;

/* Days since 1970-01-01 of a day of the Gregorian calendar; Howard Hinnant's days_from_civil. */
static int64_t day_number(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* "2026-01-30" as days since 1970; -1 when it is no day. */
static int64_t parse_day(const char *text)
{
    int year, month, day, end = 0;
    if (strlen(text) != 10 || !text_only(text, "0-9-") || text[4] != '-' || text[7] != '-' ||
        sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10)
        return -1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return -1;
    return day_number(year, month, day);
}

static bool is_day(const char *text)
{
    return parse_day(text) >= 0;
}

static bool is_override_id(const char *text)
{
    return *text && strlen(text) <= 100 && text_only(text, "a-z0-9-");
}

static const struct text_rule rule_day = {is_day, "a day, like 2026-01-30"},
                              rule_override = {is_override_id, "the id of a validation, like "
                                                               "content-cluster-removal"};

static const struct attribute_rule allow_attributes[] = {
    {.name = "until", .text = &rule_day, .required = true}, {.name = "comment"}, {0}};
static const struct element_rule allow_rule = {.name = "allow",
                                               .attributes = allow_attributes,
                                               .children = (const struct element_rule *const[]){NULL},
                                               .text = &rule_override};
static const struct element_rule overrides_rule = {
    .name = "validation-overrides",
    .attributes = (const struct attribute_rule[]){{0}},
    .children = (const struct element_rule *const[]){&allow_rule, NULL}};

static int read_overrides(struct arena *arena, const struct application_package *package, xmlNode **root,
                          struct error *err)
{
    const struct package_file *file = application_package_file(package, OVERRIDES_FILE);
    *root = NULL;
    if (!file)
        return 0;
    if (package_xml(arena, file, overrides_rule.name, root, err) < 0)
        return -1;
    return package_check(arena, OVERRIDES_FILE, *root, &overrides_rule, err);
}

int package_check_overrides(struct arena *arena, const struct application_package *package, int64_t now_ms,
                            struct error *err)
{
    xmlNode *root;
    if (read_overrides(arena, package, &root, err) < 0)
        return -1;
    for (xmlNode *allow = xml_first(root, "allow"); now_ms && allow; allow = xml_next(allow, "allow")) {
        const char *until = xml_attribute(arena, allow, "until");
        if (parse_day(until) > now_ms / day_ms + DAYS_AHEAD)
            return package_refuse_at(err, OVERRIDES_FILE, allow,
                                     "until='%s' is more than %d days ahead: allow it for the days it takes",
                                     until, DAYS_AHEAD);
    }
    return 0;
}

bool application_package_allows(const struct application_package *package, const char *override_id,
                                int64_t now_ms)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    xmlNode *root;
    if (read_overrides(arena, package, &root, NULL) < 0)
        return false;
    int64_t today = now_ms / day_ms;
    for (xmlNode *allow = xml_first(root, "allow"); allow; allow = xml_next(allow, "allow")) {
        int64_t until = parse_day(xml_attribute(arena, allow, "until"));
        if (text_equal(xml_content(arena, allow), override_id) && until >= today &&
            until <= today + DAYS_AHEAD)
            return true;
    }
    return false;
}
