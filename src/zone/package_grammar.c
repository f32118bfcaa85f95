#include "zone/package_grammar.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

static bool is_boolean(const char *text)
{
    return text_equal(text, "true") || text_equal(text, "false");
}

static bool is_whole_number(const char *text)
{
    return *text && strlen(text) <= 9 && text_only(text, "0-9");
}

/* "main, beta": instances of one element. */
static bool are_names(const char *text)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names;
    size_t count = text_split(arena, text, ',', &names);
    for (size_t i = 0; i < count; i++)
        if (!name_is_valid(text_trim(arena, names[i])))
            return false;
    return true;
}

static bool is_region(const char *text)
{
    return islower((unsigned char)text[0]) && strlen(text) < sizeof((struct zone_id *)0)->region &&
           text_only(text, "a-z0-9-");
}

static bool is_version(const char *text)
{
    return text_equal(text, "1.0");
}

const struct text_rule rule_boolean = {is_boolean, "true or false"},
                       rule_whole_number = {is_whole_number, "a whole number"},
                       rule_name = {name_is_valid, "1-20 of a-z, 0-9 and single dashes, a letter first"},
                       rule_names = {are_names,
                                     "names, each 1-20 of a-z, 0-9 and single dashes, a letter first, with "
                                     "commas between"},
                       rule_region = {is_region, "a region, like aws-us-east-1c"},
                       rule_version = {is_version, "1.0"};

int package_refuse_at(struct error *err, const char *file, const xmlNode *element, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = NULL;
    if (vasprintf(&message, format, args) < 0)
        abort();
    va_end(args);
    package_refuse(err, "%s: <%s> (line %ld): %s", file, xml_name(element), xml_line(element), message);
    free(message);
    return -1;
}

static const struct attribute_rule *find_attribute(const struct attribute_rule *rules, const char *name)
{
    for (; rules->name; rules++)
        if (text_equal(rules->name, name))
            return rules;
    return NULL;
}

static int check_attributes(struct arena *arena, const char *file, xmlNode *element,
                            const struct attribute_rule *rules, struct error *err)
{
    for (const xmlAttr *each = element->properties; each; each = each->next) {
        const char *name = (const char *)each->name;
        const struct attribute_rule *rule = each->ns ? NULL : find_attribute(rules, name);
        if (!rule)
            return package_refuse_at(err, file, element, "may not have an attribute %s%s%.60s",
                                     each->ns && each->ns->prefix ? (const char *)each->ns->prefix : "",
                                     each->ns && each->ns->prefix ? ":" : "", name);
        if (rule->refusal)
            return package_refuse_at(err, file, element, "%s: %s", name, rule->refusal);
        const char *value = xml_attribute(arena, element, name);
        if (rule->text && !rule->text->valid(value))
            return package_refuse_at(err, file, element, "%s='%.60s' must be %s", name, value,
                                     rule->text->must_be);
    }
    for (; rules->name; rules++)
        if (rules->required && !xml_attribute(arena, element, rules->name))
            return package_refuse_at(err, file, element, "needs an attribute %s", rules->name);
    return 0;
}

static const struct element_rule *find_child(const struct element_rule *const *rules, const char *name)
{
    for (; *rules; rules++)
        if (text_equal((*rules)->name, name))
            return *rules;
    return NULL;
}

static int count_before(xmlNode *parent, const xmlNode *child)
{
    int count = 0;
    for (const xmlNode *each = xml_first(parent, xml_name(child)); each != child;
         each = xml_next((xmlNode *)each, xml_name(child)))
        count++;
    return count;
}

static int check_children(struct arena *arena, const char *file, xmlNode *element,
                          const struct element_rule *const *rules, struct error *err)
{
    for (xmlNode *child = xml_first(element, NULL); child; child = xml_next(child, NULL)) {
        const struct element_rule *rule = find_child(rules, xml_name(child));
        if (!rule)
            return package_refuse_at(err, file, child, "is not known inside <%s>", xml_name(element));
        if (rule->refusal)
            return package_refuse_at(err, file, child, "%s", rule->refusal);
        if (rule->most && count_before(element, child) == rule->most)
            return package_refuse_at(err, file, child, "<%s> may have at most %d of it", xml_name(element),
                                     rule->most);
        if (package_check(arena, file, child, rule, err) < 0)
            return -1;
    }
    return 0;
}

int package_check(struct arena *arena, const char *file, xmlNode *element, const struct element_rule *rule,
                  struct error *err)
{
    if (rule->attributes && check_attributes(arena, file, element, rule->attributes, err) < 0)
        return -1;
    const char *text = rule->text ? xml_content(arena, element) : NULL;
    if (text && !rule->text->valid(text))
        return package_refuse_at(err, file, element, "'%.60s' must be %s", text, rule->text->must_be);
    return rule->children ? check_children(arena, file, element, rule->children, err) : 0;
}
