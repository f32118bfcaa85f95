/* Deploying: everything that can be said at once is said at once, before anything is written; the rest is the
 * run's. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "controller/api.h"
#include "controller/runs.h"
#include "controller/state.h"
#include "controller/zones.h"
#include "identity/certificate.h"
#include "zone/application_package.h"

#include <string.h>

struct upload {
    const char *zip;
    size_t length;
};

static bool is_form(const char *content_type)
{
    return content_type && strncasecmp(content_type, "multipart/form-data", 19) == 0;
}

/* The package itself (pyvespa), or a form with it as `applicationZip` (the vespa CLI). */
static int read_upload(struct operation_call *call, struct upload *upload, struct error *err)
{
    if (!is_form(http_request_header(call->request, "Content-Type"))) {
        upload->zip = http_request_body(call->request, &upload->length);
        return upload->length
                   ? 0
                   : error_set(err, ERROR_INVALID, "the body must be an application package (zip)");
    }
    struct http_part *parts;
    size_t count;
    if (http_request_parts(call->request, &parts, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (text_equal(parts[i].name, "applicationZip")) {
            *upload = (struct upload){parts[i].bytes, parts[i].length};
            return 0;
        }
    return error_set(err, ERROR_INVALID, "the form has no part applicationZip");
}

/* Each account that deployment.xml names anywhere must be the tenant's. */
static int check_accounts(const struct application_package *package, const struct tenant *tenant,
                          struct error *err)
{
    char strangers[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < package->cloud_account_count; i++) {
        bool known = false;
        for (size_t j = 0; j < tenant->account_count && !known; j++)
            known = text_equal(package->cloud_accounts[i], tenant->accounts[j]);
        if (!known && used < sizeof strangers - 80)
            used += (size_t)snprintf(strangers + used, sizeof strangers - used, "%s%s%.63s", used ? ", " : "",
                                     account_is_valid(package->cloud_accounts[i]) ? "aws:" : "",
                                     package->cloud_accounts[i]);
    }
    if (!used)
        return 0;
    return error_code(err, ERROR_INVALID, "BAD_REQUEST",
                      "cloud account %s is not registered to tenant %s: an administrator registers it with "
                      "enclave account register",
                      strangers, tenant->name);
}

/* A region that is none would be found out only when its turn comes. */
static int check_regions(const struct controller *controller, const struct application_package *package,
                         struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < package->prod_region_count; i++) {
        const char *zone = arena_format(arena, "prod.%s", package->prod_regions[i]);
        if (!config_zone(controller->config, zone))
            return error_code(err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
                              "deployment.xml: <region> %s: there is no zone %s", package->prod_regions[i],
                              zone);
    }
    return 0;
}

/* Who may use a cluster: found out now, not by nodes that do not come up. */
static int check_clients(const struct wanted_cluster *cluster, struct arena *arena, struct error *err)
{
    struct certificate certificate;
    struct error cause = {0};
    if (cluster->type != CLUSTER_CONTAINER)
        return 0;
    if (!cluster->clients_pem)
        return error_code(
            err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
            "security/clients.pem is missing: it says which certificates may use the application");
    if (certificate_parse_pem(arena, cluster->clients_pem, &certificate, &cause) < 0)
        return error_code(err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
                          "the clients of cluster '%s' have no certificate in PEM: %s", cluster->id,
                          cause.message);
    return 0;
}

/* What the package asks for in the zone: the config server reads it the same way, but its answer comes later.
 */
static int check_wanted(struct operation_call *call, const struct application_package *package,
                        struct deployment *deployment, struct error *err)
{
    struct zone_id zone;
    struct wanted_deployment wanted;
    if (zone_parse(deployment->zone, &zone, err) < 0)
        return -1;
    const struct package_target target = {.zone = &zone,
                                          .instance = deployment->instance,
                                          .cloud = "aws",
                                          .application = deployment->application,
                                          .now_ms = clock_now_ms()};
    if (application_package_resolve(call->arena, package, &target, &wanted, err) < 0)
        return -1;
    for (size_t i = 0; i < wanted.cluster_count; i++)
        if (check_clients(&wanted.clusters[i], call->arena, err) < 0)
            return -1;
    deployment->account = wanted.account;
    if (!deployment->account)
        return error_code(
            err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
            "deployment.xml gives no cloud-account for zone %s: applications run in an account of yours "
            "here",
            deployment->zone);
    return 0;
}

static int check_package(struct operation_call *call, const struct upload *upload,
                         struct deployment *deployment, const struct tenant *tenant, struct error *err)
{
    struct application_package package;
    if (application_package_read(call->arena, upload->zip, upload->length, &package, err) < 0 ||
        check_regions(call->controller, &package, call->arena, err) < 0 ||
        check_accounts(&package, tenant, err) < 0)
        return -1;
    return check_wanted(call, &package, deployment, err);
}

int deploy_package(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    struct tenant tenant;
    struct upload upload;
    int64_t number;
    if (call_deployment(call, &deployment, err) < 0 || read_upload(call, &upload, err) < 0 ||
        tenant_load(call->controller, call->arena, deployment.tenant, &tenant, err) < 0 ||
        check_package(call, &upload, &deployment, &tenant, err) < 0)
        return -1;
    if (zone_check_account(call->controller, &deployment, tenant.external_id, call->arena, err) < 0 ||
        run_start(call->controller, call->arena, &deployment, upload.zip, upload.length, &number, err) < 0)
        return -1;
    log_info("run started", "deployment", deployment_name(call->arena, &deployment), "account",
             deployment.account, "by", call->caller->signer.public_key_hash, NULL);
    const char *message = arena_format(call->arena, "Deployment started in run %lld of %s for %s.%s.%s.",
                                       (long long)number, http_request_parameter(call->request, "job"),
                                       deployment.tenant, deployment.application, deployment.instance);
    call->answer = json_pack("{s:s, s:I}", "message", message, "run", (json_int_t)number);
    return 0;
}
