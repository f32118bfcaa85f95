#include "store/sqlite_tree.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 1, BUSY_MS = 10000 };

static const char schema[] =
    "CREATE TABLE record("
    " path TEXT PRIMARY KEY, parent TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,"
    " version INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL,"
    " ephemeral INTEGER NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX record_by_parent ON record(parent, name);"
    "INSERT INTO record(path, parent, name, value, created_ms) VALUES('/', '', '/', x'', 0);"
    "PRAGMA user_version = 1;";

static const char *const statement_texts[TREE_STATEMENTS] = {
    [TREE_BEGIN] = "BEGIN IMMEDIATE",
    [TREE_COMMIT] = "COMMIT",
    [TREE_ROLLBACK] = "ROLLBACK",
    [TREE_SAVEPOINT] = "SAVEPOINT request",
    [TREE_RELEASE] = "RELEASE request",
    [TREE_BACK_TO_SAVEPOINT] = "ROLLBACK TO request",
    [TREE_FIND] =
        "SELECT version, ephemeral, EXISTS(SELECT 1 FROM record AS child WHERE child.parent = record.path)"
        " FROM record WHERE path = ?1",
    [TREE_VALUE] = "SELECT version, created_ms, value FROM record WHERE path = ?1",
    [TREE_CHILDREN] = "SELECT name FROM record WHERE parent = ?1 ORDER BY name",
    [TREE_NEXT_SEQUENCE] = "UPDATE record SET sequence = sequence + 1 WHERE path = ?1 RETURNING sequence - 1",
    [TREE_INSERT] = "INSERT INTO record(path, parent, name, value, created_ms, ephemeral)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [TREE_UPDATE] = "UPDATE record SET value = ?2, version = version + 1 WHERE path = ?1",
    [TREE_DELETE] = "DELETE FROM record WHERE path = ?1",
};

static int sqlite_failed(struct tree *tree, const char *path, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "store %s: %s", path, sqlite3_errmsg(tree->db));
}

static int prepare_all(struct tree *tree, const char *path, struct error *err)
{
    for (size_t i = 0; i < TREE_STATEMENTS; i++)
        if (sqlite3_prepare_v3(tree->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &tree->statements[i], NULL) != SQLITE_OK)
            return sqlite_failed(tree, path, err);
    return 0;
}

