/* The application package as a deployer sends it: a zip with services.xml, deployment.xml and security/clients.pem,
 * hostile until read here. Zip bombs, path traversal, links, DTDs and names out of grammar are refused with the file,
 * the element and the rule in the message (code INVALID_APPLICATION_PACKAGE). Source: Vespa's reference for services.xml
 * and deployment.xml. */
#ifndef ZONE_APPLICATION_PACKAGE_H
#define ZONE_APPLICATION_PACKAGE_H

#include "base/error.h"
#include "base/memory.h"
#include "zone/names.h"

#include <stddef.h>

enum {
    PACKAGE_LARGEST = 64 << 20,          /* compressed */
    PACKAGE_LARGEST_UNPACKED = 256 << 20,
    PACKAGE_MOST_FILES = 10000,
};

enum cluster_type { CLUSTER_CONTAINER, CLUSTER_CONTENT };

struct node_resources {
    double vcpu, memory_gb, disk_gb;
    const char *architecture; /* "x86_64", "arm64", "any" */
};

struct cluster_spec {
    enum cluster_type type;
    const char *id;
    int node_count;
    struct node_resources resources;
    const char *image; /* docker-image of <nodes>; NULL: the zone's default */
};

struct package_file {
    const char *path; /* relative, normal, no ".." */
    const char *bytes;
    size_t length;
};

struct application_package {
    struct package_file *files;
    size_t file_count;
    struct cluster_spec *clusters;
    size_t cluster_count;
    const char *clients_pem; /* security/clients.pem; NULL when absent */
    char **cloud_accounts;   /* every account anywhere in deployment.xml, "210987654321" */
    size_t cloud_account_count;
};

int application_package_read(struct arena *arena, const void *zip, size_t length, struct application_package *package,
                             struct error *err);
const struct package_file *application_package_file(const struct application_package *package, const char *path);
/* The account deployment.xml gives for this zone (nearest ancestor wins); NULL when none. */
int application_package_account(struct arena *arena, const struct application_package *package,
                                const struct zone_id *zone, const char *instance, const char **account,
                                struct error *err);
/* Zips a directory for sending; files that are not regular are refused. The caller frees *zip. */
int application_package_zip(const char *directory, char **zip, size_t *length, struct error *err);

#endif
