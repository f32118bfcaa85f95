/* What the controller is told at launch, as user data or with --config: where zts is, whom to trust, and the zones it
 * drives. */
#ifndef CONTROLLER_CONFIG_H
#define CONTROLLER_CONFIG_H

#include "base/record.h"

struct controller_zone {
    const char *id;       /* "dev.aws-us-east-1c" */
    const char *identity; /* the principal its config servers must prove */
    char **configservers; /* "https://[…]:4443" */
    size_t configserver_count;
};

struct controller_config {
    const char *aws_region;
    const char *zts_url;
    const char *ca_certificates;      /* PEM */
    const char *provisioner_role_arn; /* the vendor's role that tenants' accounts trust */
    struct controller_zone *zones;
    size_t zone_count;
};

/* From `path`, or from the instance's user data when it is NULL. */
int config_read(struct arena *arena, const char *path, struct controller_config *config, struct error *err);
const struct controller_zone *config_zone(const struct controller_config *config, const char *id); /* NULL: none */

#endif
