/* The ledger of the log archive: what has been put into the bucket and may not have been removed from disk
 * yet. Entered after the bucket has the object and before the file goes, so that a crash in between uploads
 * nothing again and loses nothing; the last entries are kept, so that no name is used twice. */
#ifndef HOST_LEDGER_H
#define HOST_LEDGER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { LEDGER_ENTRIES_MOST = 512 };

struct ledger;

/* Reads `path`, or begins anew where there is none. */
int ledger_open(const char *path, struct ledger **ledger, struct error *err);
void ledger_close(struct ledger **ledger);

bool ledger_has(const struct ledger *ledger, const char *key);
/* Durable when it returns. The oldest entry goes when there are too many. */
int ledger_add(struct ledger *ledger, const char *key, uint64_t size, int64_t now_ms, struct error *err);

#endif
