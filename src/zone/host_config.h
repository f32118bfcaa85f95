/* What a host is told at launch, as EC2 user data: no secrets in it, all of it public to whoever may describe the
 * instance. Written by the config server, read by the host agent. */
#ifndef ZONE_HOST_CONFIG_H
#define ZONE_HOST_CONFIG_H

#include "base/record.h"

struct host_config {
    const char *zone;          /* "dev.aws-us-east-1c" */
    const char *hostname;
    const char *tenant;
    const char *athenz_domain, *athenz_service, *athenz_provider; /* vespa.tenant.<t>, tenant-host, vespa.provider_... */
    const char *bootstrap_url; /* config servers' public side through the Config NLB, "https://name:443" */
    const char *configserver_identity; /* the principal they must prove */
    const char *zts_url;       /* "https://name:8443/zts/v1" */
    const char *ca_certificates; /* PEM: whom to trust */
    const char *aws_region;
    const char *archive_bucket;
};
extern const struct record host_config_record;

#endif
