/* Policies, as AWS's policy language has them: parsed once, then asked whether they allow or deny a request.
 * Pure: what a request is like (its context) is given; nothing is looked up here. Used for identity policies,
 * trust policies of roles, key policies and bucket policies; authorize.c knows where those come from. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

enum { POLICY_LARGEST = 128 << 10 };

/* Identity policies name resources and no principal, trust policies the other way round, resource policies
 * both. */
enum policy_kind { POLICY_IDENTITY, POLICY_TRUST, POLICY_RESOURCE };

struct policy;

/* ERROR_INVALID says what is wrong with the text; everything in it must be understood, or it is refused. */
int policy_parse(struct arena *arena, const char *text, enum policy_kind kind, struct policy **policy,
                 struct error *err);

struct policy_value {
    const char *key, *value; /* a key may be there several times: it has several values */
};

struct policy_request {
    const char *action;        /* "s3:GetObject" */
    const char *resource;      /* an ARN, or "*" */
    const char *principal_arn; /* the user's, role's or root's ARN */
    const char *session_arn;   /* of a role session its own ARN; else as principal_arn */
    const char *account;       /* the principal's; NULL for a service */
    const char *service;       /* "ec2.amazonaws.com" when an AWS service asks; else NULL */
    const struct policy_value *context;
    size_t context_count;
};

/* What policies say of a request; several may add to one verdict. */
struct policy_verdict {
    bool denied;
    bool allowed;   /* of a policy with principals: to this very principal, or to everyone */
    bool delegated; /* allowed to the principal's whole account: its own policies decide */
};
void policy_judge(const struct policy *policy, const struct policy_request *request,
                  struct policy_verdict *verdict);

/* Who decides about a resource that has a policy of its own. */
enum policy_rule {
    POLICY_EITHER, /* S3: identity or resource policy may allow, inside an account */
    POLICY_BOTH,   /* KMS, trust: the resource's policy must allow, or leave it to the account's identity
                      policies */
};
/* `resource` may be NULL: there is no such policy. Across accounts both must allow; a denial on either side
 * wins. */
bool policy_permits(const struct policy_verdict *identity, const struct policy_verdict *resource,
                    bool same_account, enum policy_rule rule);

/* policy/match.c: '*' and '?' in patterns; ARNs part by part, so that '*' in one part does not reach into
 * another. */
bool pattern_matches(const char *pattern, const char *text, bool ignore_case);
bool literal_matches(const char *pattern, const char *text,
                     bool ignore_case); /* '*' and '?' stand for themselves */
bool arn_matches(const char *pattern, const char *arn);
/* `${aws:PrincipalAccount}` and friends replaced by what the context has, in malloc'ed memory; what is
 * inserted stands for itself even if it holds '*'. NULL when the context lacks a variable. */
char *pattern_expand(const char *pattern, const struct policy_request *request);

/* condition.c: one operator applied to one key. */
struct condition;
int condition_parse(struct arena *arena, const char *operator, const char * key, const char *const *values,
                    size_t count, struct condition **condition, struct error *err);
bool condition_holds(const struct condition *condition, const struct policy_request *request);

#endif
