/* services.xml's variants: of elements of one name and id that differ in deploy:environment, deploy:region
 * and their like, the one that says most about where we deploy stays, the others go. Source: Vespa's
 * deployment variants (https://docs.vespa.ai/en/operations/deployment-variants.html) and its override
 * processor, whose rules these are: an element that names another place is no candidate; a directive counts
 * as its descendants' too; only test and staging are of no region; nodes picked by a directive are meant as
 * they stand, so that no environment shrinks them. */
#include "base/text.h"
#include "zone/package_grammar.h"
#include "zone/package_parts.h"

#include <string.h>

#define FILE_NAME        "services.xml"
#define DEPLOY_NAMESPACE "vespa"

enum {
    DIRECTIVE_INSTANCE,
    DIRECTIVE_ENVIRONMENT,
    DIRECTIVE_REGION,
    DIRECTIVE_CLOUD,
    DIRECTIVE_TAGS,
    DIRECTIVE_APPLICATION,
    DIRECTIVES
};

static const char *const directive_names[DIRECTIVES] = {"instance", "environment", "region",
                                                        "cloud",    "tags",        "application"};
static const char *const environments[] = {"dev", "test", "staging", "perf", "prod"};

/* What an element says about where it applies; "a b" is a or b, NULL nothing. */
struct directives {
    const char *values[DIRECTIVES];
};

/* One document's variants. */
struct variants {
    struct arena *arena;
    const char *places[DIRECTIVES]; /* where we deploy */
    bool many_regions;              /* of this environment there may be several regions */
};

static bool has_word(const char *words, const char *word)
{
    size_t length = word ? strlen(word) : 0;
    for (const char *at = words; length && *(at += strspn(at, " ")); at += strcspn(at, " "))
        if (strcspn(at, " ") == length && memcmp(at, word, length) == 0)
            return true;
    return false;
}

/* Of `words` ("a b") one at least is among `places` ("b c"). */
static bool has_any(const char *words, const char *places)
{
    char word[64];
    for (const char *at = places ? places : ""; *(at += strspn(at, " ")); at += strcspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length >= sizeof word)
            continue;
        memcpy(word, at, length);
        word[length] = '\0';
        if (has_word(words, word))
            return true;
    }
    return false;
}

static bool is_known_environment(const char *word, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(environments); i++)
        if (strlen(environments[i]) == length && memcmp(environments[i], word, length) == 0)
            return true;
    return false;
}

/* "production" would never match and be dropped in silence. */
static int check_environments(xmlNode *element, const char *words, struct error *err)
{
    for (const char *at = words; *(at += strspn(at, " ")); at += strcspn(at, " "))
        if (!is_known_environment(at, strcspn(at, " ")))
            return package_refuse_at(
                err, FILE_NAME, element,
                "deploy:environment='%.60s' must be of dev, test, staging, perf and prod", words);
    return 0;
}

static int read_directives(struct variants *variants, xmlNode *element, struct directives *directives,
                           struct error *err)
{
    *directives = (struct directives){0};
    for (const xmlAttr *each = element->properties; each; each = each->next) {
        if (!each->ns || !text_equal((const char *)each->ns->href, DEPLOY_NAMESPACE))
            continue;
        size_t which = 0;
        while (which < DIRECTIVES && !text_equal((const char *)each->name, directive_names[which]))
            which++;
        if (which == DIRECTIVES)
            return package_refuse_at(err, FILE_NAME, element,
                                     "deploy:%.60s is not known: write deploy:environment, region, instance, "
                                     "tags, cloud or application",
                                     (const char *)each->name);
        xmlChar *value = xmlGetNsProp(element, each->name, (const xmlChar *)DEPLOY_NAMESPACE);
        directives->values[which] = text_trim(variants->arena, (const char *)value);
        xmlFree(value);
    }
    const char *words = directives->values[DIRECTIVE_ENVIRONMENT];
    return words ? check_environments(element, words, err) : 0;
}

static bool says_anything(const struct directives *directives)
{
    for (size_t i = 0; i < DIRECTIVES; i++)
        if (!text_empty(directives->values[i]))
            return true;
    return false;
}

static bool applies(const struct variants *variants, const struct directives *directives)
{
    for (size_t i = 0; i < DIRECTIVES; i++) {
        if (text_empty(directives->values[i]) || has_any(directives->values[i], variants->places[i]))
            continue;
        bool region_is_no_matter = i == DIRECTIVE_REGION && !variants->many_regions &&
                                   !text_empty(directives->values[DIRECTIVE_ENVIRONMENT]);
        if (!region_is_no_matter)
            return false;
    }
    return true;
}

