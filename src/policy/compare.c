#include "policy/language.h"

#include "base/text.h"
#include "policy/moment.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

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

/* In order, or else not comparable at all. */
enum order { LESS, EQUAL, GREATER, NOT_COMPARABLE };

static enum order order_of(double given, double wanted)
{
    return given < wanted ? LESS : given > wanted ? GREATER : EQUAL;
}

static bool number(const char *text, double *value)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false;
    *value = strtod(text, &end);
    return !*end && isfinite(*value);
}

static enum order order_numbers(const char *policy, const char *request)
{
    double wanted, given;
    return number(policy, &wanted) && number(request, &given) ? order_of(given, wanted) : NOT_COMPARABLE;
}

static enum order order_dates(const char *policy, const char *request)
{
    double wanted, given;
    return moment_parse(policy, &wanted) && moment_parse(request, &given) ? order_of(given, wanted)
                                                                          : NOT_COMPARABLE;
}

static bool numeric_equals(const char *policy, const char *request)
{
    return order_numbers(policy, request) == EQUAL;
}

static bool numeric_less(const char *policy, const char *request)
{
    return order_numbers(policy, request) == LESS;
}

static bool numeric_less_equals(const char *policy, const char *request)
{
    return order_numbers(policy, request) <= EQUAL;
}

static bool numeric_greater(const char *policy, const char *request)
{
    return order_numbers(policy, request) == GREATER;
}

static bool numeric_greater_equals(const char *policy, const char *request)
{
    enum order order = order_numbers(policy, request);
    return order == EQUAL || order == GREATER;
}

static bool date_equals(const char *policy, const char *request)
{
    return order_dates(policy, request) == EQUAL;
}

static bool date_less(const char *policy, const char *request)
{
    return order_dates(policy, request) == LESS;
}

static bool date_less_equals(const char *policy, const char *request)
{
    return order_dates(policy, request) <= EQUAL;
}

static bool date_greater(const char *policy, const char *request)
{
    return order_dates(policy, request) == GREATER;
}

static bool date_greater_equals(const char *policy, const char *request)
{
    enum order order = order_dates(policy, request);
    return order == EQUAL || order == GREATER;
}

/* Both are base64, since a context is text. */
static bool binary_equals(const char *policy, const char *request)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    unsigned char *wanted, *given;
    size_t wanted_length, given_length;
    return base64_decode(arena, policy, &wanted, &wanted_length, NULL) == 0 &&
           base64_decode(arena, request, &given, &given_length, NULL) == 0 && wanted_length == given_length &&
           memcmp(wanted, given, given_length) == 0;
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

/* clang-format off */
static const struct operator operators[] = {
    /* name                       compare                 negated  variables */
    {"StringEquals",              string_equals,          false,   true},
    {"StringNotEquals",           string_equals,          true,    true},
    {"StringEqualsIgnoreCase",    string_equals_nocase,   false,   true},
    {"StringNotEqualsIgnoreCase", string_equals_nocase,   true,    true},
    {"StringLike",                string_like,            false,   true},
    {"StringNotLike",             string_like,            true,    true},
    {"ArnEquals",                 arn_matches,            false,   true}, /* AWS lets both forms take wildcards */
    {"ArnNotEquals",              arn_matches,            true,    true},
    {"ArnLike",                   arn_matches,            false,   true},
    {"ArnNotLike",                arn_matches,            true,    true},
    {"NumericEquals",             numeric_equals,         false,   false},
    {"NumericNotEquals",          numeric_equals,         true,    false},
    {"NumericLessThan",           numeric_less,           false,   false},
    {"NumericLessThanEquals",     numeric_less_equals,    false,   false},
    {"NumericGreaterThan",        numeric_greater,        false,   false},
    {"NumericGreaterThanEquals",  numeric_greater_equals, false,   false},
    {"DateEquals",                date_equals,            false,   false},
    {"DateNotEquals",             date_equals,            true,    false},
    {"DateLessThan",              date_less,              false,   false},
    {"DateLessThanEquals",        date_less_equals,       false,   false},
    {"DateGreaterThan",           date_greater,           false,   false},
    {"DateGreaterThanEquals",     date_greater_equals,    false,   false},
    {"Bool",                      string_equals_nocase,   false,   false},
    {"BinaryEquals",              binary_equals,          false,   false},
    {"IpAddress",                 ip_address,             false,   false},
    {"NotIpAddress",              ip_address,             true,    false},
    {"Null",                      NULL,                   false,   false},
};
/* clang-format on */

const struct operator* operator_find(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (strlen(operators[i].name) == length && strncmp(operators[i].name, name, length) == 0)
            return &operators[i];
    return NULL;
}
