/* Numbers as services.xml writes them: "4", "8Gb", "[2, 6]", and for some "[2,]". Private to this folder. */
#ifndef ZONE_PACKAGE_AMOUNTS_H
#define ZONE_PACKAGE_AMOUNTS_H

#include "zone/package_parts.h"

enum amount_kind {
    AMOUNT_NUMBER,
    AMOUNT_WHOLE,
    AMOUNT_BYTES, /* in GB; decimal units, bytes without one */
};

struct amount_rule {
    const char *name; /* the attribute */
    enum amount_kind kind;
    double least, most;
    bool one_sided; /* "[2,]" and "[,6]" are fine: the other end is 0 */
};

/* *range is left alone when the element has no such attribute; *given (may be NULL) says whether it had. */
int package_read_range(struct arena *arena, xmlNode *element, const struct amount_rule *rule,
                       struct range *range, bool *given, struct error *err);

#endif
