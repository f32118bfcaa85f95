/* The audit trail: every call, allowed or refused, as CloudTrail records it, in the trail of the account that
 * called and, where it used what another account owns, in that one's too. The dispatcher and S3 hand in each
 * call when it has its answer; `cloudtrail` and the files in `directory`/trail (journal.h) show it. A call
 * costs its event's text and a copy; nothing here waits for the disk (journal.h says when it does). */
#ifndef LOCALAWS_TRAIL_H
#define LOCALAWS_TRAIL_H

#include "localaws/region.h"

enum { TRAIL_KEEP_MB = 256 }; /* of each account, unless it is asked for otherwise */

struct trail;

/* `keep_bytes` 0: no trail is kept, and LookupEvents finds nothing. */
int trail_open(struct region *region, int64_t keep_bytes, struct error *err);
void trail_close(struct region *region);

/* The call has its answer: `err` NULL when it was done. Once per call; a second time is ignored. Not under
 * the region's lock. */
void trail_call(struct call *call, const struct error *err);

/* A service used another one for its caller: S3 and EC2 take data keys of KMS. */
struct trail_use {
    const struct caller *caller;
    const char *service, *action;                 /* "kms", "GenerateDataKey" */
    const char *by;                               /* "s3": who asked in the caller's name */
    const char *resource, *resource_type, *owner; /* an ARN, "AWS::KMS::Key", its account */
    json_t *parameters;                           /* borrowed; may be NULL */
};
void trail_service_use(struct region *region, const struct trail_use *use, const struct error *err);

#endif
