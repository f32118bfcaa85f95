#include "policy/language.h"

#include "base/text.h"

#include <string.h>

int condition_parse(struct condition *condition, const char *operator, struct error * err)
{
    static const struct {
        const char *prefix;
        enum quantifier quantifier;
    } quantifiers[] = {{"ForAnyValue:", FOR_ANY}, {"ForAllValues:", FOR_ALL}};
    const char *name = operator;
    for (size_t i = 0; i < COUNT_OF(quantifiers) && name == operator; i++)
        if (text_starts(name, quantifiers[i].prefix)) {
            condition->quantifier = quantifiers[i].quantifier;
            name += strlen(quantifiers[i].prefix);
        }
    size_t length = strlen(name);
    condition->if_exists = text_ends(name, "IfExists");
    if (condition->if_exists)
        length -= strlen("IfExists");
    condition->operator= operator_find(name, length);
    if (!condition->operator||(condition->if_exists && !condition->operator->compare))
        return error_set(err, ERROR_INVALID, "Invalid Condition type : %.100s.", operator);
    return 0;
}

/* Does any of the policy's values match this value of the request? */
static bool value_matches(const struct condition *condition, const char *given,
                          const struct policy_request *request)
{
    for (size_t i = 0; i < condition->count; i++) {
        const char *wanted = condition->values[i];
        if (!condition->variables || !condition->operator->variables || !strstr(wanted, "${")) {
            if (condition->operator->compare(wanted, given))
                return true;
            continue;
        }
        cleanup(memory_free) char *expanded = pattern_expand(wanted, request);
        if (expanded && condition->operator->compare(expanded, given))
            return true;
    }
    return false;
}

/* "Null": "true" holds when the key is not there. */
static bool null_holds(const struct condition *condition, bool present)
{
    for (size_t i = 0; i < condition->count; i++)
        if (text_equal_nocase(condition->values[i], present ? "false" : "true"))
            return true;
    return false;
}

bool condition_holds(const struct condition *condition, const struct policy_request *request)
{
    size_t present = 0, holding = 0;
    bool negated = condition->operator->negated;
    for (size_t i = 0; i < request->context_count; i++) {
        if (!text_equal_nocase(request->context[i].key, condition->key))
            continue;
        present++;
        if (condition->operator->compare &&
            value_matches(condition, request->context[i].value, request) != negated)
            holding++;
    }
    if (!condition->operator->compare)
        return null_holds(condition, present);
    if (!present)
        return condition->if_exists || condition->quantifier == FOR_ALL ||
               (negated && condition->quantifier == ANY);
    /* A negated operator holds when no value matches; asked for any value, one that does not is enough. */
    if (condition->quantifier == FOR_ALL || (condition->quantifier == ANY && negated))
        return holding == present;
    return holding > 0;
}
