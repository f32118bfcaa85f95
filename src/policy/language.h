/* What the files of the policy library share: a document as it was read, patterns, conditions. */
#ifndef POLICY_LANGUAGE_H
#define POLICY_LANGUAGE_H

#include "policy/policy.h"

struct patterns {
    const char *const *items;
    size_t count;
    bool inverted; /* NotAction, NotResource, NotPrincipal */
};

struct statement {
    const char *sid;
    bool deny;
    struct patterns actions, resources;
    bool has_principals, except;        /* Principal; NotPrincipal */
    struct patterns accounts, services; /* "AWS" (also for "*"), "Service" */
    struct condition **conditions;
    size_t condition_count;
};

struct policy {
    enum policy_kind kind;
    bool variables; /* of 2012-10-17; before, "${" was nothing special */
    struct statement *statements;
    size_t count;
};

enum { LITERAL = '\1' };

/* match.c: '*' and '?' in patterns. Before a byte LITERAL says that it stands for itself; no policy has it,
 * since texts with controls are refused. */
bool pattern_matches(const char *pattern, const char *text, bool ignore_case);
bool literal_matches(const char *pattern, const char *text,
                     bool ignore_case); /* '*' and '?' stand for themselves */
/* Of ARN conditions: each of the six parts by itself. */
bool arn_matches(const char *pattern, const char *arn);
/* Of Resource elements: in the first five parts only a '*' that ends its part goes beyond it. */
bool resource_matches(const char *pattern, const char *resource);

/* variable.c: `${aws:username}`, `${aws:username, 'nobody'}`, `${*}` replaced by what the context has, in
 * malloc'ed memory; what is inserted stands for itself even if it holds '*'. NULL when a variable has no
 * value (or several). */
char *pattern_expand(const char *pattern, const struct policy_request *request);
/* The name of the next variable at or after *at, which moves behind it; in the arena, NULL when there is no
 * more. */
char *variable_next(struct arena *arena, const char **at);

/* condition.c: one operator applied to one key. */
struct condition {
    const struct operator* operator;
    enum quantifier { ANY, FOR_ANY, FOR_ALL } quantifier; /* of several values; without one, any will do */
    bool if_exists, variables;
    const char *key;
    const char *const *values;
    size_t count;
};
/* Takes the operator with its prefix and suffix: "ForAnyValue:StringLikeIfExists". */
int condition_parse(struct condition *condition, const char *operator, struct error * err);
bool condition_holds(const struct condition *condition, const struct policy_request *request);

/* compare.c: a policy's value with a request's. The operator's name has neither prefix nor suffix. */
struct operator
{
    const char *name;
    bool (*compare)(const char *policy, const char *request); /* NULL: "Null", which asks for the key */
    bool negated;                                             /* holds when `compare` does not */
    bool variables;                                           /* its values may have variables */
};
const struct operator* operator_find(const char *name, size_t length);

#endif
