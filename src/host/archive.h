/* The log archive: what nodes log is rotated, compressed and put into the tenant's own bucket under the
 * host's own role, each file exactly once, oldest first, in constant memory; when the bucket or its key
 * refuses, everything stays on disk until it no longer does. It works from the state directory alone, so it
 * needs no control plane.
 *
 * A container owns its log directory and may be anyone's: names are checked, links and special files are
 * passed over. */
#ifndef HOST_ARCHIVE_H
#define HOST_ARCHIVE_H

#include "host/agent.h"

/* Directories below a node's logs, and what they are called in the archive. */
extern const char *const log_types[];
enum { LOG_TYPES = 3 };

struct archive_counts {
    uint64_t files, bytes, failures; /* archived; bytes before compression */
    uint64_t pending_files, pending_bytes;
};

int archive_new(struct agent *agent, struct archive **archive, struct error *err);
void archive_close(struct archive **archive);
struct archive_counts archive_counts(struct archive *archive, const char *label);

/* One pass over every node's logs: rotates what is due, archives what has settled. -1 when something could
 * not be; it stays on disk and the next pass tries again. The archive thread does nothing else. */
int archive_sweep(struct archive *archive, struct error *err);

/* A node's container will log from now on. */
void archive_expect(struct archive *archive, const char *label);
/* A node's container has ended: archive the rest too. True when nothing is left. */
bool archive_finish(struct archive *archive, const char *label, struct archive_counts *counts);

#endif
