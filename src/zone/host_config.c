#include "zone/host_config.h"

#include "zone/names.h"

enum { LONGEST_NAME = 384, LONGEST_URL = 512, LONGEST_TRUST = 16384 };

static bool is_zone(const char *text)
{
    struct zone_id zone;
    return zone_parse(text, &zone, NULL) == 0;
}

static const struct field host_config_fields[] = {
    FIELD_TEXT(struct host_config, zone, "zone", REQUIRED, 80, is_zone, "the zone the host is of"),
    FIELD_TEXT(struct host_config, hostname, "hostname", OPTIONAL, HOSTNAME_LONGEST, hostname_is_valid,
               "its name"),
    FIELD_LIST(struct host_config, hostnames, hostname_count, "hostnames", OPTIONAL, HOSTS_LAUNCHED_MOST,
               &text_record, "of all that were launched together, by launch index"),
    FIELD_TEXT(struct host_config, tenant, "tenant", REQUIRED, NAME_LONGEST, name_is_valid, "whose it is"),
    FIELD_TEXT(struct host_config, athenz_domain, "athenzDomain", REQUIRED, LONGEST_NAME, NULL,
               "its identity's domain"),
    FIELD_TEXT(struct host_config, athenz_service, "athenzService", REQUIRED, LONGEST_NAME, NULL,
               "its identity's service"),
    FIELD_TEXT(struct host_config, athenz_provider, "athenzProvider", REQUIRED, LONGEST_NAME, NULL,
               "who confirms its identity to zts"),
    FIELD_TEXT(struct host_config, bootstrap_url, "bootstrapUrl", REQUIRED, LONGEST_URL, NULL,
               "config servers' public side"),
    FIELD_TEXT(struct host_config, configserver_identity, "configserverIdentity", REQUIRED, LONGEST_NAME,
               NULL, "the principal config servers must prove"),
    FIELD_TEXT(struct host_config, zts_url, "ztsUrl", REQUIRED, LONGEST_URL, NULL,
               "where identities are had"),
    FIELD_TEXT(struct host_config, ca_certificates, "caCertificates", REQUIRED, LONGEST_TRUST, NULL,
               "PEM: whom to trust"),
    FIELD_TEXT(struct host_config, aws_region, "awsRegion", REQUIRED, 32, NULL, "AWS's name of the region"),
    FIELD_TEXT(struct host_config, archive_bucket, "archiveBucket", REQUIRED, 63, NULL,
               "where rotated logs go"),
    FIELD_END,
};
const struct record host_config_record = {"host_config", sizeof(struct host_config), host_config_fields};

int host_config_name(struct host_config *config, int64_t launch_index, struct error *err)
{
    if (config->hostname)
        return 0;
    if (launch_index < 0 || (size_t)launch_index >= config->hostname_count)
        return error_set(err, ERROR_INVALID, "the configuration has no hostname for launch index %lld of %zu",
                         (long long)launch_index, config->hostname_count);
    if (!hostname_is_valid(config->hostnames[launch_index]))
        return error_set(err, ERROR_INVALID, "the configuration's hostname %lld is none",
                         (long long)launch_index);
    config->hostname = config->hostnames[launch_index];
    return 0;
}
