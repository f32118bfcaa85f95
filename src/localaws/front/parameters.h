/* The parameters of a query-protocol call: an application/x-www-form-urlencoded text, decoded once and found
 * by name. */
#ifndef LOCALAWS_PARAMETERS_H
#define LOCALAWS_PARAMETERS_H

#include "base/error.h"
#include "base/memory.h"

#include <stddef.h>

enum { PARAMETERS_MOST = 4096 };

struct parameters;

/* ERROR_INVALID for bad escapes, more than PARAMETERS_MOST of them or a name given twice. Lives in the arena.
 */
int parameters_parse(struct arena *arena, const char *text, struct parameters **parameters,
                     struct error *err);
/* Of name, value, ...; what comes first is found. The texts stay the caller's. */
struct parameters *parameters_of(struct arena *arena, const char *const *pairs, size_t count);
const char *parameters_get(const struct parameters *parameters, const char *name); /* NULL when absent */
/* Name, value, name, value, ... as they came; `count` is of pairs. */
const char *const *parameters_all(const struct parameters *parameters, size_t *count);

#endif
