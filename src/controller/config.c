#include "controller/config.h"

#include "aws/imds.h"
#include "base/file.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "zone/names.h"

enum { CONFIG_LARGEST = 64 << 10 };

static bool is_zone(const char *text)
{
    struct zone_id zone;
    return zone_parse(text, &zone, NULL) == 0;
}

static bool is_https(const char *text)
{
    return text_starts(text, "https://");
}

static const struct field zone_fields[] = {
    FIELD_TEXT(struct controller_zone, id, "id", REQUIRED, 64, is_zone, "the zone, environment.region"),
    FIELD_TEXT(struct controller_zone, identity, "identity", REQUIRED, 384, athenz_is_name,
               "who its config servers are"),
    FIELD_LIST(struct controller_zone, configservers, configserver_count, "configservers", REQUIRED, 8, &text_record,
               "their addresses, tried in this order"),
    FIELD_END,
};
static const struct record zone_record = {"zone", sizeof(struct controller_zone), zone_fields};

static const struct field config_fields[] = {
    FIELD_TEXT(struct controller_config, aws_region, "awsRegion", REQUIRED, 32, NULL, "for AWS's global services"),
    FIELD_TEXT(struct controller_config, zts_url, "ztsUrl", REQUIRED, 512, is_https, "where identities come from"),
    FIELD_TEXT(struct controller_config, ca_certificates, "caCertificates", REQUIRED, 32768, NULL, "whom to trust"),
    FIELD_TEXT(struct controller_config, provisioner_role_arn, "provisionerRoleArn", REQUIRED, 256, NULL,
               "the vendor's role that tenants' accounts trust"),
    FIELD_LIST(struct controller_config, zones, zone_count, "zones", REQUIRED, 64, &zone_record,
               "the zones there are"),
    FIELD_END,
};
static const struct record config_record = {"configuration", sizeof(struct controller_config), config_fields};

int config_read(struct arena *arena, const char *path, struct controller_config *config, struct error *err)
{
    char *text;
    size_t length;
    if (path ? file_read(arena, path, CONFIG_LARGEST, &text, &length, err) < 0
             : imds_user_data(arena, &text, &length, err) < 0)
        return error_context(err, "configuration");
    if (record_parse(&config_record, arena, text, length, config, err) < 0)
        return error_context(err, "%s", path ? path : "user data");
    return 0;
}

const struct controller_zone *config_zone(const struct controller_config *config, const char *id)
{
    for (size_t i = 0; i < config->zone_count; i++)
        if (text_equal(config->zones[i].id, id))
            return &config->zones[i];
    return NULL;
}
