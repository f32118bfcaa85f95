#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t milliseconds)
{
    if (milliseconds <= 0)
        return;
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static char *format_time(struct arena *arena, int64_t ms, const char *format)
{
    time_t seconds = ms / 1000;
    struct tm parts;
    char text[64];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, format, &parts);
    return arena_strdup(arena, text);
}

char *clock_rfc3339(struct arena *arena, int64_t ms)
{
    return format_time(arena, ms, "%Y-%m-%dT%H:%M:%SZ");
}

char *clock_rfc3339_ms(struct arena *arena, int64_t ms)
{
    return arena_format(arena, "%s.%03dZ", format_time(arena, ms, "%Y-%m-%dT%H:%M:%S"), (int)(ms % 1000));
}

char *clock_aws_basic(struct arena *arena, int64_t ms)
{
    return format_time(arena, ms, "%Y%m%dT%H%M%SZ");
}

char *clock_http(struct arena *arena, int64_t ms)
{
    return format_time(arena, ms, "%a, %d %b %Y %H:%M:%S GMT");
}

static int64_t fraction_ms(const char **at)
{
    int64_t ms = 0, weight = 100;
    for (++*at; isdigit((unsigned char)**at); ++*at, weight /= 10)
        ms += weight * (**at - '0');
    return ms;
}

int clock_parse(const char *text, int64_t *ms, struct error *err)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest) {
        parts = (struct tm){0};
        rest = strptime(text, "%Y%m%dT%H%M%S", &parts);
    }
    int64_t fraction = rest && *rest == '.' ? fraction_ms(&rest) : 0;
    if (!rest || strcmp(rest, "Z") != 0)
        return error_set(err, ERROR_INVALID, "\"%.40s\" is not a time like 2026-01-02T03:04:05Z", text);
    *ms = (int64_t)timegm(&parts) * 1000 + fraction;
    return 0;
}
