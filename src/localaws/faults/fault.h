/* A fault: a rule by which calls go wrong, instances do not come up or parties do not reach each other. What
 * it is for, when it fires and what then happens are one record, which the admin API takes and shows and
 * which is kept in faults.json. Nothing here knows the region.
 *
 * Whether a rule fires is decided by its seed and by how many calls it has matched before: the same seed and
 * the same calls in the same order give the same decisions, in every run. */
#ifndef LOCALAWS_FAULT_H
#define LOCALAWS_FAULT_H

#include "base/record.h"
#include "localaws/faults/bucket.h"

enum fault_kind {
    FAULT_THROTTLE,     /* refused as the service refuses who calls too often */
    FAULT_TOKEN_BUCKET, /* so, when a bucket per account and action is empty */
    FAULT_LATENCY,      /* answered late */
    FAULT_ERROR,        /* refused with any code */
    FAULT_LOST,         /* carried out, but the answer never comes */
    FAULT_CAPACITY,     /* RunInstances: InsufficientInstanceCapacity */
    FAULT_NEVER_BOOTS,  /* an instance that runs without anything running in it */
    FAULT_SLOW_BOOT,    /* an instance that is pending for long */
    FAULT_CUT,          /* two parties do not reach each other */
    FAULT_KINDS,
};

struct fault {
    char *id;
    int kind;
    /* Patterns with * and ?; NULL: any. `resource` is some value of the request: an id, a name, an ARN. */
    char *account, *service, *action, *principal, *resource;
    char *instance_type, *zone; /* of instances to be launched */
    double probability;
    int64_t after, count; /* passes so many matches by first; fires so often at most, 0: for ever */
    int64_t seed;
    int64_t ms, most_ms; /* latency, slow boot: from ms to most_ms, evenly; most_ms 0: just ms */
    char *code, *message;
    int64_t status;
    double bucket, refill; /* tokens: room for, and how many come in a second */
    char *from, *to;       /* a cut's parties */
    int64_t matched, fired;
    struct buckets *buckets; /* not part of the record */
};

extern const struct record fault_record;
const char *fault_kind_name(int kind);

/* Is it whole, and does it say nothing that its kind has no use for? ERROR_INVALID. */
int fault_check(const struct fault *fault, struct error *err);

/* Counts a match and says whether it fires. `*drawn` (may be NULL) is a number in [0, 1) that belongs to this
 * decision. */
bool fault_fires(struct fault *fault, double *drawn);
int64_t fault_ms(const struct fault *fault, double drawn);

bool fault_pattern(const char *pattern, const char *value); /* NULL matches all, and only that matches NULL */

#endif
