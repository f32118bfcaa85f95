#include "policy/moment.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Takes `digits` digits with a value from `low` to `high`. */
static bool take(const char **at, int digits, int low, int high, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return *value >= low && *value <= high;
}

static bool take_byte(const char **at, char byte)
{
    if (**at != byte)
        return false;
    (*at)++;
    return true;
}

static bool take_fraction(const char **at, double *fraction)
{
    *fraction = 0;
    if (!take_byte(at, '.'))
        return true;
    double unit = 0.1;
    const char *first = *at;
    for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
        *fraction += unit * (**at - '0');
    return *at > first;
}

/* "Z", "+02:00", "-0230". */
static bool take_zone(const char **at, int *seconds)
{
    int hours, minutes, sign = **at == '-' ? -1 : 1;
    *seconds = 0;
    if (take_byte(at, 'Z'))
        return true;
    if (!take_byte(at, '+') && !take_byte(at, '-'))
        return false;
    if (!take(at, 2, 0, 23, &hours))
        return false;
    take_byte(at, ':');
    if (!take(at, 2, 0, 59, &minutes))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool take_time(const char **at, struct tm *utc, double *fraction, int *zone)
{
    if (!take(at, 2, 0, 23, &utc->tm_hour) || !take_byte(at, ':') || !take(at, 2, 0, 59, &utc->tm_min))
        return false;
    if (take_byte(at, ':') && (!take(at, 2, 0, 60, &utc->tm_sec) || !take_fraction(at, fraction)))
        return false;
    return take_zone(at, zone);
}

static bool epoch(const char *text, double *seconds)
{
    char *end;
    const char *digits = text + (*text == '-');
    if (!*digits || digits[strspn(digits, "0123456789.")])
        return false;
    *seconds = strtod(text, &end);
    return !*end;
}

bool moment_parse(const char *text, double *seconds)
{
    if (epoch(text, seconds))
        return true;
    struct tm utc = {.tm_mday = 1};
    double fraction = 0;
    int zone = 0;
    const char *at = text;
    if (!take(&at, 4, 0, 9999, &utc.tm_year) || !take_byte(&at, '-') || !take(&at, 2, 1, 12, &utc.tm_mon))
        return false;
    if (take_byte(&at, '-') && !take(&at, 2, 1, 31, &utc.tm_mday))
        return false;
    if (take_byte(&at, 'T') && !take_time(&at, &utc, &fraction, &zone))
        return false;
    if (*at)
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon--;
    *seconds = (double)timegm(&utc) - zone + fraction;
    return true;
}
