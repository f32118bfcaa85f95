/* What zts is told at launch, by EC2 user data or --config FILE: whose key it signs with, which AWS role may
 * be which of the vendor's services, and who confirms the instances of each zone. No secrets. */
#ifndef ZTS_CONFIG_H
#define ZTS_CONFIG_H

#include "base/record.h"

struct zts_service {
    const char *role;   /* of the vendor's account */
    const char **names; /* principals it may be: "vespa.controller" */
    size_t name_count;
};

struct zts_provider {
    const char *name;     /* principal, "vespa.provider_dev_aws-us-east-1c" */
    char **endpoints; /* "https://[…]:4444/athenz/v1/provider": /instance and /refresh are appended; any will do */
    size_t endpoint_count;
};

struct zts_config {
    const char *aws_region, *vendor_account;
    const char *ca_certificates; /* PEM, one or more; one of them belongs to the key */
    const char *ca_key_bucket, *ca_key_object;
    struct zts_service *services;
    size_t service_count;
    struct zts_provider *providers;
    size_t provider_count;
};

extern const struct record zts_config_record;

/* From `path`, or from the instance's user data when it is NULL. */
int zts_config_load(struct arena *arena, const char *path, struct zts_config *config, struct error *err);

const struct zts_provider *zts_config_provider(const struct zts_config *config,
                                               const char *name); /* NULL: unknown */
/* May this role be the service? With a NULL role: may any? */
bool zts_config_allows(const struct zts_config *config, const char *role, const char *name);

#endif
