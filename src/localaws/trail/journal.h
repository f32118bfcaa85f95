/* Where the trail is kept: per account a folder of files, each a run of events, one JSON text a line, oldest
 * first. A file's name is the time of its first event ("2026-01-02T03:04:05.678Z.jsonl"), so that names sort
 * as time does; a new one begins with each day, start of the region and 16 MiB.
 *
 * Appending costs a copy in memory. A thread writes what has gathered every tenth of a second, so that an end
 * without warning (kill -9) loses no more than that. What waits is bounded: when the disk does not keep up,
 * callers wait, and after five seconds go on without a record of it, which the log says. Of each account the
 * oldest files go when there are more than `keep_bytes`, or after 90 days. */
#ifndef LOCALAWS_JOURNAL_H
#define LOCALAWS_JOURNAL_H

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>

struct journal;

enum { JOURNAL_FILE_BYTES = 16 << 20, JOURNAL_DAYS = 90 };

int journal_open(const char *directory, int64_t keep_bytes, struct journal **journal, struct error *err);
void journal_close(struct journal **journal); /* writes what waits; NULL is fine */

/* `line` has no line break of its own. */
void journal_append(struct journal *journal, const char *account, const char *line, size_t length);
/* Everything appended so far can be read. */
void journal_flush(struct journal *journal);

/* Paths of an account's files, newest first, NULL-terminated, in the arena. */
char **journal_files(struct journal *journal, struct arena *arena, const char *account);

#endif
