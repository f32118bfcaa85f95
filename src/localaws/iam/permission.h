/* May this caller do that? Gathers the policies of the caller's user, groups or role, its boundary and its
 * session, the policy of the resource where it has one, and what is known of the request; the deciding is
 * policy/decision.h's. Takes the region's lock itself. */
#ifndef LOCALAWS_PERMISSION_H
#define LOCALAWS_PERMISSION_H

#include "localaws/iam/iam.h"
#include "policy/decision.h"

struct question {
    struct region *region;
    const struct caller *caller;
    const char *action, *resource;
    const char *const *context; /* pairs, NULL-terminated; may be NULL */
    const char *source_ip;      /* NULL: an AWS service asks on the caller's behalf */
    const char *endpoint_id;    /* of the VPC endpoint the call came by; NULL: none */
    const char *user_agent, *referer;
    bool insecure;     /* came without TLS */
    const char *owner; /* account of the resource; NULL: the caller's */
    bool has_policy;   /* the resource is of a kind that has policies; this one's may be absent */
    const struct policy *policy;
    const char *policy_text; /* instead of `policy`: its text, parsed once for as long as it stays the same */
    enum resource_rule rule;
    const char *grantee; /* of a grant that allows this; NULL: none does */
};

struct decision permission_ask(struct arena *arena, const struct question *question);
/* As permission_ask; `encoded` becomes what EC2 tells of a refusal (encoded.h), NULL when it is none. */
struct decision permission_ask_encoded(struct arena *arena, const struct question *question, char **encoded);
/* "User: ARN is not authorized to perform: A on resource: R because ..." */
const char *permission_refusal(struct arena *arena, const struct question *question,
                               const struct decision *decision);
/* As permission_ask for a call; refuses in the words and with the status and code of the call's service. */
int permission_require(struct call *call, const struct question *question, struct error *err);
struct question permission_question(struct call *call, const char *action, const char *resource,
                                    const char *const *context);

/* iam/context.c: who asks, and what is known of the request, as a policy's condition keys. In the arena. */
struct policy_request permission_request(struct arena *arena, const struct question *question,
                                         const struct principal *principal);
/* iam/gather.c: the policies that bear on whoever calls, whatever about. The set points into the arena and
 * into IAM's records: the lock is held as long as it is used. */
void permission_gather(struct arena *arena, struct region *region, const struct caller *caller,
                       const struct principal *principal, struct policy_set *set);
/* The user or role behind the caller, if it is still the one the keys were made for; else NULL. */
const struct principal *permission_principal(struct region *region, const struct caller *caller);

/* iam/parsed.c: a policy's text, parsed once for as long as it stays the same. NULL when it is none. The
 * region's lock is held, and what is returned stands until parsed_begin is called. */
const struct policy *parsed_find(struct region *region, const char *text, enum policy_kind kind);
void parsed_begin(struct region *region);

#endif
