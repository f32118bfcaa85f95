/* Sessions of roles: the temporary keys behind AssumeRole and behind an instance's profile. They outlive a
 * restart of the region (keys.h saves them) but not their time, nor their role. */
#ifndef LOCALAWS_SESSION_H
#define LOCALAWS_SESSION_H

#include "localaws/front/keys.h"
#include "localaws/iam/iam.h"

enum { SESSION_POLICIES_MOST = 10, SESSION_TAGS_MOST = 50 };

/* What narrows or marks a session: given when it was opened, part of every decision about it. */
struct session_scope {
    char *policy; /* JSON; NULL: none */
    char **policy_arns;
    size_t policy_arn_count;
    struct tag *tags; /* over those of the role or user */
    size_t tag_count;
    char **transitive; /* keys of the tags that go on into the sessions this one opens */
    size_t transitive_count;
    char *instance_arn; /* of the EC2 instance whose profile it is */
};
extern const struct record session_scope_record;
/* Does it say anything? */
bool session_scope_says(const struct session_scope *scope);

struct session_wish {
    const struct principal *principal;  /* a role; a user */
    const char *name, *source_identity; /* the latter may be NULL */
    int64_t duration_s;
    struct session_scope scope;
};

/* New keys, in the arena, known to the region from now on. The region's lock is held. */
void session_open(struct region *region, struct arena *arena, const struct session_wish *wish,
                  struct access_key *key);
/* As session_open, for GetFederationToken: of a user, or of root (principal NULL). */
void session_open_federated(struct region *region, struct arena *arena, const struct caller *caller,
                            const struct session_wish *wish, struct access_key *key);
/* For GetSessionToken: the caller itself, for a while. */
void session_open_same(struct region *region, struct arena *arena, const struct caller *caller,
                       int64_t duration_s, struct access_key *key);

#endif
