/* Sessions of roles: the temporary keys behind AssumeRole and behind an instance's profile. They outlive a
 * restart of the region (keys.h saves them) but not their time, nor their role. */
#ifndef LOCALAWS_SESSION_H
#define LOCALAWS_SESSION_H

#include "localaws/front/keys.h"
#include "localaws/iam/iam.h"

struct session_wish {
    const struct principal *role;
    const char *name, *source_identity; /* the latter may be NULL */
    int64_t duration_s;
};

/* New keys, in the arena, known to the region from now on. The region's lock is held. */
void session_open(struct region *region, struct arena *arena, const struct session_wish *wish,
                  struct access_key *key);

#endif
