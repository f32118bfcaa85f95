/* What the controller asks of the zone: to deploy, to tell how it goes, to take away. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/decide/deploy.h"

#include <string.h>

struct cloud_account_parameter {
    const char *id, *external_id;
};
struct prepare_parameters {
    const char *application_name, *instance_name;
    struct cloud_account_parameter *cloud_account;
};

static const struct field cloud_account_fields[] = {
    FIELD_TEXT(struct cloud_account_parameter, id, "id", REQUIRED, 16, NULL, "aws: and 12 digits"),
    FIELD_TEXT(struct cloud_account_parameter, external_id, "externalId", REQUIRED, 256, NULL,
               "the tenant's"),
    FIELD_END,
};
static const struct record cloud_account_record = {"cloudAccount", sizeof(struct cloud_account_parameter),
                                                   cloud_account_fields};
static const struct field prepare_fields[] = {
    FIELD_TEXT(struct prepare_parameters, application_name, "applicationName", REQUIRED, NAME_LONGEST,
               name_is_valid, "the application's name"),
    FIELD_TEXT(struct prepare_parameters, instance_name, "instanceName", REQUIRED, NAME_LONGEST,
               name_is_valid, "its instance"),
    FIELD_RECORD(struct prepare_parameters, cloud_account, "cloudAccount", REQUIRED, &cloud_account_record,
                 "where it shall run"),
    FIELD_END,
};
static const struct record prepare_record = {"prepareParams", sizeof(struct prepare_parameters),
                                             prepare_fields};

static const struct field check_fields[] = {
    FIELD_TEXT(struct account, external_id, "externalId", REQUIRED, 256, NULL,
               "shown when assuming its role"),
    FIELD_TEXT(struct account, tenant, "tenant", OPTIONAL, NAME_LONGEST, name_is_valid,
               "whose account it is; its host role is looked for, too"),
    FIELD_END,
};
static const struct record check_record = {"account check", sizeof(struct account), check_fields};

/* "aws:210987654321" or bare digits. */
static const char *account_number(const char *id)
{
    return text_starts(id, "aws:") ? id + 4 : id;
}

static const struct http_part *find_part(const struct http_part *parts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(parts[i].name, name))
            return &parts[i];
    return NULL;
}

static int read_deployment(struct http_request *request, struct deployment *deployment, struct error *err)
{
    struct http_part *parts;
    size_t count;
    struct prepare_parameters parameters = {0};
    if (http_request_parts(request, &parts, &count, err) < 0)
        return -1;
    const struct http_part *json = find_part(parts, count, "prepareParams");
    const struct http_part *package = find_part(parts, count, "applicationPackage");
    if (!json || !package)
        return error_code(err, ERROR_INVALID, "BAD_REQUEST",
                          "the form must have the parts prepareParams and applicationPackage");
    if (record_parse(&prepare_record, http_request_arena(request), json->bytes, json->length, &parameters,
                     err) < 0)
        return error_context(err, "prepareParams");
    *deployment = (struct deployment){
        .id = {http_request_parameter(request, "tenant"), parameters.application_name,
               parameters.instance_name},
        .account = account_number(parameters.cloud_account->id),
        .external_id = parameters.cloud_account->external_id,
        .zip = package->bytes,
        .length = package->length,
        .dry_run = text_equal(http_request_query(request, "dryRun"), "true"),
    };
    return 0;
}

enum http_answer prepare_and_activate(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct deployment deployment;
    struct deployed deployed;
    if (read_deployment(request, &deployment, &err) < 0 ||
        deploy(zone, http_request_arena(request), &deployment, &deployed, &err) < 0)
        return http_fail(request, &err);
    json_t *line = json_pack("{s:I,s:s,s:s}", "time", (json_int_t)zone_now_ms(zone), "level", "INFO",
                             "message", deployed.message);
    http_respond_json(request, 200,
                      json_pack("{s:[o],s:s,s:o,s:s,s:b}", "log", line, "tenant", deployment.id.tenant,
                                "session-id", json_sprintf("%lld", (long long)deployed.generation), "message",
                                deployed.message, "activated", !deployment.dry_run));
    return HTTP_ANSWERED;
}

/* The application the path names; its zone must be ours. */
static const char *named_application(struct http_request *request, struct error *err)
{
    struct zone *zone = http_request_server_context(request);
    const struct application_id id = {http_request_parameter(request, "tenant"),
                                      http_request_parameter(request, "application"),
                                      http_request_parameter(request, "instance")};
    if (!text_equal(http_request_parameter(request, "environment"), zone->id.environment) ||
        !text_equal(http_request_parameter(request, "region"), zone->id.region)) {
        error_set(err, ERROR_NOT_FOUND, "this is zone %s", zone->config->zone);
        return NULL;
    }
    if (!name_is_valid(id.tenant) || !name_is_valid(id.application) || !name_is_valid(id.instance)) {
        error_set(err, ERROR_INVALID, "tenant, application or instance is not a valid name");
        return NULL;
    }
    return application_id_text(http_request_arena(request), &id);
}

enum http_answer get_application(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    const char *id = named_application(request, &err);
    if (!id)
        return http_fail(request, &err);
    VIEW(view, zone->repository);
    const struct application *application = view_find(view, RECORD_APPLICATION, id);
    if (!application) {
        error_set(&err, ERROR_NOT_FOUND, "%s is not deployed in zone %s", id, zone->config->zone);
        return http_fail(request, &err);
    }
    http_respond_json(request, 200, application_state(zone, view, application));
    return HTTP_ANSWERED;
}

enum http_answer delete_application(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    const char *id = named_application(request, &err);
    if (!id || undeploy(zone, id, &err) < 0)
        return http_fail(request, &err);
    http_respond_json(request, 200, json_pack("{s:o}", "message", json_sprintf("Deleting %s", id)));
    return HTTP_ANSWERED;
}

enum http_answer check_account(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct place place;
    struct account account = {.id = account_number(http_request_parameter(request, "account"))};
    if (!account_is_valid(account.id))
        error_set(&err, ERROR_INVALID, "'%.40s' is not an AWS account", account.id);
    else if (read_body(request, &check_record, &account, &err) == 0 &&
             account_check(zone, &account, http_request_arena(request), &place, &err) == 0) {
        http_respond_json(
            request, 200,
            json_pack("{s:o}", "message",
                      json_sprintf("Account %s is set up for zone %s", account.id, zone->config->zone)));
        return HTTP_ANSWERED;
    }
    return http_fail(request, &err);
}
