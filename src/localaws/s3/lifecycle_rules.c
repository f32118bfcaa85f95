#include "localaws/s3/lifecycle_rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/xml.h"

#include <string.h>

enum { MOST_RULES = 1000, MOST_TAGS = 10, LONGEST_ID = 255, MOST_DAYS = 36500 };
static const int64_t day_ms = 24 * 3600 * 1000;

static int malformed(struct error *err, const char *why)
{
    return error_code(
        err, ERROR_INVALID, "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema: %s", why);
}

/* A number in `parent`; `*number` stays when there is none. */
static int read_number(struct arena *arena, xmlNode *parent, const char *element, int64_t least,
                       int64_t *number, struct error *err)
{
    const char *text = xml_child_content(arena, parent, element);
    if (!text || text_number(text, least, INT64_MAX / 2, element, number, NULL) == 0)
        return 0;
    return error_code(err, ERROR_INVALID, "InvalidArgument", "'%s' must be a positive integer", element);
}

static int read_tags(struct arena *arena, xmlNode *where, struct s3_lifecycle_rule *rule, struct error *err)
{
    rule->tags = arena_alloc(arena, MOST_TAGS * sizeof(*rule->tags));
    for (xmlNode *tag = xml_first(where, "Tag"); tag; tag = xml_next(tag, "Tag")) {
        const char *key = xml_child_content(arena, tag, "Key");
        const char *value = xml_child_content(arena, tag, "Value");
        if (text_empty(key) || !value || rule->tag_count == MOST_TAGS)
            return malformed(err, "a filter's tag has a Key and a Value");
        rule->tags[rule->tag_count++] = arena_format(arena, "%s=%s", percent_encode(arena, key, false),
                                                     percent_encode(arena, value, false));
    }
    return 0;
}

/* The prefix stands in the rule (as it once did), in its Filter, or in the Filter's And. */
static int read_filter(struct arena *arena, xmlNode *node, struct s3_lifecycle_rule *rule, struct error *err)
{
    xmlNode *filter = xml_first(node, "Filter"), *both = xml_first(filter, "And");
    xmlNode *where = both ? both : filter ? filter : node;
    const char *prefix = xml_child_content(arena, where, "Prefix");
    rule->prefix = prefix ? prefix : "";
    rule->larger_than = rule->smaller_than = -1;
    if (!filter && !prefix)
        return malformed(err, "a rule needs a Filter");
    if (read_number(arena, where, "ObjectSizeGreaterThan", 0, &rule->larger_than, err) < 0 ||
        read_number(arena, where, "ObjectSizeLessThan", 1, &rule->smaller_than, err) < 0)
        return -1;
    return read_tags(arena, where, rule, err);
}

static int read_expiration(struct arena *arena, xmlNode *node, struct s3_lifecycle_rule *rule,
                           struct error *err)
{
    xmlNode *expiration = xml_first(node, "Expiration");
    const char *date = xml_child_content(arena, expiration, "Date");
    rule->markers = text_equal(xml_child_content(arena, expiration, "ExpiredObjectDeleteMarker"), "true");
    if (date && (clock_parse(date, &rule->date_ms, NULL) < 0 || rule->date_ms % day_ms))
        return error_code(err, ERROR_INVALID, "InvalidArgument", "'Date' must be at midnight GMT");
    return read_number(arena, expiration, "Days", 1, &rule->days, err);
}

static bool has_action(xmlNode *node)
{
    static const char *const actions[] = {"Expiration", "NoncurrentVersionExpiration", "Transition",
                                          "NoncurrentVersionTransition", "AbortIncompleteMultipartUpload"};
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (xml_first(node, actions[i]))
            return true;
    return false;
}

