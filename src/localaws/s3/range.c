#include "localaws/s3/range.h"

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

static const struct byte_range unsatisfiable = {RANGE_UNSATISFIABLE, 0, 0};

/* "-500": the last 500 */
static struct byte_range last_bytes(uint64_t length, uint64_t size)
{
    if (length == 0 || size == 0)
        return unsatisfiable;
    if (length > size)
        length = size;
    return (struct byte_range){RANGE_PART, size - length, length};
}

struct byte_range byte_range_parse(const char *header, uint64_t size)
{
    const struct byte_range whole = {RANGE_WHOLE, 0, size};
    if (!header || !text_starts(header, "bytes=") || strchr(header, ','))
        return whole;
    const char *spec = header + strlen("bytes="), *dash = strchrnul(spec, '-'), *end = spec + strlen(spec);
    uint64_t first, last = UINT64_MAX;
    if (dash == end || (dash + 1 < end && !read_number(dash + 1, end, &last)))
        return whole;
    if (dash == spec)
        return dash + 1 < end ? last_bytes(last, size) : whole;
    if (!read_number(spec, dash, &first) || last < first)
        return whole;
    if (first >= size)
        return unsatisfiable;
    if (last >= size)
        last = size - 1;
    return (struct byte_range){RANGE_PART, first, last - first + 1};
}