/* How much it says of where we are, what its ancestors say included. */
static int count_matches(const struct variants *variants, const struct directives *own,
                         const struct directives *inherited)
{
    int count = 0;
    for (size_t i = 0; i < DIRECTIVES; i++) {
        const char *words = !text_empty(own->values[i]) ? own->values[i] : inherited->values[i];
        count += words && has_any(words, variants->places[i]);
    }
    return count;
}

/* One of an element's children, while they are sorted out. */
struct candidate {
    xmlNode *element;
    const char *name, *id; /* rivals have the same of both */
    struct directives directives;
    int matches;
    bool applies;
};

static int compare_rivals(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->id, b->id);
}

static void remove_element(xmlNode *element)
{
    xmlUnlinkNode(element);
    xmlFreeNode(element);
}

static void keep_best(const struct candidate *rivals, size_t count)
{
    bool differ = false;
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        differ |= says_anything(&rivals[i].directives);
        if (rivals[i].applies && rivals[i].matches > most)
            most = rivals[i].matches;
    }
    for (size_t i = 0; differ && i < count; i++) {
        bool kept = rivals[i].applies && rivals[i].matches == most;
        if (!kept)
            remove_element(rivals[i].element);
        else if (most > 0 && text_equal(rivals[i].name, "nodes"))
            xmlSetProp(rivals[i].element, (const xmlChar *)"required", (const xmlChar *)"true");
    }
}

static void keep_best_of_each(struct candidate *all, size_t count)
{
    qsort(all, count, sizeof *all, compare_rivals);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && compare_rivals(&all[first], &all[end]) == 0;)
            end++;
        keep_best(&all[first], end - first);
    }
}

static size_t count_children(xmlNode *parent)
{
    size_t count = 0;
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL))
        count++;
    return count;
}

static int read_candidate(struct variants *variants, xmlNode *element, const struct directives *inherited,
                          struct candidate *candidate, struct error *err)
{
    const char *id = xml_attribute(variants->arena, element, "id");
    *candidate = (struct candidate){.element = element, .name = xml_name(element), .id = id ? id : ""};
    if (read_directives(variants, element, &candidate->directives, err) < 0)
        return -1;
    candidate->applies = applies(variants, &candidate->directives);
    candidate->matches = count_matches(variants, &candidate->directives, inherited);
    return 0;
}

static int sort_out(struct variants *variants, xmlNode *parent, const struct directives *inherited,
                    struct error *err);

static int sort_out_below(struct variants *variants, xmlNode *element, const struct directives *inherited,
                          struct error *err)
{
    struct directives own;
    if (read_directives(variants, element, &own, err) < 0)
        return -1;
    for (size_t i = 0; i < DIRECTIVES; i++)
        if (text_empty(own.values[i]))
            own.values[i] = inherited->values[i];
    return sort_out(variants, element, &own, err);
}

static int sort_out(struct variants *variants, xmlNode *parent, const struct directives *inherited,
                    struct error *err)
{
    size_t count = count_children(parent), at = 0;
    struct candidate *all = arena_alloc(variants->arena, (count + 1) * sizeof *all);
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL))
        if (read_candidate(variants, child, inherited, &all[at++], err) < 0)
            return -1;
    keep_best_of_each(all, count);
    for (xmlNode *child = xml_first(parent, NULL); child; child = xml_next(child, NULL))
        if (sort_out_below(variants, child, inherited, err) < 0)
            return -1;
    return 0;
}

static void drop_directives(xmlNode *element)
{
    for (xmlAttr *each = element->properties, *next; each; each = next) {
        next = each->next;
        if (each->ns && text_equal((const char *)each->ns->href, DEPLOY_NAMESPACE))
            xmlRemoveProp(each);
    }
    for (xmlNode *child = xml_first(element, NULL); child; child = xml_next(child, NULL))
        drop_directives(child);
}

int package_take_variants(struct arena *arena, xmlNode *root, const struct package_target *target,
                          const char *tags, struct error *err)
{
    const char *environment = target->zone->environment;
    struct variants variants = {
        .arena = arena,
        .places = {target->instance, environment, target->zone->region, target->cloud, tags,
                   target->application},
        .many_regions = !text_equal(environment, "test") && !text_equal(environment, "staging"),
    };
    if (sort_out(&variants, root, &(struct directives){0}, err) < 0)
        return -1;
    drop_directives(root);
    return 0;
}
