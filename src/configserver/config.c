#include "configserver/config.h"

#include "aws/imds.h"
#include "base/file.h"

#include <string.h>

enum { CONFIG_LARGEST = 64 << 10, LONGEST_URL = 512, LONGEST_PEM = 32 << 10 };

static bool is_zone(const char *text)
{
    struct zone_id zone;
    return zone_parse(text, &zone, NULL) == 0;
}

/* What is read; `limits` lies in it last, since absent members keep their defaults. */
struct config_text {
    struct config config;
    json_t *limits;
};

static const struct field server_fields[] = {
    FIELD_INTEGER(struct config_server, index, "index", REQUIRED, 1, 9, "which it is"),
    FIELD_TEXT(struct config_server, address, "address", REQUIRED, 64, NULL, "its own IPv6 address"),
    FIELD_END,
};
static const struct record server_record = {"server", sizeof(struct config_server), server_fields};

static const struct field config_fields[] = {
    FIELD_TEXT(struct config, aws_region, "awsRegion", REQUIRED, 32, NULL, "AWS's name of the region"),
    FIELD_TEXT(struct config, zone, "zone", REQUIRED, 80, is_zone, "the zone we run"),
    FIELD_INTEGER(struct config, index, "index", REQUIRED, 1, 9,
                  "which of the zone's config servers this is"),
    FIELD_TEXT(struct config, address, "address", REQUIRED, 64, NULL, "our own IPv6 address"),
    FIELD_TEXT(struct config, zts_url, "ztsUrl", REQUIRED, LONGEST_URL, NULL, "zts, as we reach it"),
    FIELD_TEXT(struct config, public_zts_url, "publicZtsUrl", REQUIRED, LONGEST_URL, NULL,
               "zts, as hosts reach it"),
    FIELD_TEXT(struct config, bootstrap_url, "bootstrapUrl", REQUIRED, LONGEST_URL, NULL,
               "us, as hosts reach us"),
    FIELD_TEXT(struct config, ca_certificates, "caCertificates", REQUIRED, LONGEST_PEM, NULL,
               "whom to trust"),
    FIELD_TEXT(struct config, provisioner_role_arn, "provisionerRoleArn", REQUIRED, 256, NULL,
               "the vendor's role that tenants' provisioner roles trust"),
    FIELD_TEXT(struct config, host_image, "hostImage", REQUIRED, 128, NULL, "AMI name of hosts"),
    FIELD_TEXT(struct config, node_image, "nodeImage", REQUIRED, 255, NULL,
               "container image of nodes by default"),
    FIELD_TEXT(struct config, identity_document_certificate, "identityDocumentCertificate", REQUIRED,
               LONGEST_PEM, NULL, "who signs instance identity documents"),
    FIELD_TEXT(struct config, vendor_account, "vendorAccount", REQUIRED, 12, account_is_valid,
               "owner of the AMI"),
    FIELD_LIST(struct config, servers, server_count, "servers", OPTIONAL, 9, &server_record,
               "the zone's config servers, when there are several"),
    FIELD_JSON(struct config_text, limits, "limits", OPTIONAL, "what waits how long; see --limits"),
    FIELD_END,
};
static const struct record config_record = {"configuration", sizeof(struct config_text), config_fields};

int config_load(struct arena *arena, const char *path, struct config *config, struct error *err)
{
    char *text;
    size_t length;
    struct config_text read = {.config = {.limits = limits_default}};
    if (path ? file_read(arena, path, CONFIG_LARGEST, &text, &length, err) < 0
             : imds_user_data(arena, &text, &length, err) < 0)
        return error_context(err, "read the configuration");
    if (record_parse(&config_record, arena, text, length, &read, err) < 0 ||
        (read.limits && limits_read(arena, read.limits, &read.config.limits, err) < 0))
        return error_context(err, "configuration from %s", path ? path : "user data");
    *config = read.config;
    return 0;
}
