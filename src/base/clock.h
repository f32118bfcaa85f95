/* Time: wall clock in milliseconds since the epoch, a monotonic clock for durations, RFC 3339 and AWS's forms. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>

int64_t clock_now_ms(void);       /* since the epoch, UTC */
int64_t clock_monotonic_ms(void); /* for durations and timeouts only */
void clock_sleep_ms(int64_t milliseconds);

char *clock_rfc3339(struct arena *arena, int64_t ms);    /* 2026-01-02T03:04:05Z */
char *clock_rfc3339_ms(struct arena *arena, int64_t ms); /* 2026-01-02T03:04:05.678Z */
char *clock_aws_basic(struct arena *arena, int64_t ms);  /* 20260102T030405Z, SigV4's X-Amz-Date */
char *clock_http(struct arena *arena, int64_t ms);       /* Fri, 02 Jan 2026 03:04:05 GMT */
/* Accepts any of the first three (fractions of any length, "Z" only). */
int clock_parse(const char *text, int64_t *ms, struct error *err);

#endif
