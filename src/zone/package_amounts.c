#include "zone/package_amounts.h"

#include "base/text.h"
#include "zone/package_grammar.h"

#include <string.h>

static const char *const kind_names[] = {"a number", "a whole number", "a size"};

/* Vespa's decimal units, "8Gb", "8 G" or plain bytes, as 10^9 bytes; moves `*at` past the unit. */
static double apply_unit(double value, const char **at)
{
    static const char units[] = "kMGTPE";
    *at += strspn(*at, " ");
    const char *unit = **at ? strchr(units, **at == 'K' ? 'k' : **at) : NULL;
    for (const char *each = units; unit && each <= unit; each++)
        value *= 1000;
    *at += unit != NULL;
    *at += **at == 'b' || **at == 'B';
    return value / 1e9;
}

static int parse_amount(const char *text, const struct amount_rule *rule, double *amount)
{
    text += strspn(text, " ");
    size_t digits = strspn(text, "0123456789.");
    char *end;
    double value = strtod(text, &end);
    if (digits == 0 || digits > 20 || end != text + digits)
        return -1;
    const char *rest = end;
    *amount = rule->kind == AMOUNT_BYTES ? apply_unit(value, &rest) : value;
    rest += strspn(rest, " ");
    if (*rest || (rule->kind == AMOUNT_WHOLE && *amount != (double)(int64_t)*amount))
        return -1;
    return *amount >= rule->least && *amount <= rule->most ? 0 : -1;
}

static int parse_range(struct arena *arena, const char *text, const struct amount_rule *rule,
                       struct range *range)
{
    size_t length = strlen(text);
    if (text[0] != '[') {
        if (parse_amount(text, rule, &range->low) < 0)
            return -1;
        range->high = range->low;
        return 0;
    }
    char **ends;
    if (text[length - 1] != ']' ||
        text_split(arena, arena_strndup(arena, text + 1, length - 2), ',', &ends) != 2)
        return -1;
    double *values[] = {&range->low, &range->high};
    for (size_t i = 0; i < 2; i++) {
        const char *end = text_trim(arena, ends[i]);
        *values[i] = 0;
        if (!(text_empty(end) && rule->one_sided) && parse_amount(end, rule, values[i]) < 0)
            return -1;
    }
    return range->high == 0 || range->low <= range->high ? 0 : -1;
}

int package_read_range(struct arena *arena, xmlNode *element, const struct amount_rule *rule,
                       struct range *range, bool *given, struct error *err)
{
    const char *text = xml_attribute(arena, element, rule->name);
    if (given)
        *given = text != NULL;
    if (!text)
        return 0;
    struct range read = {0, 0};
    if (parse_range(arena, text_trim(arena, text), rule, &read) < 0)
        return package_refuse_at(err, SERVICES_FILE, element,
                                 "%s='%.40s' must be %s from %g to %g%s, or a range [low, high] of such",
                                 rule->name, text, kind_names[rule->kind], rule->least, rule->most,
                                 rule->kind == AMOUNT_BYTES ? " GB, like 8Gb" : "");
    *range = read;
    return 0;
}
