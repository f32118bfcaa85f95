/* May this caller do that? The identity policies of the caller's user or role, the policy of the resource
 * where it has one, and what is known of the request, put before the policy engine (policy.h). Takes the
 * region's lock itself. */
#ifndef LOCALAWS_PERMISSION_H
#define LOCALAWS_PERMISSION_H

#include "localaws/region.h"
#include "policy/policy.h"

struct question {
    struct region *region;
    const struct caller *caller;
    const char *action, *resource;
    const char *const *context; /* pairs, NULL-terminated; may be NULL */
    const char *source_ip;      /* NULL: an AWS service asks on the caller's behalf */
    bool insecure;              /* came without TLS */
    const char *owner;          /* account of the resource; NULL: the caller's */
    bool has_policy;            /* the resource is of a kind that has policies; this one's may be absent */
    const struct policy *policy;
    enum policy_rule rule;
};

enum permission {
    PERMITTED,
    REFUSED_BY_IDENTITY_POLICY, /* an explicit deny */
    REFUSED_BY_RESOURCE_POLICY, /* an explicit deny */
    REFUSED_BY_NO_IDENTITY_POLICY,
    REFUSED_BY_NO_RESOURCE_POLICY,
};

enum permission permission_ask(struct arena *arena, const struct question *question);
/* "User: ARN is not authorized to perform: A on resource: R because ..." */
const char *permission_refusal(struct arena *arena, const struct question *question,
                               enum permission permission);
/* As permission_ask for a call; refuses in the words and with the status and code of the call's service. */
int permission_require(struct call *call, struct question *question, struct error *err);
struct question permission_question(struct call *call, const char *action, const char *resource,
                                    const char *const *context);

#endif
