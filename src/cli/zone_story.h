/* Raising the local zone, told step by step with times: zone_story.c tells, zone_accounts.c has the steps that raise both
 * accounts, zone_application.c those that bring a tenant with a served application into them. Every step looks first whether
 * what it makes is there, so that telling it again, or after it was interrupted anywhere, goes on from where things are. */
#ifndef CLI_ZONE_STORY_H
#define CLI_ZONE_STORY_H

#include "cli/zone_local.h"

struct story {
    struct local_zone zone;
    struct terraform control_plane, tenant;
    char detail[512]; /* what a step says when it ends well */
    bool deployed_now; /* by this telling */
    bool talked;      /* a step has said something while it ran */
    int64_t own_ms;   /* what a step took by itself where it ran beside another; else 0 */
};

#define SAY(story, ...) snprintf((story)->detail, sizeof (story)->detail, __VA_ARGS__)

/* A line while a step runs, below its title. */
void tell_progress(struct story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));

int raise_region(struct story *story, struct error *err);
int raise_control_plane(struct story *story, struct error *err);
int raise_enclave(struct story *story, struct error *err);
int make_tenant(struct story *story, struct error *err);
int deploy_application(struct story *story, struct error *err);
int wait_for_hosts(struct story *story, struct error *err);
int feed_and_query(struct story *story, struct error *err);
int see_logs(struct story *story, struct error *err);

/* Goes on from wherever an earlier telling stopped. Writes timings.json. */
int zone_story_tell(const struct local_zone *zone, struct error *err);

#endif
