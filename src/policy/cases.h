/* For the tests of the engine: the tables in cases/, some hundreds of named rows each with what is to come
 * out, so that whoever knows AWS can read them without reading C. A row that fails is named; the others are
 * tried too. */
#ifndef POLICY_CASES_H
#define POLICY_CASES_H

#include "policy/decision.h"

#include <jansson.h>

extern const char *trial_folder; /* of the tables */

/* One table while its rows are tried. */
struct trial {
    struct arena *arena;
    json_t *table;
    size_t tried, failed;
};

struct trial trial_begin(struct arena *arena, const char *name); /* "matrix.json" */
void trial_row(struct trial *trial, bool passed, const char *name, const char *got);
void trial_end(const struct trial *trial, size_t at_least); /* fails the test if a row failed */

/* Parts of rows, in the trial's arena. */
const char *case_text(const json_t *row, size_t at);
enum policy_kind case_kind(const char *name); /* "identity" */
struct policy *case_policy(struct trial *trial, const json_t *document, enum policy_kind kind);
/* A policy of one statement, which allows everything unless it says otherwise. */
struct policy *case_statement(struct trial *trial, const json_t *parts, enum policy_kind kind);
/* {"key": "value", "key": ["value", "value"]} */
void case_context(struct trial *trial, const json_t *context, struct policy_request *request);
struct policy_principal case_principal(const char *name); /* "alice", as principals.json says who that is */

#endif
