/* The controller's HTTP interface: one table of operations in api.c, their steps in the api_*.c beside it. */
#ifndef CONTROLLER_API_H
#define CONTROLLER_API_H

#include "controller/access.h"
#include "controller/controller.h"

/* What a step works on. It sets `answer` (taken; sent as 200) or responds itself, or fails. */
struct operation_call {
    struct controller *controller;
    struct http_request *request;
    struct arena *arena;
    const struct caller *caller;
    json_t *answer;
};
typedef int operation_step(struct operation_call *call, struct error *err);

operation_step create_tenant, list_tenants, show_tenant, add_key, remove_key; /* api_tenants.c */
operation_step challenge_account, register_account;                          /* api_accounts.c */
operation_step deploy_package;                                               /* api_deploy.c */
operation_step show_application, list_runs, show_run, show_deployment, show_nodes, show_load_balancers, show_private_services,
    delete_deployment;                                          /* api_deployments.c */
operation_step list_zones, ask_zone;                            /* api_zones.c */
operation_step show_status, show_cli_version, show_health;      /* api.c */

/* A path parameter that must be a tenant's, application's or instance's name. */
int call_name(const struct operation_call *call, const char *parameter, const char **name, struct error *err);
/* The deployment that the path means (tenant, application, instance, and zone by environment and region or by job); not
 * looked up. ERROR_INVALID when a name is none, or the zone is not ours. */
int call_deployment(const struct operation_call *call, struct deployment *deployment, struct error *err);
int call_json(const struct operation_call *call, json_t **body, struct error *err);

/* The routes it serves, once it was started. */
const struct http_route *api_routes(size_t *count);

int api_start(struct controller *controller, struct tls_context *tls, const int *sockets, size_t socket_count,
              struct http_server **server, struct error *err);

#endif
