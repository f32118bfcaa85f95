#include "policy/policy.h"

#include "base/clock.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One comparison of a policy's value with a request's. */
typedef bool compare_function(const char *policy, const char *request);

static bool string_equals(const char *policy, const char *request)
{
    return literal_matches(policy, request, false);
}

static bool string_equals_nocase(const char *policy, const char *request)
{
    return literal_matches(policy, request, true);
}

static bool string_like(const char *policy, const char *request)
{
    return pattern_matches(policy, request, false);
}

static bool arn_like(const char *policy, const char *request)
{
    return arn_matches(policy, request);
}

static bool number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

/* -1, 0, 1; 2 when either is no number. */
static int order_numbers(const char *policy, const char *request)
{
    double wanted, given;
    if (!number(policy, &wanted) || !number(request, &given))
        return 2;
    return (given > wanted) - (given < wanted);
}

static bool moment(const char *text, double *ms)
{
    int64_t parsed;
    if (clock_parse(text, &parsed, NULL) == 0) {
        *ms = (double)parsed;
        return true;
    }
    if (!number(text, ms)) /* seconds since the epoch */
        return false;
    *ms *= 1000;
    return true;
}

static int order_dates(const char *policy, const char *request)
{
    double wanted, given;
    if (!moment(policy, &wanted) || !moment(request, &given))
        return 2;
    return (given > wanted) - (given < wanted);
}

static bool numeric_equals(const char *policy, const char *request)
{
    return order_numbers(policy, request) == 0;
}

static bool numeric_less(const char *policy, const char *request)
{
    return order_numbers(policy, request) == -1;
}

static bool numeric_less_equals(const char *policy, const char *request)
{
    return order_numbers(policy, request) <= 0;
}

static bool numeric_greater(const char *policy, const char *request)
{
    return order_numbers(policy, request) == 1;
}

static bool numeric_greater_equals(const char *policy, const char *request)
{
    int order = order_numbers(policy, request);
    return order == 0 || order == 1;
}

static bool date_equals(const char *policy, const char *request)
{
    return order_dates(policy, request) == 0;
}

static bool date_less(const char *policy, const char *request)
{
    return order_dates(policy, request) == -1;
}

static bool date_less_equals(const char *policy, const char *request)
{
    return order_dates(policy, request) <= 0;
}

static bool date_greater(const char *policy, const char *request)
{
    return order_dates(policy, request) == 1;
}

static bool date_greater_equals(const char *policy, const char *request)
{
    int order = order_dates(policy, request);
    return order == 0 || order == 1;
}

struct network {
    unsigned char bytes[16];
    int family, prefix;
};

static bool network(const char *text, struct network *result)
{
    char address[64];
    const char *slash = strchrnul(text, '/');
    size_t length = (size_t)(slash - text);
    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    result->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int bits = result->family == AF_INET6 ? 128 : 32;
    int64_t prefix = bits;
    if (*slash && text_number(slash + 1, 0, bits, "prefix", &prefix, NULL) < 0)
        return false;
    result->prefix = (int)prefix;
    return inet_pton(result->family, address, result->bytes) == 1;
}

static bool ip_address(const char *policy, const char *request)
{
    struct network wanted, given;
    if (!network(policy, &wanted) || !network(request, &given) || wanted.family != given.family)
        return false;
    int whole = wanted.prefix / 8, rest = wanted.prefix % 8;
    if (memcmp(wanted.bytes, given.bytes, (size_t)whole) != 0)
        return false;
    return !rest || (wanted.bytes[whole] ^ given.bytes[whole]) >> (8 - rest) == 0;
}

static const struct operator
{
    const char *name;
    compare_function *compare; /* NULL: Null, which asks whether the key is there */
    bool negated;
}
operators[] = {
    {"StringEquals", string_equals, false},
    {"StringNotEquals", string_equals, true},
    {"StringEqualsIgnoreCase", string_equals_nocase, false},
    {"StringNotEqualsIgnoreCase", string_equals_nocase, true},
    {"StringLike", string_like, false},
    {"StringNotLike", string_like, true},
    {"ArnEquals", arn_like, false}, /* AWS lets both forms take wildcards */
    {"ArnNotEquals", arn_like, true},
    {"ArnLike", arn_like, false},
    {"ArnNotLike", arn_like, true},
    {"NumericEquals", numeric_equals, false},
    {"NumericNotEquals", numeric_equals, true},
    {"NumericLessThan", numeric_less, false},
    {"NumericLessThanEquals", numeric_less_equals, false},
    {"NumericGreaterThan", numeric_greater, false},
    {"NumericGreaterThanEquals", numeric_greater_equals, false},
    {"DateEquals", date_equals, false},
    {"DateNotEquals", date_equals, true},
    {"DateLessThan", date_less, false},
    {"DateLessThanEquals", date_less_equals, false},
    {"DateGreaterThan", date_greater, false},
    {"DateGreaterThanEquals", date_greater_equals, false},
    {"Bool", string_equals_nocase, false},
    {"IpAddress", ip_address, false},
    {"NotIpAddress", ip_address, true},
    {"Null", NULL, false},
};

/* Of a key with several values: without a quantifier one match is enough. */
enum quantifier { ANY, FOR_ANY, FOR_ALL };

struct condition {
    const struct operator* operator;
    enum quantifier quantifier;
    bool if_exists;
    const char *key;
    const char *const *values;
    size_t count;
};

static const struct operator* operator_find(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (strlen(operators[i].name) == length && strncmp(operators[i].name, name, length) == 0)
            return &operators[i];
    return NULL;
}

int condition_parse(struct arena *arena, const char *operator, const char * key, const char *const *values,
                    size_t count, struct condition **condition, struct error *err)
{
    struct condition *result = arena_alloc(arena, sizeof *result);
    *result = (struct condition){.key = key, .values = values, .count = count};
    const char *name = operator;
    if (text_starts(name, "ForAnyValue:")) {
        result->quantifier = FOR_ANY;
        name += strlen("ForAnyValue:");
    } else if (text_starts(name, "ForAllValues:")) {
        result->quantifier = FOR_ALL;
        name += strlen("ForAllValues:");
    }
    size_t length = strlen(name);
    if (text_ends(name, "IfExists")) {
        result->if_exists = true;
        length -= strlen("IfExists");
    }
    result->operator= operator_find(name, length);
    if (!result->operator||(result->if_exists && !result->operator->compare))
        return error_set(err, ERROR_INVALID, "unknown condition operator %.100s", operator);
    *condition = result;
    return 0;
}

/* Does any of the policy's values match this value of the request? */
static bool value_matches(const struct condition *condition, const char *given,
                          const struct policy_request *request)
{
    for (size_t i = 0; i < condition->count; i++) {
        if (!strstr(condition->values[i], "${")) {
            if (condition->operator->compare(condition->values[i], given))
                return true;
            continue;
        }
        cleanup(memory_free) char *expanded = pattern_expand(condition->values[i], request);
        if (expanded && condition->operator->compare(expanded, given))
            return true;
    }
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
        return condition->count && text_equal_nocase(condition->values[0], present ? "false" : "true");
    if (!present)
        return condition->if_exists || condition->quantifier == FOR_ALL ||
               (negated && condition->quantifier == ANY);
    /* A negated operator holds when no value matches; asked for any value, one that does not is enough. */
    if (condition->quantifier == FOR_ALL || (condition->quantifier == ANY && negated))
        return holding == present;
    return holding > 0;
}
