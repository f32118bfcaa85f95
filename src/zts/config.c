#include "zts/config.h"

#include "aws/imds.h"
#include "base/file.h"
#include "base/text.h"
#include "identity/athenz.h"

#include <string.h>

enum { CONFIG_LARGEST = 256 * 1024, BUNDLE_LONGEST = 64 * 1024, NAME_LONGEST = 384, SERVICES_MOST = 1000, ENDPOINTS_MOST = 9 };

static bool is_account(const char *text)
{
    return strlen(text) == 12 && text_only(text, "0-9");
}

static bool is_region(const char *text)
{
    return text_only(text, "a-z0-9-");
}

static bool is_bucket(const char *text)
{
    return text_only(text, "a-z0-9.-");
}

static bool is_endpoint(const char *text)
{
    return text_starts(text, "https://") && !text_ends(text, "/");
}

#define TEXT(owner, member, json, longest, valid, help) \
    FIELD_TEXT(owner, member, json, REQUIRED, longest, valid, help)

static const struct field service_fields[] = {
    TEXT(struct zts_service, role, "role", 64, NULL, "IAM role of the vendor's account"),
    FIELD_LIST(struct zts_service, names, name_count, "names", REQUIRED, SERVICES_MOST, &text_record,
               "principals its bearer may be"),
    FIELD_END,
};
static const struct record service_record = {"service", sizeof(struct zts_service), service_fields};

static const struct field provider_fields[] = {
    TEXT(struct zts_provider, name, "name", NAME_LONGEST, athenz_is_name, "the provider's principal"),
    FIELD_LIST(struct zts_provider, endpoints, endpoint_count, "endpoints", REQUIRED, ENDPOINTS_MOST, &text_record,
               "where it confirms instances: any of these"),
    FIELD_END,
};
static const struct record provider_record = {"provider", sizeof(struct zts_provider), provider_fields};

static const struct field config_fields[] = {
    TEXT(struct zts_config, aws_region, "awsRegion", 64, is_region, "the region zts runs in"),
    TEXT(struct zts_config, vendor_account, "vendorAccount", 12, is_account, "whose roles are services"),
    TEXT(struct zts_config, ca_certificates, "caCertificates", BUNDLE_LONGEST, NULL,
         "PEM: whom everyone trusts"),
    TEXT(struct zts_config, ca_key_bucket, "caKeyBucket", 63, is_bucket, "where the authority's key lies"),
    TEXT(struct zts_config, ca_key_object, "caKeyObject", 1024, NULL, "under which name"),
    FIELD_LIST(struct zts_config, services, service_count, "services", REQUIRED, SERVICES_MOST,
               &service_record, "the vendor's services by role"),
    FIELD_LIST(struct zts_config, providers, provider_count, "providers", OPTIONAL, SERVICES_MOST,
               &provider_record, "who confirms instances"),
    FIELD_END,
};
const struct record zts_config_record = {"zts configuration", sizeof(struct zts_config), config_fields};

static int check_endpoints(const struct zts_provider *provider, struct error *err)
{
    for (size_t i = 0; i < provider->endpoint_count; i++)
        if (!is_endpoint(provider->endpoints[i]))
            return error_set(err, ERROR_INVALID, "\"endpoints\": '%.80s' is not https:// without a final slash",
                             provider->endpoints[i]);
    return provider->endpoint_count ? 0 : error_set(err, ERROR_INVALID, "\"endpoints\" is empty");
}

static int check_names(struct arena *arena, const struct zts_config *config, struct error *err)
{
    struct principal principal;
    for (size_t i = 0; i < config->service_count; i++)
        for (size_t j = 0; j < config->services[i].name_count; j++)
            if (principal_parse(arena, config->services[i].names[j], &principal, err) < 0)
                return error_context(err, "services[%zu]", i);
    for (size_t i = 0; i < config->provider_count; i++)
        if (principal_parse(arena, config->providers[i].name, &principal, err) < 0 ||
            check_endpoints(&config->providers[i], err) < 0)
            return error_context(err, "providers[%zu]", i);
    return 0;
}

int zts_config_load(struct arena *arena, const char *path, struct zts_config *config, struct error *err)
{
    char *text;
    size_t length;
    const char *source = path ? path : "user data";
    *config = (struct zts_config){0};
    if (path ? file_read(arena, path, CONFIG_LARGEST, &text, &length, err) < 0
             : imds_user_data(arena, &text, &length, err) < 0)
        return -1;
    if (record_parse(&zts_config_record, arena, text, length, config, err) < 0 ||
        check_names(arena, config, err) < 0)
        return error_context(err, "%s", source);
    return 0;
}

const struct zts_provider *zts_config_provider(const struct zts_config *config, const char *name)
{
    for (size_t i = 0; i < config->provider_count; i++)
        if (text_equal(config->providers[i].name, name))
            return &config->providers[i];
    return NULL;
}

bool zts_config_allows(const struct zts_config *config, const char *role, const char *name)
{
    for (size_t i = 0; i < config->service_count; i++) {
        const struct zts_service *service = &config->services[i];
        if (role && !text_equal(service->role, role))
            continue;
        for (size_t j = 0; j < service->name_count; j++)
            if (text_equal(service->names[j], name))
                return true;
    }
    return false;
}
