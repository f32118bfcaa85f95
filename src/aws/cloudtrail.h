/* CloudTrail: who did what in an account, from its event history (ninety days, management events). */
#ifndef AWS_CLOUDTRAIL_H
#define AWS_CLOUDTRAIL_H

#include "aws/client.h"

struct cloudtrail_lookup {
    const char *attribute, *value; /* "EventName", "RunInstances"; NULL: all */
    int64_t from_ms;               /* 0: as far back as there are any */
    bool data;                     /* data events; AWS itself does not look them up */
};

struct cloudtrail_event {
    const char *id, *name, *source, *user; /* `user` NULL: nobody with a name */
    int64_t time_ms;
    const char **resources; /* names, NULL-terminated */
    json_t *record;         /* the whole record, in CloudTrail's shape */
};

/* A page of events, newest first, in the arena. `*next` is what to give for the page after it; NULL at the
 * end, and for the first page. */
int cloudtrail_lookup_events(struct aws_client *client, struct arena *arena,
                             const struct cloudtrail_lookup *lookup, const char **next,
                             struct cloudtrail_event **events, size_t *count, struct error *err);

#endif
