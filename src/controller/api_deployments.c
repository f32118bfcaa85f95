/* What became of a deployment: its runs, its state, its nodes; and its end. */
#include "base/text.h"
#include "controller/api.h"
#include "controller/run_log.h"
#include "controller/runs.h"
#include "controller/state.h"
#include "controller/zones.h"
#include "zone/names.h"

#include <string.h>

static char *instance_url(struct arena *arena, const struct deployment *deployment)
{
    return arena_format(arena, "/application/v4/tenant/%s/application/%s/instance/%s", deployment->tenant,
                        deployment->application, deployment->instance);
}

static json_t *deployment_summary(struct arena *arena, const struct deployment *deployment)
{
    struct zone_id zone = {0};
    zone_parse(deployment->zone, &zone, NULL);
    const char *url = arena_format(arena, "%s/environment/%s/region/%s", instance_url(arena, deployment),
                                   zone.environment, zone.region);
    return json_pack("{s:s, s:s, s:s, s:{s:s+}}", "environment", zone.environment, "region", zone.region, "url", url,
                     "enclave", "cloudAccount", "aws:", deployment->account);
}

int show_application(struct operation_call *call, struct error *err)
{
    const char *tenant, *application, *before = "";
    char **names;
    size_t count;
    if (call_name(call, "tenant", &tenant, err) < 0 || call_name(call, "application", &application, err) < 0 ||
        deployment_names(call->controller, call->arena, arena_format(call->arena, "%s:%s:", tenant, application),
                         &names, &count, err) < 0)
        return -1;
    if (!count)
        return error_set(err, ERROR_NOT_FOUND, "application %s.%s has no deployment", tenant, application);
    json_t *instances = json_array();
    for (size_t i = 0; i < count; i++) {
        struct deployment deployment;
        if (deployment_load(call->controller, call->arena, names[i], &deployment, NULL) < 0)
            continue; /* gone since we listed it */
        if (!text_equal(deployment.instance, before))
            json_array_append_new(instances,
                                  json_pack("{s:s, s:[]}", "instance", deployment.instance, "deployments"));
        before = deployment.instance;
        json_t *last = json_array_get(instances, json_array_size(instances) - 1);
        json_array_append_new(json_object_get(last, "deployments"), deployment_summary(call->arena, &deployment));
    }
    call->answer =
        json_pack("{s:s, s:s, s:o}", "tenant", tenant, "application", application, "instances", instances);
    return 0;
}

static int number_query(struct operation_call *call, const char *name, int64_t low, int64_t standard, int64_t *number,
                        struct error *err)
{
    const char *text = http_request_query(call->request, name);
    *number = standard;
    return text ? text_number(text, low, INT32_MAX, name, number, err) : 0;
}

int list_runs(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    int64_t *numbers, limit;
    size_t count;
    if (call_deployment(call, &deployment, err) < 0 ||
        number_query(call, "limit", 1, RUNS_KEPT, &limit, err) < 0)
        return -1;
    const char *name = deployment_name(call->arena, &deployment);
    if (run_numbers(call->controller, call->arena, name, &numbers, &count, err) < 0)
        return -1;
    json_t *runs = json_array();
    for (size_t i = count; i > 0 && count - i < (size_t)limit; i--) {
        struct run run;
        if (run_load(call->controller, call->arena, name, numbers[i - 1], &run, NULL) < 0)
            continue; /* too old since we listed it */
        const char *url = arena_format(call->arena, "%s/job/%s/run/%lld", instance_url(call->arena, &deployment),
                                       http_request_parameter(call->request, "job"), (long long)run.number);
        json_array_append_new(runs, run_summary(&run, url));
    }
    call->answer = json_pack("{s:o}", "runs", runs);
    return 0;
}

int show_run(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    struct run run;
    int64_t number, after;
    if (call_deployment(call, &deployment, err) < 0 ||
        text_number(http_request_parameter(call->request, "run"), 1, INT32_MAX, "run", &number, err) < 0 ||
        number_query(call, "after", -1, -1, &after, err) < 0)
        return -1;
    const char *name = deployment_name(call->arena, &deployment);
    struct error why = {0};
    if (run_load(call->controller, call->arena, name, number, &run, &why) < 0)
        return why.kind == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_NOT_FOUND, "there is no run %lld", (long long)number)
                   : error_set(err, why.kind, "%s", why.message);
    call->answer = run_view(&run, after);
    return 0;
}

static int load_deployment(struct operation_call *call, struct deployment *deployment, struct error *err)
{
    struct error why = {0};
    if (call_deployment(call, deployment, err) < 0)
        return -1;
    const char *name = deployment_name(call->arena, deployment);
    if (deployment_load(call->controller, call->arena, name, deployment, &why) == 0)
        return 0;
    if (why.kind != ERROR_NOT_FOUND)
        return error_set(err, why.kind, "%s", why.message);
    return error_set(err, ERROR_NOT_FOUND, "%s.%s.%s is not deployed in %s", deployment->tenant,
                     deployment->application, deployment->instance, deployment->zone);
}

