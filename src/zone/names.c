#include "zone/names.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const environments[] = {"dev", "test", "staging", "perf", "prod"};

static bool is_region(const char *text)
{
    return islower((unsigned char)text[0]) && text_only(text, "a-z0-9-") && !text_ends(text, "-") &&
           !strstr(text, "--");
}

int zone_parse(const char *text, struct zone_id *zone, struct error *err)
{
    const char *dot = text ? strchr(text, '.') : NULL;
    if (dot && strlen(dot + 1) < sizeof zone->region && is_region(dot + 1))
        for (size_t i = 0; i < COUNT_OF(environments); i++) {
            size_t length = strlen(environments[i]);
            if ((size_t)(dot - text) != length || memcmp(text, environments[i], length) != 0)
                continue;
            snprintf(zone->environment, sizeof zone->environment, "%s", environments[i]);
            snprintf(zone->region, sizeof zone->region, "%s", dot + 1);
            return 0;
        }
    return error_set(err, ERROR_INVALID,
                     "zone '%.80s' is not <dev|test|staging|perf|prod>.<region>, like dev.aws-us-east-1c",
                     text ? text : "");
}

char *zone_text(struct arena *arena, const struct zone_id *zone)
{
    return arena_format(arena, "%s.%s", zone->environment, zone->region);
}

/* A zone's region is the cloud's name, AWS's region and the availability zone's letter: aws-us-east-1c. */
char *zone_aws_region(struct arena *arena, const struct zone_id *zone)
{
    const char *start = text_starts(zone->region, "aws-") ? zone->region + 4 : zone->region;
    size_t length = strlen(start);
    if (length > 2 && isalpha((unsigned char)start[length - 1]) && isdigit((unsigned char)start[length - 2]))
        length--;
    return arena_strndup(arena, start, length);
}

char *zone_provider_name(struct arena *arena, const struct zone_id *zone)
{
    return arena_format(arena, VESPA_DOMAIN ".provider_%s_%s", zone->environment, zone->region);
}

char *zone_configserver_name(struct arena *arena, const struct zone_id *zone)
{
    return arena_format(arena, VESPA_DOMAIN ".configserver_%s_%s", zone->environment, zone->region);
}

char *zone_ebs_key_alias(struct arena *arena, const struct zone_id *zone)
{
    return arena_format(arena, "alias/vespa-ebs-key-%s-%s", zone->environment, zone->region);
}

char *zone_hostname(struct arena *arena, const struct zone_id *zone, int index)
{
    return arena_format(arena, "h%d.%s.%s." HOST_DOMAIN_SUFFIX, index, zone->environment, zone->region);
}

char *zone_node_hostname(struct arena *arena, const struct zone_id *zone, int index)
{
    return arena_format(arena, "h%da.%s.%s." HOST_DOMAIN_SUFFIX, index, zone->environment, zone->region);
}

char *host_role_name(struct arena *arena, const char *tenant, const char *account)
{
    return arena_format(arena, "vespa.tenant.%s.aws-%s.tenant-host-service", tenant, account);
}

bool name_is_valid(const char *text)
{
    return text && islower((unsigned char)text[0]) && strlen(text) <= NAME_LONGEST &&
           text_only(text, "a-z0-9-") && !text_ends(text, "-") && !strstr(text, "--");
}

bool tenant_is_valid(const char *text)
{
    return name_is_valid(text) && strlen(text) <= TENANT_LONGEST;
}

bool account_is_valid(const char *text)
{
    return text && strlen(text) == 12 && text_only(text, "0-9");
}

static bool is_label(const char *text, size_t length)
{
    if (length == 0 || length > 63 || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-')
            return false;
    return true;
}

bool hostname_is_valid(const char *text)
{
    if (text_empty(text) || strlen(text) > HOSTNAME_LONGEST)
        return false;
    for (const char *label = text;;) {
        size_t length = strcspn(label, ".");
        if (!is_label(label, length))
            return false;
        if (!label[length])
            return true;
        label += length + 1;
    }
}

bool cluster_is_valid(const char *text)
{
    return text && isalpha((unsigned char)text[0]) && strlen(text) <= 40 && text_only(text, "A-Za-z0-9_-");
}

int application_id_parse(struct arena *arena, const char *text, struct application_id *id, struct error *err)
{
    char **parts;
    size_t count = text_split(arena, text, '.', &parts);
    if (count < 2 || count > 3 || !name_is_valid(parts[0]) || !name_is_valid(parts[1]) ||
        (count == 3 && !name_is_valid(parts[2])))
        return error_set(
            err, ERROR_INVALID,
            "'%.80s' is not tenant.application or tenant.application.instance, each 1-%d of a-z, 0-9 and "
            "single dashes, a letter first",
            text, NAME_LONGEST);
    *id = (struct application_id){parts[0], parts[1], count == 3 ? parts[2] : "default"};
    return 0;
}

char *application_id_text(struct arena *arena, const struct application_id *id)
{
    return arena_format(arena, "%s:%s:%s", id->tenant, id->application, id->instance);
}
