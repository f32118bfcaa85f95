/* What a host says is wrong with itself or a node on it: {"disk": {"type": "HARD_FAIL", "description": "…",
 * "createdMillis": …}}. A HARD_FAIL means that it shall be replaced; the others are for people. */
#ifndef CONFIGSERVER_REPORTS_H
#define CONFIGSERVER_REPORTS_H

#include "base/record.h"

/* ERROR_INVALID for what no host of ours says. */
int reports_check(const json_t *reports, struct error *err);
/* As it is written down: an empty object is none. */
json_t *reports_kept(json_t *reports);
bool reports_equal(const json_t *a, const json_t *b);
/* The name of a HARD_FAIL and what it says; NULL when there is none. */
const char *reports_hard_fail(const json_t *reports, const char **description);

#endif
