/* The Range header of a GET: one range of bytes, as S3 takes it (RFC 9110 §14). */
#ifndef LOCALAWS_S3_RANGE_H
#define LOCALAWS_S3_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum range_kind {
    RANGE_WHOLE, /* none, or one that is to be ignored (several ranges, another unit, bad syntax) */
    RANGE_PART,
    RANGE_UNSATISFIABLE, /* begins past the end: 416 */
};

struct byte_range {
    enum range_kind kind;
    uint64_t first, length;
};

struct byte_range byte_range_parse(const char *header, uint64_t size); /* header may be NULL */

#endif