static int schema_version(struct tree *tree)
{
    sqlite3_stmt *statement = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(tree->db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

static int run_text(struct tree *tree, const char *path, const char *sql, struct error *err)
{
    return sqlite3_exec(tree->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_failed(tree, path, err);
}

/* SQLite gives its -wal and -shm files the mode of the file itself: made here, so that nobody else reads any.
 */
static int make_private_file(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "store %s", path);
    close(fd);
    return 0;
}

static int open_connection(struct tree *tree, const char *path, struct error *err)
{
    *tree = (struct tree){0};
    if (sqlite3_open_v2(path, &tree->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return tree->db ? sqlite_failed(tree, path, err)
                        : error_set(err, ERROR_UNAVAILABLE, "store %s: out of memory", path);
    sqlite3_busy_timeout(tree->db, BUSY_MS);
    return 0;
}

static int open_and_migrate(struct tree *tree, const char *path, struct error *err)
{
    if (make_private_file(path, err) < 0 || open_connection(tree, path, err) < 0 ||
        run_text(tree, path, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", err) < 0)
        return -1;
    int version = schema_version(tree);
    if (version == 0) {
        if (run_text(tree, path, "BEGIN IMMEDIATE;", err) < 0 || run_text(tree, path, schema, err) < 0 ||
            run_text(tree, path, "COMMIT;", err) < 0)
            return -1;
    } else if (version != SCHEMA_VERSION) {
        return error_set(err, ERROR_INVALID, "store %s has version %d, this program knows %d", path, version,
                         SCHEMA_VERSION);
    }
    if (run_text(tree, path, "DELETE FROM record WHERE ephemeral = 1;", err) < 0)
        return -1;
    return prepare_all(tree, path, err);
}

int tree_open_writer(struct tree *tree, const char *path, struct error *err)
{
    int result = open_and_migrate(tree, path, err);
    if (result < 0)
        tree_close(tree);
    return result;
}

int tree_open_reader(struct tree *tree, const char *path, struct error *err)
{
    int result = open_connection(tree, path, err);
    if (result == 0)
        result = prepare_all(tree, path, err);
    if (result < 0)
        tree_close(tree);
    return result;
}

void tree_close(struct tree *tree)
{
    for (size_t i = 0; i < TREE_STATEMENTS; i++)
        sqlite3_finalize(tree->statements[i]);
    sqlite3_close(tree->db);
    *tree = (struct tree){0};
}

enum store_result tree_run(struct tree *tree, enum tree_statement statement)
{
    int status = sqlite3_step(tree->statements[statement]);
    sqlite3_reset(tree->statements[statement]);
    return status == SQLITE_DONE ? STORE_OK : STORE_LOST;
}

/* A statement ready for its parameters, reset when its variable goes out of scope: a row read keeps the
 * snapshot. */
static sqlite3_stmt *statement_for(struct tree *tree, enum tree_statement which, const char *path)
{
    sqlite3_stmt *statement = tree->statements[which];
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_TRANSIENT);
    return statement;
}

static void statement_done(sqlite3_stmt **statement)
{
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
}

struct found {
    int32_t version;
    bool ephemeral, has_children;
};

static enum store_result find(struct tree *tree, const char *path, struct found *found)
{
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_FIND, path);
    int status = sqlite3_step(statement);
    if (status != SQLITE_ROW)
        return status == SQLITE_DONE ? STORE_NONODE : STORE_LOST;
    *found = (struct found){.version = sqlite3_column_int(statement, 0),
                            .ephemeral = sqlite3_column_int(statement, 1) != 0,
                            .has_children = sqlite3_column_int(statement, 2) != 0};
    return STORE_OK;
}

static enum store_result find_version(struct tree *tree, const struct store_operation *operation,
                                      struct found *found)
{
    enum store_result result = find(tree, operation->path, found);
    if (result == STORE_OK && operation->version != STORE_ANY_VERSION && operation->version != found->version)
        result = STORE_BADVERSION;
    return result;
}

static enum store_result next_sequence(struct tree *tree, const char *parent, int64_t *sequence)
{
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_NEXT_SEQUENCE, parent);
    if (sqlite3_step(statement) != SQLITE_ROW)
        return STORE_LOST;
    *sequence = sqlite3_column_int64(statement, 0);
    return sqlite3_step(statement) == SQLITE_DONE ? STORE_OK : STORE_LOST;
}

static void bind_value(sqlite3_stmt *statement, int index, const void *value, size_t length)
{
    if (length)
        sqlite3_bind_blob(statement, index, value, (int)length, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(statement, index, 0);
}

static enum store_result insert(struct tree *tree, const struct store_operation *operation, const char *path,
                                const char *parent)
{
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_INSERT, path);
    sqlite3_bind_text(statement, 2, parent, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, strrchr(path, '/') + 1, -1, SQLITE_STATIC);
    bind_value(statement, 4, operation->value, operation->length);
    sqlite3_bind_int64(statement, 5, clock_now_ms());
    sqlite3_bind_int(statement, 6, operation->flags & STORE_EPHEMERAL ? 1 : 0);
    int status = sqlite3_step(statement);
    if (status == SQLITE_DONE)
        return STORE_OK;
    return status == SQLITE_CONSTRAINT ? STORE_EXISTS : STORE_LOST;
}

static enum store_result apply_create(struct tree *tree, const struct store_operation *operation, char **made)
{
    struct found found;
    if (text_equal(operation->path, "/"))
        return STORE_EXISTS;
    cleanup(memory_free) char *path = memory_strdup(operation->path);
    cleanup(memory_free) char *parent = memory_strdup(operation->path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    enum store_result result = find(tree, parent, &found);
    if (result != STORE_OK)
        return result;
    if (found.ephemeral)
        return STORE_INVALID; /* as in ZooKeeper: what dies with a session has no children */
    if (operation->flags & STORE_SEQUENTIAL) {
        int64_t sequence;
        result = next_sequence(tree, parent, &sequence);
        if (result != STORE_OK)
            return result;
        free(path);
        path = memory_format("%s%010lld", operation->path, (long long)sequence);
    }
    result = insert(tree, operation, path, parent);
    if (result == STORE_OK && made) {
        free(*made);
        *made = take(&path);
    }
    return result;
}

static enum store_result apply_set(struct tree *tree, const struct store_operation *operation)
{
    struct found found;
    enum store_result result = find_version(tree, operation, &found);
    if (result != STORE_OK)
        return result;
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_UPDATE, operation->path);
    bind_value(statement, 2, operation->value, operation->length);
    return sqlite3_step(statement) == SQLITE_DONE ? STORE_OK : STORE_LOST;
}

static enum store_result apply_delete(struct tree *tree, const struct store_operation *operation)
{
    struct found found;
    enum store_result result = find_version(tree, operation, &found);
    if (result != STORE_OK)
        return result;
    if (found.has_children)
        return STORE_NOTEMPTY;
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_DELETE, operation->path);
    return sqlite3_step(statement) == SQLITE_DONE ? STORE_OK : STORE_LOST;
}

enum store_result tree_apply(struct tree *tree, const struct store_operation *operation, char **made)
{
    struct found found;
    switch (operation->kind) {
    case STORE_CHECK:
        return find_version(tree, operation, &found);
    case STORE_CREATE:
        return apply_create(tree, operation, made);
    case STORE_SET:
        return apply_set(tree, operation);
    case STORE_DELETE:
        return apply_delete(tree, operation);
    }
    return STORE_INVALID;
}

enum store_result tree_get(struct tree *tree, struct arena *arena, const char *path, char **value,
                           size_t *length, struct store_stat *stat)
{
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_VALUE, path);
    int status = sqlite3_step(statement);
    if (status != SQLITE_ROW)
        return status == SQLITE_DONE ? STORE_NONODE : STORE_LOST;
    if (stat)
        *stat = (struct store_stat){.version = sqlite3_column_int(statement, 0),
                                    .created_ms = sqlite3_column_int64(statement, 1)};
    if (value) {
        const void *bytes = sqlite3_column_blob(statement, 2);
        size_t size = (size_t)sqlite3_column_bytes(statement, 2);
        *value = arena_strndup(arena, size ? bytes : "", size);
        if (length)
            *length = size;
    }
    return STORE_OK;
}

enum store_result tree_children(struct tree *tree, struct arena *arena, const char *path, char ***names,
                                size_t *count)
{
    enum store_result result = tree_get(tree, NULL, path, NULL, NULL, NULL);
    if (result != STORE_OK)
        return result;
    cleanup(statement_done) sqlite3_stmt *statement = statement_for(tree, TREE_CHILDREN, path);
    cleanup(memory_free) char **found = NULL;
    size_t capacity = 0, length = 0;
    int status;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        if (length == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            found = memory_resize(found, capacity, sizeof *found);
        }
        found[length++] = arena_strdup(arena, (const char *)sqlite3_column_text(statement, 0));
    }
    if (status != SQLITE_DONE)
        return STORE_LOST;
    *names = arena_alloc(arena, (length + 1) * sizeof **names);
    if (length)
        memcpy(*names, found, length * sizeof **names);
    *count = length;
    return STORE_OK;
}
