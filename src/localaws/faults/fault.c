#include "localaws/faults/fault.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

static const char *const kinds[] = {
    [FAULT_THROTTLE] = "throttle",       [FAULT_TOKEN_BUCKET] = "token-bucket",
    [FAULT_LATENCY] = "latency",         [FAULT_ERROR] = "error",
    [FAULT_LOST] = "lost-response",      [FAULT_CAPACITY] = "insufficient-capacity",
    [FAULT_NEVER_BOOTS] = "never-boots", [FAULT_SLOW_BOOT] = "slow-boot",
    [FAULT_CUT] = "network-cut",         [FAULT_KINDS] = NULL,
};

enum { PATTERN_LONGEST = 512, MS_MOST = 3600 * 1000 };

static bool is_code(const char *text)
{
    return text_only(text, "A-Za-z0-9.");
}

static const struct field fields[] = {
    FIELD_TEXT(struct fault, id, "id", OPTIONAL, 32, NULL, "given by the region"),
    FIELD_ENUM(struct fault, kind, "kind", REQUIRED, kinds, "what goes wrong"),
    FIELD_TEXT(struct fault, account, "account", OPTIONAL, PATTERN_LONGEST, NULL, "of the caller"),
    FIELD_TEXT(struct fault, service, "service", OPTIONAL, PATTERN_LONGEST, NULL, "ec2, s3, ..."),
    FIELD_TEXT(struct fault, action, "action", OPTIONAL, PATTERN_LONGEST, NULL, "RunInstances, Describe*"),
    FIELD_TEXT(struct fault, principal, "principal", OPTIONAL, PATTERN_LONGEST, NULL, "ARN of the caller"),
    FIELD_TEXT(struct fault, resource, "resource", OPTIONAL, PATTERN_LONGEST, NULL,
               "some value of the request, or of the instance's image, subnet and tags"),
    FIELD_TEXT(struct fault, instance_type, "instanceType", OPTIONAL, PATTERN_LONGEST, NULL, "m7g.*"),
    FIELD_TEXT(struct fault, zone, "zone", OPTIONAL, PATTERN_LONGEST, NULL, "us-east-1a"),
    FIELD_NUMBER(struct fault, probability, "probability", OPTIONAL, 0, 1, "of each match"),
    FIELD_INTEGER(struct fault, after, "after", OPTIONAL, 0, 1e12, "matches that pass first"),
    FIELD_INTEGER(struct fault, count, "count", OPTIONAL, 0, 1e12, "how often at most; 0: no end"),
    FIELD_INTEGER(struct fault, seed, "seed", OPTIONAL, 0, 9e15, "of its chances"),
    FIELD_INTEGER(struct fault, ms, "ms", OPTIONAL, 0, MS_MOST, "how late"),
    FIELD_INTEGER(struct fault, most_ms, "mostMs", OPTIONAL, 0, MS_MOST, "at most, when that varies"),
    FIELD_TEXT(struct fault, code, "code", OPTIONAL, 63, is_code, "error code"),
    FIELD_TEXT(struct fault, message, "message", OPTIONAL, 512, NULL, "error message"),
    FIELD_INTEGER(struct fault, status, "status", OPTIONAL, 0, 599, "HTTP status"),
    FIELD_NUMBER(struct fault, bucket, "bucket", OPTIONAL, 0, 1e6, "tokens in a full bucket"),
    FIELD_NUMBER(struct fault, refill, "refill", OPTIONAL, 0, 1e6, "tokens a second"),
    FIELD_TEXT(struct fault, from, "from", OPTIONAL, PATTERN_LONGEST, NULL, "one side of a cut"),
    FIELD_TEXT(struct fault, to, "to", OPTIONAL, PATTERN_LONGEST, NULL, "and the other"),
    FIELD_INTEGER(struct fault, matched, "matched", OPTIONAL, 0, 9e15, "how often it was asked"),
    FIELD_INTEGER(struct fault, fired, "fired", OPTIONAL, 0, 9e15, "how often it fired"),
    FIELD_END,
};
const struct record fault_record = {"fault", sizeof(struct fault), fields};

const char *fault_kind_name(int kind)
{
    return kinds[kind];
}