/* The zone's view; before the package is handed over there is none yet, and that is no error. */
static int ask_state(struct operation_call *call, const struct deployment *deployment, json_t **state,
                     struct error *err)
{
    struct error why = {0};
    if (zone_deployment(call->controller, deployment, call->arena, state, &why) == 0)
        return 0;
    if (why.kind != ERROR_NOT_FOUND)
        return error_set(err, why.kind, "%s", why.message);
    const char *nothing = arena_format(call->arena,
                                       "{\"status\":\"%s\",\"message\":\"the zone does not have it\","
                                       "\"endpoints\":[],\"nodes\":[]}",
                                       deployment->deleting ? "deleting" : "pending");
    return json_parse(call->arena, nothing, strlen(nothing), state, err);
}

/* The zone's endpoints with what Vespa's clients look for. */
static json_t *endpoints_view(json_t *endpoints)
{
    json_t *view = json_array(), *endpoint;
    size_t index;
    json_array_foreach(endpoints, index, endpoint) {
        json_t *copy = json_copy(endpoint);
        json_object_set_new(copy, "scope", json_string("zone"));
        json_object_set_new(copy, "authMethod", json_string("mtls"));
        json_array_append_new(view, copy);
    }
    return view;
}

int show_deployment(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    json_t *state;
    if (load_deployment(call, &deployment, err) < 0 || ask_state(call, &deployment, &state, err) < 0)
        return -1;
    json_t *view = deployment_summary(call->arena, &deployment);
    json_object_update_new(view, json_pack("{s:s, s:s, s:s, s:I, s:I}", "tenant", deployment.tenant, "application",
                                           deployment.application, "instance", deployment.instance, "run",
                                           (json_int_t)deployment.last_run, "deployTimeEpochMs",
                                           (json_int_t)deployment.deployed_ms));
    static const char *const taken[] = {"generation", "status", "message", "converged", "privateEndpoints", "nodes", "log"};
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (json_object_get(state, taken[i]))
            json_object_set(view, taken[i], json_object_get(state, taken[i]));
    json_object_set_new(view, "endpoints", endpoints_view(json_object_get(state, "endpoints")));
    call->answer = view;
    return 0;
}

int show_nodes(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    json_t *nodes;
    if (load_deployment(call, &deployment, err) < 0 ||
        zone_nodes(call->controller, &deployment, call->arena, &nodes, err) < 0)
        return -1;
    call->answer = json_pack("{s:O}", "nodes", nodes);
    return 0;
}

int show_load_balancers(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    json_t *balancers;
    if (load_deployment(call, &deployment, err) < 0 ||
        zone_load_balancers(call->controller, &deployment, call->arena, &balancers, err) < 0)
        return -1;
    call->answer = json_pack("{s:O}", "loadBalancers", balancers);
    return 0;
}

/* As Vespa's clients ask for them: who may connect to what by PrivateLink. Whose endpoints are connected is seen
 * in the account they are in. */
int show_private_services(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    json_t *state, *services = json_array(), *endpoint, *arn;
    size_t index, at;
    if (load_deployment(call, &deployment, err) < 0 || ask_state(call, &deployment, &state, err) < 0) {
        json_decref(services);
        return -1;
    }
    json_array_foreach(json_object_get(state, "privateEndpoints"), index, endpoint) {
        json_t *allowed = json_array();
        json_array_foreach(json_object_get(endpoint, "allowed"), at, arn)
            json_array_append_new(allowed, json_pack("{s:s, s:O}", "type", "aws-private-link", "urn", arn));
        json_array_append_new(services,
                              json_pack("{s:O, s:O, s:s, s:o, s:[O], s:[]}", "cluster",
                                        json_object_get(endpoint, "cluster"), "serviceId",
                                        json_object_get(endpoint, "serviceName"), "type", "aws-private-link",
                                        "allowedUrns", allowed, "authMethods",
                                        json_object_get(endpoint, "authMethod"), "endpoints"));
    }
    call->answer = json_pack("{s:o}", "privateServices", services);
    return 0;
}

/* Deleting what is not there is done already. */
int delete_deployment(struct operation_call *call, struct error *err)
{
    struct deployment deployment;
    struct error why = {0};
    if (call_deployment(call, &deployment, err) < 0)
        return -1;
    const char *what = arena_format(call->arena, "%s.%s.%s in %s", deployment.tenant, deployment.application,
                                    deployment.instance, deployment.zone);
    int result = run_delete(call->controller, call->arena, deployment_name(call->arena, &deployment), &why);
    if (result < 0 && why.kind != ERROR_NOT_FOUND)
        return error_set(err, why.kind, "%s", why.message);
    const char *message = result < 0 ? arena_format(call->arena, "There is no %s.", what)
                                     : arena_format(call->arena, "Deactivating %s.", what);
    call->answer = json_pack("{s:s}", "message", message);
    return 0;
}
