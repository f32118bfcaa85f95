/* Faults on demand: the rules an operator of this region has given it (fault.h), and the questions that those
 * ask who do the region's work: the dispatcher and S3 of each call, EC2 of each launch. Without rules a
 * question costs a look at a number. The rules are kept in `directory`/faults.json, written at each change of
 * them and at an end in good order: what a kill -9 forgets is how often they fired since.
 *
 * Everything here may be called with or without the region's lock and takes it itself only for cuts. */
#ifndef LOCALAWS_FAULTS_H
#define LOCALAWS_FAULTS_H

#include "localaws/faults/fault.h"
#include "localaws/region.h"

struct faults;

int faults_open(struct region *region, struct error *err);
/* After the API has stopped: answers that are still held back are let go. */
void faults_close(struct region *region);

/* What befalls this call: -1 refuses it. Otherwise it is carried out, and call_late does the rest. */
int faults_meet(struct call *call, struct error *err);
/* Instead of an answer's HTTP_ANSWERED: it is held back or lost when that is its fate. The call is not to be
 * touched afterwards. */
enum http_answer call_late(struct call *call, enum http_answer answered);

/* An instance about to be launched. `names`: what a rule's resource may match, NULL-terminated. */
struct fault_launch {
    const char *account, *principal, *type, *zone;
    const char *const *names;
};
/* Has EC2 room for it? */
bool faults_have_capacity(struct region *region, const struct fault_launch *launch);
struct fault_boot {
    bool never;
    int64_t late_ms;
};
struct fault_boot faults_boot(struct region *region, const struct fault_launch *launch);
/* `act(region, id)` in so many milliseconds, on a thread of its own. The id is copied. */
void faults_later(struct region *region, int64_t ms, void (*act)(struct region *region, const char *id),
                  const char *id);

/* For the admin API. The JSON is a new reference; ids are "f-1", "f-2", .... */
int faults_add(struct region *region, json_t *fault, json_t **added, struct error *err);
json_t *faults_list(struct region *region);
int faults_remove(struct region *region, const char *id, struct error *err);
void faults_clear(struct region *region);

#endif
