/* Ownership by field tables: a record whose texts and lists lie in an arena becomes one that owns copies of
 * them, and is released again, without a word of code per kind. */
#ifndef LOCALAWS_RESOURCE_COPY_H
#define LOCALAWS_RESOURCE_COPY_H

#include "base/record.h"

void record_own(const struct record *record, void *object); /* every text, list and sub-record is copied */
void record_release(const struct record *record,
                    void *object); /* and freed; the object itself is the caller's */

/* Differs between records that differ in any field, as good as surely. */
uint64_t record_digest(const struct record *record, const void *object);

/* Does every text and list of it fit the limits by which it will be read back? `name` is the first that does
 * not. */
bool record_fits(const struct record *record, const void *object, const char **name);

#endif