/* What only some kinds have a use for: said of another it would be a mistake of whoever says it. */
static int check_use(const struct fault *fault, struct error *err)
{
    bool is_call = fault->kind <= FAULT_LOST,
         is_launch = fault->kind >= FAULT_CAPACITY && fault->kind < FAULT_CUT;
    const struct {
        const char *name;
        bool given, useful;
    } uses[] = {
        {"action", fault->action != NULL, is_call},
        {"service", fault->service != NULL, is_call},
        {"instanceType", fault->instance_type != NULL, is_launch},
        {"zone", fault->zone != NULL, is_launch},
        {"ms", fault->ms != 0, fault->kind == FAULT_LATENCY || fault->kind == FAULT_SLOW_BOOT},
        {"mostMs", fault->most_ms != 0, fault->kind == FAULT_LATENCY || fault->kind == FAULT_SLOW_BOOT},
        {"code", fault->code != NULL, fault->kind == FAULT_ERROR},
        {"status", fault->status != 0, fault->kind == FAULT_ERROR},
        {"message", fault->message != NULL, fault->kind == FAULT_ERROR},
        {"bucket", fault->bucket != 0, fault->kind == FAULT_TOKEN_BUCKET},
        {"refill", fault->refill != 0, fault->kind == FAULT_TOKEN_BUCKET},
        {"from", fault->from != NULL, fault->kind == FAULT_CUT},
        {"to", fault->to != NULL, fault->kind == FAULT_CUT},
        {"account", fault->account != NULL, fault->kind != FAULT_CUT},
        {"principal", fault->principal != NULL, fault->kind != FAULT_CUT},
        {"resource", fault->resource != NULL, fault->kind != FAULT_CUT},
    };
    for (size_t i = 0; i < COUNT_OF(uses); i++)
        if (uses[i].given && !uses[i].useful)
            return error_set(err, ERROR_INVALID, "a fault of kind %s has no %s", kinds[fault->kind],
                             uses[i].name);
    return 0;
}

int fault_check(const struct fault *fault, struct error *err)
{
    const char *kind = kinds[fault->kind];
    if (check_use(fault, err) < 0)
        return -1;
    if ((fault->kind == FAULT_LATENCY || fault->kind == FAULT_SLOW_BOOT) && fault->ms == 0)
        return error_set(err, ERROR_INVALID, "a fault of kind %s needs ms", kind);
    if (fault->most_ms && fault->most_ms < fault->ms)
        return error_set(err, ERROR_INVALID, "mostMs is less than ms");
    if (fault->status && fault->status < 400)
        return error_set(err, ERROR_INVALID, "the status of an error is from 400 to 599");
    if (fault->kind == FAULT_TOKEN_BUCKET && fault->bucket < 1)
        return error_set(err, ERROR_INVALID, "a fault of kind %s needs a bucket with room for a token", kind);
    if (fault->kind == FAULT_CUT && (text_empty(fault->from) || text_empty(fault->to)))
        return error_set(err, ERROR_INVALID, "a fault of kind %s needs from and to", kind);
    return 0;
}

/* splitmix64 (Steele, Lea, Flood 2014): the n-th number of a seed is reached without those before it. */
static double draw(uint64_t seed, uint64_t n)
{
    uint64_t x = seed + (n + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (double)(x >> 11) / 9007199254740992.0; /* 2^53 */
}

bool fault_fires(struct fault *fault, double *drawn)
{
    uint64_t n = (uint64_t)fault->matched++;
    if (drawn)
        *drawn = draw(~(uint64_t)fault->seed, n); /* not the number that decides */
    if (fault->matched <= fault->after || (fault->count && fault->fired >= fault->count) ||
        draw((uint64_t)fault->seed, n) >= fault->probability)
        return false;
    fault->fired++;
    return true;
}

int64_t fault_ms(const struct fault *fault, double drawn)
{
    return fault->most_ms > fault->ms
               ? fault->ms + (int64_t)(drawn * (double)(fault->most_ms - fault->ms + 1))
               : fault->ms;
}

bool fault_pattern(const char *pattern, const char *value)
{
    return !pattern || text_matches(pattern, value);
}
