/* The cloud at the pace it allows: between a zone and its cloud stands one bucket of tokens for each account
 * and family of calls, as AWS has them. A call that finds its bucket empty does not leave: it fails with
 * ERROR_THROTTLED and cloud_held_back() at once, to be made later, and nobody sleeps. Where AWS says that we
 * are too fast all the same (others use the account, too), that bucket alone slows down by half and gets
 * faster again over a minute. What one account does costs no other anything. Also counts all calls, for
 * metrics. */
#ifndef CONFIGSERVER_PACED_H
#define CONFIGSERVER_PACED_H

#include "configserver/cloud/cloud.h"
#include "configserver/environment.h"

enum cloud_family {
    CLOUD_LAUNCHES,
    CLOUD_CHANGES, /* other changes of EC2's */
    CLOUD_LOOKS,   /* at what is there */
    CLOUD_BALANCER_CHANGES,
    CLOUD_BALANCER_LOOKS,
    CLOUD_FAMILIES,
};
extern const char *const cloud_family_names[]; /* for labels: "launches" */

struct paced_cloud;
/* Both must outlive it. */
struct paced_cloud *paced_cloud_new(const struct cloud *cloud, const struct environment *environment);
void paced_cloud_free(struct paced_cloud **paced);
const struct cloud *paced_cloud_interface(const struct paced_cloud *paced);

bool cloud_held_back(const struct error *err); /* by us: it was not even asked */

/* Since the start, all accounts together. */
struct cloud_calls {
    int64_t made;
    int64_t failed;    /* made and refused, or not answered; without the throttled */
    int64_t throttled; /* made, and too fast for AWS */
    int64_t held_back; /* not made */
};
struct cloud_calls paced_cloud_calls(struct paced_cloud *paced, enum cloud_family family);

#endif
