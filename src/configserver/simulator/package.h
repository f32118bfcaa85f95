/* Application packages as simulated people write them. */
#ifndef SIMULATOR_PACKAGE_H
#define SIMULATOR_PACKAGE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum { PACKAGE_CLUSTERS = 3 };

struct sim_cluster {
    bool exists, is_content, is_private;
    int64_t count, groups, vcpu, disk_gb;
    int64_t allowed; /* how many may connect to its private endpoint */
};

struct sim_package {
    struct sim_cluster clusters[PACKAGE_CLUSTERS]; /* the first is always there */
    const char *account;
    int64_t version;   /* makes its bytes its own */
    int64_t image;     /* of its nodes */
    const char *today; /* "2026-01-02": overrides hold for a week; NULL: no overrides */
    int64_t ttl_hours; /* of empty hosts; 0: none */
};
/* As a zip. */
void package_zip(const struct sim_package *package, struct buffer *zip);

#endif
