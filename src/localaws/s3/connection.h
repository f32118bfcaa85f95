/* A connection to SQLite, used by one thread at a time: statements, kept prepared between uses, bound and
 * stepped with our errors. */
#ifndef LOCALAWS_S3_CONNECTION_H
#define LOCALAWS_S3_CONNECTION_H

#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONNECTION_STATEMENTS = 48 };

struct connection {
    pthread_mutex_t lock; /* held by whoever has a query open */
    sqlite3 *database;
    struct statement {
        const char *sql; /* by address: each query is one literal */
        sqlite3_stmt *prepared;
        bool used;
    } statements[CONNECTION_STATEMENTS];
    size_t statement_count;
};

int connection_open(struct connection *connection, const char *path, struct error *err);
void connection_close(struct connection *connection);

struct query {
    sqlite3_stmt *statement;
    struct statement *kept; /* NULL: finalized after use */
};
struct blob {
    const void *bytes;
    size_t length;
};

/* A statement with its values: 's' text (NULL is NULL), 'i' int64_t, 'b' const struct blob * (NULL is NULL).
 * The values live until it is closed; `sql` is a literal. */
int query_open(struct connection *connection, struct query *query, struct error *err, const char *sql,
               const char *types, ...);
void query_close(struct query *query); /* for cleanup() */
/* 1: there is a row; 0: there is none (any more). */
int query_step(struct query *query, struct error *err);
char *query_text(struct query *query, int column, struct arena *arena);
int64_t query_integer(struct query *query, int column);
/* A copy; NULL when the column is. */
unsigned char *query_blob(struct query *query, int column, struct arena *arena, size_t *length);
/* Runs a statement that has no rows. */
int query_run(struct connection *connection, struct error *err, const char *sql, const char *types, ...);

#endif
