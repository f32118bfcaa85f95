/* The file a region's state is kept in: a SQLite database with a row for each resource and one for each other
 * module's tables of an account, so that saving a change costs the change. What a transaction wrote is there
 * after a kill at any instant, whole or not at all. One process has it at a time. */
#ifndef LOCALAWS_STATE_FILE_H
#define LOCALAWS_STATE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct state_file;

/* `directory`/state.db, made when it is not there, for the owner's eyes only. -1 when it is of another
 * version or of another region, or damaged. */
int state_file_open(const char *directory, const char *region, struct state_file **file, struct error *err);
void state_file_close(struct state_file **file); /* NULL is fine; for cleanup() too */

/* A row as it was put; texts are valid during the call. -1 ends the reading. */
struct state_row {
    const char *account, *name; /* a kind's type, or a module's name */
    int64_t sequence;           /* of a resource */
    const char *text;
    size_t length;
};
typedef int state_reader(void *context, const struct state_row *row, struct error *err);
int state_file_documents(struct state_file *file, state_reader *reader, void *context, struct error *err);
/* In the order of their sequence. */
int state_file_resources(struct state_file *file, state_reader *reader, void *context, struct error *err);

/* Everything between the two is one transaction. A put replaces the row of the same sequence or name. */
int state_file_begin(struct state_file *file, struct error *err);
int state_file_put_document(struct state_file *file, const struct state_row *row, struct error *err);
int state_file_put_resource(struct state_file *file, const struct state_row *row, struct error *err);
int state_file_remove_resource(struct state_file *file, int64_t sequence, struct error *err);
int state_file_commit(struct state_file *file, struct error *err);
void state_file_rollback(struct state_file *file);

#endif
