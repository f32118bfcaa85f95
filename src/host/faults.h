/* What is wrong with the machine so that another should do its work: reported to the config servers, which
 * replace it. A tunnel that is dead cannot be reported; they hear our silence. */
#ifndef HOST_FAULTS_H
#define HOST_FAULTS_H

#include "base/memory.h"

#include <jansson.h>
#include <stdint.h>

/* What was found last; zeroed at first. */
struct faults {
    int error;         /* errno of the last look at the disk */
    int64_t since_ms;  /* of the epoch */
    int64_t looked_ms; /* monotonic */
};

/* {"disk": {"type", "description", "createdMillis"}} or {}; owned by the arena. Writes to the directory every
 * ten seconds; a disk that hangs keeps us from saying anything, which is heard, too. */
json_t *faults_look(struct faults *faults, struct arena *arena, const char *directory);

/* As the look that failed with this errno would say it. */
json_t *faults_said(const struct faults *faults, const char *directory);

#endif
