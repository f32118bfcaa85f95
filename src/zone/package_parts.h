/* The steps of reading an application package (zone/application_package.h), one file each, and what they
 * share. Private to this folder. */
#ifndef ZONE_PACKAGE_PARTS_H
#define ZONE_PACKAGE_PARTS_H

#include "base/xml.h"
#include "zone/application_package.h"

#define INVALID_PACKAGE "INVALID_APPLICATION_PACKAGE"
#define SERVICES_FILE   "services.xml"
#define DEPLOYMENT_FILE "deployment.xml"
#define OVERRIDES_FILE  "validation-overrides.xml"

/* -1 with ERROR_INVALID, code INVALID_APPLICATION_PACKAGE. */
int package_refuse(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One resolving of a package for one zone. */
struct resolving {
    struct arena *arena;
    const struct application_package *package;
    const struct package_target *target;
    xmlNode *deployment; /* root of deployment.xml; NULL: there is none */
    xmlNode *place;      /* the element there that stands for the zone, from which its ancestors are asked */
    struct wanted_deployment *wanted;
};

/* package_zip.c: fills files, sorted by path. */
int package_unzip(struct arena *arena, const void *zip, size_t length, struct application_package *package,
                  struct error *err);
int package_xml(struct arena *arena, const struct package_file *file, const char *root_name, xmlNode **root,
                struct error *err);

/* package_deployment.c: checks deployment.xml, when there is one, and fills the accounts and regions it
 * names. */
int package_read_deployment(struct arena *arena, struct application_package *package, struct error *err);
int package_find_place(struct resolving *resolving, struct error *err);
/* The tags of the instance (deploy:tags); NULL when there are none. */
const char *package_instance_tags(const struct resolving *resolving);

/* package_accounts.c: cloud-account and empty-host-ttl, of the nearest ancestor that says one. */
int package_take_account(struct resolving *resolving, struct error *err);
/* package_tags.c: resource-tags, of all ancestors. */
int package_take_tags(struct resolving *resolving, struct error *err);
/* package_endpoints.c: of the clusters that are there. */
int package_take_endpoints(struct resolving *resolving, struct error *err);

/* package_variants.c: removes what is meant for other places; `tags` are the instance's, "a b" or NULL. */
int package_take_variants(struct arena *arena, xmlNode *root, const struct package_target *target,
                          const char *tags, struct error *err);

/* package_clusters.c: fills the wanted clusters from services.xml. */
int package_take_clusters(struct resolving *resolving, struct error *err);
/* package_nodes.c */
int package_take_nodes(struct resolving *resolving, xmlNode *element, struct wanted_cluster *cluster,
                       struct error *err);
/* package_capacity.c: counts, groups and redundancy by the rules of the environment. */
struct asked_nodes {
    bool has_count, has_groups;
    struct range count, groups;
    long redundancy, min_redundancy; /* of a content cluster; 0: not said */
};
int package_take_capacity(struct resolving *resolving, xmlNode *element, const struct asked_nodes *asked,
                          struct wanted_cluster *cluster, struct error *err);
/* package_clients.c: whose certificates a container cluster takes. */
int package_take_clients(struct resolving *resolving, xmlNode *element, struct wanted_cluster *cluster,
                         struct error *err);

/* package_overrides.c: refuses validation-overrides.xml when it is malformed or too far ahead. */
int package_check_overrides(struct arena *arena, const struct application_package *package, int64_t now_ms,
                            struct error *err);

#endif
