/* Moments as policies write them. */
#ifndef POLICY_MOMENT_H
#define POLICY_MOMENT_H

#include <stdbool.h>

/* "2026-06-01", "2026-06-01T12:00Z", "2026-06-01T12:00:00.5+02:00" (W3C's forms of ISO 8601), or seconds
 * since the epoch. Gives seconds since the epoch. */
bool moment_parse(const char *text, double *seconds);

#endif
