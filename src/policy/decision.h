/* May this principal do that? Every kind of policy AWS knows, put together as AWS documents it, with the
 * reason: which kind of policy decided, and which statement of it. Pure, as policy.h: it can be asked about
 * policies that are nowhere attached, or about those of a real account.
 *
 * Sources: AWS's IAM User Guide, "Policy evaluation logic" (within an account and across accounts),
 * "Permissions boundaries", "Session policies"; KMS Developer Guide, "Key policies", "Grants". */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include "policy/policy.h"

/* Policies any of which may allow. */
struct policy_list {
    const struct policy *const *items;
    size_t count;
};

/* What a resource's own policy means inside its account. Across accounts both it and the principal's
 * policies must always allow. */
enum resource_rule {
    RESOURCE_MAY, /* as of S3: it may allow, or the principal's identity policies may; also where the resource
                     has no policy */
    RESOURCE_KEY, /* of KMS: it (or a grant) must allow, or leave it to the account's identity policies */
    RESOURCE_ROLE, /* a trust policy: it must, likewise */
};

/* All that bear on one request. A zeroed one has no policies at all. */
struct policy_set {
    struct policy_list identity;   /* the user's, its groups', or the role's */
    const struct policy *boundary; /* NULL: none */
    struct policy_list session;    /* a session's own; none: it is not narrowed */
    const struct policy *resource; /* the resource's; NULL: it has none */
    enum resource_rule rule;
    const char *grantee;           /* of a grant that allows this, the ARN; NULL: no grant does */
    const struct policy *endpoint; /* of the VPC endpoint the request came through; NULL: none */
    /* Of an organization, a list for each of its levels from the root to the account, every one of which must
     * allow: for the principal's account and for the resource's. */
    const struct policy_list *service_control, *resource_control;
    size_t service_control_levels, resource_control_levels;
};

enum policy_source {
    SOURCE_RESOURCE_CONTROL,
    SOURCE_SERVICE_CONTROL,
    SOURCE_ENDPOINT,
    SOURCE_RESOURCE,
    SOURCE_GRANT,
    SOURCE_IDENTITY,
    SOURCE_BOUNDARY,
    SOURCE_SESSION,
    SOURCE_ROOT, /* of its own account root needs no policy */
};

struct decision {
    bool allowed;
    bool explicitly;           /* when refused: by a statement that denies, not for lack of one */
    enum policy_source source; /* what allowed, denied, or did not allow although it must */
    struct policy_match match; /* the statement that allowed or denied; policy NULL: none did */
};
struct decision policy_decide(const struct policy_set *policies, const struct policy_request *request);

/* "identity-based policy", "permissions boundary", ... */
const char *policy_source_name(enum policy_source source, enum resource_rule rule);
/* Why not, in AWS's words: "with an explicit deny in an identity-based policy", "because no session policy
 * allows the s3:GetObject action". In the arena. */
const char *decision_refusal(struct arena *arena, const struct decision *decision, enum resource_rule rule,
                             const char *action);

/* A policy that allows nothing: for a boundary whose policy is gone. */
const struct policy *policy_of_nothing(void);

#endif
