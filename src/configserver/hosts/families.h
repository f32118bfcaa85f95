/* Every family of metrics that a config server shows, declared once: its name, what it is, what it means.
 * Base units only (seconds, bytes), counters end in _total, labels are bounded: state names, and what the
 * records know of hosts and nodes. Hosts may say what is declared for them; of applications' own containers
 * anything below vespa_node_ is taken, of a hundred names each (gauges.c). */
#ifndef CONFIGSERVER_FAMILIES_H
#define CONFIGSERVER_FAMILIES_H

#include "base/buffer.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

struct metric_family {
    const char *name, *type, *help;
};

const struct metric_family *metric_families(size_t *count); /* those declared, sorted by name */

/* The same name, for good; NULL: not declared. */
const char *metric_family_name(const char *name);
/* Below vespa_node_, and not declared. */
bool metric_family_is_containers(const char *name);

/* One scrape in the making; lives in the arena. */
struct exposition;
struct exposition *exposition_begin(struct arena *arena);
/* `labels` is `state="up"` or "" and lives as long as the arena. The first of the same family and labels
 * counts. False: no such family, and it is left out. */
bool exposition_add(struct exposition *exposition, const char *family, const char *labels, double value);
/* Prometheus' text format, families in the order of their names. */
void exposition_print(struct exposition *exposition, struct buffer *text);

#endif
