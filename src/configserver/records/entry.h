/* One record as views hold it: immutable, in one block, shared by every view that has it and freed with the
 * last. Made from its stored text only, so that what we remember is what we will read after a restart. Used
 * inside records/ only. */
#ifndef CONFIGSERVER_ENTRY_H
#define CONFIGSERVER_ENTRY_H

#include "configserver/records/records.h"

#include <stdatomic.h>

struct entry {
    atomic_int references;
    int32_t version; /* in the store; of the committer alone, who sets it before anybody sees the entry */
    enum record_kind kind;
    const char *key;
    const void *object;
};

/* With one reference, which is the caller's; NULL with the reason when the text is no such record. */
struct entry *entry_parse(enum record_kind kind, const char *text, size_t length, int32_t version,
                          struct error *err);
struct entry *entry_hold(struct entry *entry); /* the same */
void entry_drop(struct entry *entry);          /* NULL is fine */

#endif
