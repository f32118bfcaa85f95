/* What a host is told at launch, as EC2 user data: no secrets in it, all of it public to whoever may describe the
 * instance. Written by the config server, read by the host agent. */
#ifndef ZONE_HOST_CONFIG_H
#define ZONE_HOST_CONFIG_H

#include "base/record.h"

struct host_config {
    const char *zone;          /* "dev.aws-us-east-1c" */
    const char *hostname;      /* NULL when it was launched together with others: */
    const char **hostnames;    /* its name is the one at its launch index (IMDS: ami-launch-index) */
    size_t hostname_count;
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
enum { HOSTS_LAUNCHED_MOST = 100 }; /* together: their names must fit into 16 KB of user data */

/* The name of the host with this launch index; ERROR_INVALID when the configuration has none for it. */
int host_config_name(struct host_config *config, int64_t launch_index, struct error *err);

#endif
