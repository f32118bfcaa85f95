/* The application package as a deployer sends it: a zip with services.xml, deployment.xml and security/clients.pem,
 * hostile until read here. Zip bombs, path traversal, links, DTDs and names out of grammar are refused with the file,
 * the element and the rule in the message (code INVALID_APPLICATION_PACKAGE). Source: Vespa's reference for services.xml
 * and deployment.xml. */
#ifndef ZONE_APPLICATION_PACKAGE_H
#define ZONE_APPLICATION_PACKAGE_H

#include "base/error.h"
#include "base/memory.h"
#include "zone/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKAGE_LARGEST = 64 << 20,          /* compressed */
    PACKAGE_LARGEST_UNPACKED = 256 << 20,
    PACKAGE_MOST_FILES = 10000,
};

enum cluster_type { CLUSTER_CONTAINER, CLUSTER_CONTENT };

struct package_file {
    const char *path; /* relative, normal, no ".." */
    const char *bytes;
    size_t length;
};

struct application_package {
    struct package_file *files;
    size_t file_count;
    const char *clients_pem; /* security/clients.pem; NULL when absent */
    char **cloud_accounts;   /* every account anywhere in deployment.xml: "210987654321", "gcp:project" */
    size_t cloud_account_count;
    const char **prod_regions; /* every region of a <prod> in deployment.xml, once each */
    size_t prod_region_count;
};

/* What a package asks for in one zone, variants and defaults of its environment resolved. Vespa's reference:
 * https://docs.vespa.ai/en/reference/services.html and .../deployment.html */
struct package_target {
    const struct zone_id *zone;
    const char *instance;
    const char *cloud;       /* "aws" */
    const char *application; /* for deploy:application; NULL: no variant of an application is taken */
    int64_t now_ms;          /* which validation overrides still hold; 0: none does */
};

struct range {
    double low, high; /* the same when no range was given */
};

struct wanted_resources {
    struct range vcpu, memory_gb, disk_gb;
    const char *disk_speed;   /* "fast", "slow", "any" */
    const char *storage_type; /* "local", "remote", "any" */
    const char *architecture; /* "x86_64", "arm64", "any" */
    double max_cost_factor;   /* 0: not said */
};

/* Who may reach a container cluster, from <endpoints> of deployment.xml; public with no private is the default. */
struct wanted_endpoint {
    bool is_public, is_private;
    const char **allowed_arns; /* <allow with="aws-private-link" arn> */
    size_t allowed_arn_count;
};

struct wanted_cluster {
    enum cluster_type type;
    const char *id;
    struct range count;      /* nodes, after the environment's own rule (dev 1, perf at most 3, ...) */
    struct range groups;     /* of a content cluster; 1 otherwise. Both ends divide those of count */
    struct range group_size; /* nodes in a group; high 0: as many as there are */
    bool required;           /* count is kept in every environment */
    int64_t redundancy;      /* copies of a document in a content cluster, all groups together */
    struct wanted_resources resources;
    const char *image; /* NULL: the zone's default */
    struct wanted_endpoint endpoint;
    const char *clients_pem; /* certificates of a container cluster's clients; NULL: the package has none */
    long line;               /* of its element in services.xml, for messages */
};

struct wanted_tag {
    const char *key, *value; /* variables not yet replaced: resource_tag_value */
};

struct wanted_deployment {
    const char *account;     /* "210987654321"; NULL: none for this zone */
    struct wanted_tag *tags; /* root, instance and zone merged, the most specific wins */
    size_t tag_count;
    int64_t empty_host_ttl_ms; /* 0: none */
    struct wanted_cluster *clusters;
    size_t cluster_count;
};
int application_package_resolve(struct arena *arena, const struct application_package *package,
                                const struct package_target *target, struct wanted_deployment *wanted,
                                struct error *err);
/* Whether validation-overrides.xml allows that on this day ("cluster removal" is "content-cluster-removal", …).
 * https://docs.vespa.ai/en/reference/validation-overrides.html */
bool application_package_allows(const struct application_package *package, const char *override_id, int64_t now_ms);

/* What ${tenant} and the others in a tag's value stand for; cluster names may be NULL for what belongs to none, and
 * are then "". */
struct tag_names {
    const struct application_id *application;
    const struct zone_id *zone;
    const char *cluster_id, *cluster_type; /* "container", "content" */
};
char *resource_tag_value(struct arena *arena, const struct wanted_tag *tag, const struct tag_names *names);

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
