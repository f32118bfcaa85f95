#include "localaws/s3_range.h"

#include "base/text.h"

#include <string.h>

/* Digits up to `end`; false when there are none, others, or too many. */
static bool read_number(const char *text, const char *end, uint64_t *number)
{
    *number = 0;
    if (text == end || end - text > 18)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *number = *number * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

struct byte_range byte_range_parse(const char *header, uint64_t size)
{
    struct byte_range whole = {RANGE_WHOLE, 0, size}, none = {RANGE_UNSATISFIABLE, 0, 0};
    if (!header || !text_starts(header, "bytes=") || strchr(header, ','))
        return whole;
    const char *spec = header + strlen("bytes="), *dash = strchr(spec, '-'), *end = spec + strlen(spec);
    uint64_t first, last;
    if (!dash)
        return whole;
    if (dash == spec) { /* "-500": the last 500 */
        if (!read_number(dash + 1, end, &last))
            return whole;
        if (last == 0 || size == 0)
            return none;
        uint64_t length = last < size ? last : size;
        return (struct byte_range){RANGE_PART, size - length, length};
    }
    if (!read_number(spec, dash, &first))
        return whole;
    if (dash + 1 == end)
        last = UINT64_MAX;
    else if (!read_number(dash + 1, end, &last) || last < first)
        return whole;
    if (first >= size)
        return none;
    if (last >= size)
        last = size - 1;
    return (struct byte_range){RANGE_PART, first, last - first + 1};
}