static int read_rule(struct arena *arena, xmlNode *node, struct s3_lifecycle_rule *rule, struct error *err)
{
    const char *status = xml_child_content(arena, node, "Status"), *id = xml_child_content(arena, node, "ID");
    xmlNode *noncurrent = xml_first(node, "NoncurrentVersionExpiration");
    *rule = (struct s3_lifecycle_rule){.id = id ? id : "", .enabled = text_equal(status, "Enabled")};
    if (!rule->enabled && !text_equal(status, "Disabled"))
        return malformed(err, "a rule's Status must be Enabled or Disabled");
    if (strlen(rule->id) > LONGEST_ID)
        return error_code(err, ERROR_INVALID, "InvalidArgument", "ID length should not exceed %d",
                          LONGEST_ID);
    if (!has_action(node))
        return error_code(err, ERROR_INVALID, "InvalidRequest",
                          "At least one action needs to be specified in a rule");
    if (read_filter(arena, node, rule, err) < 0 || read_expiration(arena, node, rule, err) < 0 ||
        read_number(arena, noncurrent, "NoncurrentDays", 1, &rule->noncurrent_days, err) < 0 ||
        read_number(arena, noncurrent, "NewerNoncurrentVersions", 1, &rule->newer_versions, err) < 0)
        return -1;
    return read_number(arena, xml_first(node, "AbortIncompleteMultipartUpload"), "DaysAfterInitiation", 1,
                       &rule->abort_days, err);
}

static int check_ids(const struct s3_lifecycle_rule *rules, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (*rules[i].id && text_equal(rules[i].id, rules[j].id))
                return error_code(err, ERROR_INVALID, "InvalidArgument",
                                  "Rule ID must be unique. Found same ID for more than one rule");
    return 0;
}

int s3_lifecycle_read(struct arena *arena, const char *text, size_t length, struct s3_lifecycle_rule **rules,
                      size_t *count, struct error *err)
{
    xmlNode *root;
    if (xml_parse(arena, "the lifecycle", text, length, &root, NULL) < 0)
        return malformed(err, "it is no XML");
    size_t most = 0;
    for (xmlNode *node = xml_first(root, "Rule"); node; node = xml_next(node, "Rule"))
        most++;
    if (most == 0 || most > MOST_RULES)
        return malformed(err, "a lifecycle has 1 to 1000 rules");
    *rules = arena_alloc(arena, most * sizeof(**rules));
    *count = 0;
    for (xmlNode *node = xml_first(root, "Rule"); node; node = xml_next(node, "Rule"))
        if (read_rule(arena, node, &(*rules)[(*count)++], err) < 0)
            return -1;
    return check_ids(*rules, *count, err);
}

static bool has_tag(const char *tags, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *at = tags; (at = strstr(at, wanted)); at++)
        if ((at == tags || at[-1] == '&') && (!at[length] || at[length] == '&'))
            return true;
    return false;
}

bool s3_lifecycle_matches(const struct s3_lifecycle_rule *rule, const struct s3_object *object)
{
    for (size_t i = 0; i < rule->tag_count; i++)
        if (!has_tag(object->tags, rule->tags[i]))
            return false;
    return rule->enabled && text_starts(object->key, rule->prefix) &&
           (rule->larger_than < 0 || object->size > rule->larger_than) &&
           (rule->smaller_than < 0 || object->size < rule->smaller_than);
}

int64_t s3_lifecycle_end(int64_t from_ms, int64_t days)
{
    if (days > MOST_DAYS)
        days = MOST_DAYS;
    return (from_ms + days * day_ms + day_ms - 1) / day_ms * day_ms;
}

int64_t s3_lifecycle_expiry(const struct s3_lifecycle_rule *rule, const struct s3_object *object)
{
    if (!s3_lifecycle_matches(rule, object))
        return 0;
    if (rule->date_ms)
        return rule->date_ms > object->modified_ms ? rule->date_ms : s3_lifecycle_end(object->modified_ms, 0);
    return rule->days ? s3_lifecycle_end(object->modified_ms, rule->days) : 0;
}
