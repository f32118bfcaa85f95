/* The tree as rows of one SQLite table, over one connection. Not safe to share between threads; transactions
 * are the caller's. A result of STORE_LOST means SQLite itself failed: `sqlite3_errmsg` of `db` says why. */
#ifndef STORE_SQLITE_TREE_H
#define STORE_SQLITE_TREE_H

#include "store/store.h"

#include <sqlite3.h>

enum tree_statement {
    TREE_BEGIN,
    TREE_COMMIT,
    TREE_ROLLBACK,
    TREE_SAVEPOINT,
    TREE_RELEASE,
    TREE_BACK_TO_SAVEPOINT,
    TREE_FIND,
    TREE_VALUE,
    TREE_CHILDREN,
    TREE_NEXT_SEQUENCE,
    TREE_INSERT,
    TREE_UPDATE,
    TREE_DELETE,
    TREE_STATEMENTS,
};

struct tree {
    sqlite3 *db;
    sqlite3_stmt *statements[TREE_STATEMENTS];
};

/* Makes the file and its tables when needed, and removes what the last session's ephemeral records left. */
int tree_open_writer(struct tree *tree, const char *path, struct error *err);
int tree_open_reader(struct tree *tree, const char *path, struct error *err);
void tree_close(struct tree *tree);

enum store_result tree_run(struct tree *tree,
                           enum tree_statement statement); /* one without parameters or rows */
/* `*made` (may be NULL) of a create: the record's full path, the caller frees. */
enum store_result tree_apply(struct tree *tree, const struct store_operation *operation, char **made);
enum store_result tree_get(struct tree *tree, struct arena *arena, const char *path, char **value,
                           size_t *length, struct store_stat *stat);
enum store_result tree_children(struct tree *tree, struct arena *arena, const char *path, char ***names,
                                size_t *count);

#endif
