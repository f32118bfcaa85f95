/* Between the files of this room: the rules of a region, in the order they were given. */
#ifndef LOCALAWS_RULES_H
#define LOCALAWS_RULES_H

#include "localaws/faults/faults.h"
#include "localaws/faults/late.h"

#include <stdatomic.h>

enum { FAULTS_MOST = 1000 };

struct faults {
    pthread_mutex_t lock; /* the rules; nothing slow under it */
    struct fault *rules[FAULTS_MOST];
    size_t count;
    atomic_size_t present; /* as count, for who only wants to know whether there are any */
    int64_t next_id;
    struct late *late;
    char *path;
};

/* Locks the rules; NULL, and nothing is locked, when there are none. */
struct faults *faults_lock(struct region *region);
void faults_unlock(struct faults **faults); /* for cleanup(); NULL is fine */

#endif
