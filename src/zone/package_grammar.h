/* The grammar of a package's XML as tables: which attributes and children an element may have and what they
 * may be. One function checks a tree against its table, so that every refusal names file, element, line and
 * rule the same way. Private to this folder. */
#ifndef ZONE_PACKAGE_GRAMMAR_H
#define ZONE_PACKAGE_GRAMMAR_H

#include "zone/package_parts.h"

/* A text that is well-formed, and how to say so: completes "x='y' must be …". */
struct text_rule {
    bool (*valid)(const char *text);
    const char *must_be;
};

struct attribute_rule {
    const char *name;             /* NULL ends the table */
    const struct text_rule *text; /* NULL: any */
    bool required;
    const char *refusal; /* not NULL: it is never allowed, and why */
};

struct element_rule {
    const char *name;
    int most;                                   /* among its siblings; 0: any number */
    const struct attribute_rule *attributes;    /* NULL: any, not looked at */
    const struct element_rule *const *children; /* ends with NULL; NULL: any, not looked at */
    const struct text_rule *text;               /* of its content; NULL: not looked at */
    const char *refusal;                        /* as of an attribute */
};

int package_check(struct arena *arena, const char *file, xmlNode *element, const struct element_rule *rule,
                  struct error *err);

/* -1 with "file: <element> (line 7): ...". */
int package_refuse_at(struct error *err, const char *file, const xmlNode *element, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

extern const struct text_rule rule_boolean, rule_whole_number, rule_name, rule_names, rule_region,
    rule_version;

#endif
