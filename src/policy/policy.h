/* Policies in AWS's policy language: a document parsed once, then asked which of its statements apply to a
 * request. Pure: what a request is like (its context) is given, nothing is looked up. What several policies
 * of several kinds mean together is decided in decision.h.
 *
 * Sources: AWS's IAM User Guide, "JSON policy elements", "Variables and tags", "Condition operators". */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

enum { POLICY_LARGEST = 128 << 10 }; /* bytes */

/* Identity policies (also boundaries, session and service control policies) name resources and no principal,
 * trust policies the other way round, resource policies (also those of endpoints and resource control
 * policies) both. */
enum policy_kind { POLICY_IDENTITY, POLICY_TRUST, POLICY_RESOURCE };

struct policy;

/* In the arena. ERROR_INVALID with the code MalformedPolicyDocument says what is wrong with the text;
 * everything in it must be understood, or it is refused. */
int policy_parse(struct arena *arena, const char *text, enum policy_kind kind, struct policy **policy,
                 struct error *err);
/* Its size as AWS's quotas count it: without white space. */
size_t policy_size(const char *text);

/* Who asks. */
enum principal_kind {
    PRINCIPAL_ROOT,
    PRINCIPAL_USER,
    PRINCIPAL_ROLE_SESSION,
    PRINCIPAL_FEDERATED_USER, /* a session of a user's, by GetFederationToken */
    PRINCIPAL_SERVICE,
    PRINCIPAL_ANONYMOUS,
};
struct policy_principal {
    enum principal_kind kind;
    const char *arn;         /* of root or a user; of a session the role's or the user's; else NULL */
    const char *session_arn; /* of a session its own; else NULL */
    const char *account;     /* NULL of a service and of nobody */
    const char *service;     /* "ec2.amazonaws.com"; else NULL */
    bool bounded;            /* the user or role has a permissions boundary */
};

struct policy_value {
    const char *key, *value; /* a key may be there several times: it has several values */
};

struct policy_request {
    struct policy_principal principal;
    const char *action;   /* "s3:GetObject" */
    const char *resource; /* an ARN, or "*" */
    const char *owner;    /* the resource's account; NULL: the principal's own */
    const struct policy_value *context;
    size_t context_count;
};

/* How nearly a statement names who asks. What is allowed to an entity reaches its session through the
 * boundary and the session policies; what is allowed to an account only through its identity policies too. */
enum policy_reach {
    REACHES_NOBODY,
    REACHES_ACCOUNT, /* its id or its root */
    REACHES_ENTITY,  /* the role behind a session, the user behind a federated one */
    REACHES_SELF,    /* the very user, session, root or service; or everyone */
};

/* The statements that decide; several policies may add to one verdict. */
struct policy_verdict {
    struct policy_match {
        const struct policy *policy; /* NULL: none */
        size_t statement;            /* its index */
    } deny, allow;
    enum policy_reach reach; /* of `allow`, the nearest there is; of an identity policy REACHES_SELF */
};
void policy_judge(const struct policy *policy, const struct policy_request *request,
                  struct policy_verdict *verdict);

/* A policy statement by statement, for who wants to show them. */
size_t policy_statement_count(const struct policy *policy);
bool policy_statement_applies(const struct policy *policy, size_t statement,
                              const struct policy_request *request);
enum policy_reach policy_statement_reach(const struct policy *policy, size_t statement,
                                         const struct policy_request *request);
bool policy_statement_denies(const struct policy *policy, size_t statement);
const char *policy_statement_sid(const struct policy *policy, size_t statement); /* NULL: it has none */
/* The context keys it asks about, in conditions and variables, each once; NULL-terminated, in the arena. */
const char **policy_context_keys(struct arena *arena, const struct policy *policy);

#endif
