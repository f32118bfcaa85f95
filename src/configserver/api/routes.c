#include "configserver/api/routes.h"

#include "base/log.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/cluster/forward.h"
#include "configserver/cluster/mesh_routes.h"
#include "configserver/cluster/status.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/hosts/polls.h"
#include "identity/athenz.h"

enum { PACKAGE_FORM_LIMIT = PACKAGE_LARGEST + (1 << 20), HOST_LIMIT = 256 << 10 };

#define APPLICATION                                                                                        \
    "/application/v2/tenant/{tenant}/application/{application}/environment/{environment}/region/{region}/" \
    "instance/"                                                                                            \
    "{instance}"

enum {
    EITHER = SIDE_TUNNEL | SIDE_PUBLIC,
    HOST_OR_OPERATOR = WHO_HOST_ITSELF | WHO_ITS_NODE | WHO_CONTROLLER | WHO_OPERATOR,
};

/* clang-format off */
const struct http_route routes[] = {
    /* side                      method       path                                               who                             handler */
    { SIDE_PUBLIC,               HTTP_GET,    "/state/v1/health",                                   WHO_ANYONE,                     get_health,           0, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_POST,   "/bootstrap/v1/challenge",                            WHO_ANYONE,                     issue_challenge,      4096, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_PUT,    "/wireguard/v1/key",                                  WHO_HOST,                       publish_key,          4096, NULL },

    { SIDE_TUNNEL,               HTTP_GET,    "/spec/v1/host/{hostname}",                           WHO_HOST_ITSELF,                get_spec,             0, NULL },
    { SIDE_TUNNEL | AT_LEADER,   HTTP_PUT,    "/nodes/v2/state/ready/{hostname}",                   WHO_HOST_ITSELF,                set_ready,            HOST_LIMIT, NULL },
    { SIDE_TUNNEL | AT_LEADER,   HTTP_POST,   "/metrics/v1/host/{hostname}",                        WHO_HOST_ITSELF,                take_metrics,         HOST_LIMIT, NULL },

    /* Asked by hosts through the tunnel and by operators on the public side. */
    { EITHER | AT_LEADER,        HTTP_PATCH,  "/nodes/v2/node/{hostname}",                          HOST_OR_OPERATOR,               patch_node,           HOST_LIMIT, NULL },
    { EITHER | AT_LEADER,        HTTP_GET,    "/orchestrator/v1/hosts/{hostname}",                  HOST_OR_OPERATOR,               get_suspension,       0, NULL },
    { EITHER | AT_LEADER,        HTTP_PUT,    "/orchestrator/v1/hosts/{hostname}/suspended",        HOST_OR_OPERATOR,               suspend_one,          4096, NULL },
    { EITHER | AT_LEADER,        HTTP_DELETE, "/orchestrator/v1/hosts/{hostname}/suspended",        HOST_OR_OPERATOR,               resume_one,           4096, NULL },
    { EITHER | AT_LEADER,        HTTP_PUT,    "/orchestrator/v1/suspensions/hosts/{hostname}",      HOST_OR_OPERATOR,               suspend_many,         4096, NULL },

    { SIDE_PROVIDER | AT_LEADER, HTTP_POST,   "/athenz/v1/provider/instance",                       WHO_ZTS,                        confirm_instance,     HOST_LIMIT, NULL },
    { SIDE_PROVIDER | AT_LEADER, HTTP_POST,   "/athenz/v1/provider/refresh",                        WHO_ZTS,                        confirm_refresh,      HOST_LIMIT, NULL },

    { SIDE_PUBLIC | AT_LEADER,   HTTP_POST,   "/application/v2/tenant/{tenant}/prepareandactivate", WHO_CONTROLLER,                 prepare_and_activate, PACKAGE_FORM_LIMIT, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    APPLICATION,                                          WHO_CONTROLLER | WHO_OPERATOR,  get_application,      0, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_DELETE, APPLICATION,                                          WHO_CONTROLLER,                 delete_application,   4096, NULL },
    { SIDE_PUBLIC,               HTTP_POST,   "/zone/v2/account/{account}/check",                   WHO_CONTROLLER,                 check_account,        4096, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_GET,    "/nodes/v2/node",                                     WHO_CONTROLLER | WHO_OPERATOR,  list_nodes,           0, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_GET,    "/nodes/v2/node/{hostname}",                          WHO_CONTROLLER | WHO_OPERATOR,  get_node,             0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/state",                                    WHO_CONTROLLER | WHO_OPERATOR,  list_states,          0, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_GET,    "/nodes/v2/state/{state}",                            WHO_CONTROLLER | WHO_OPERATOR,  list_in_state,        0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/application",                              WHO_CONTROLLER | WHO_OPERATOR,  list_applications,    0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/application/{application}",                WHO_CONTROLLER | WHO_OPERATOR,  get_node_application, 0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/stats",                                    WHO_CONTROLLER | WHO_OPERATOR,  get_stats,            0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/wireguard",                                WHO_CONTROLLER | WHO_OPERATOR,  get_wireguard,        0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/acl/{hostname}",                           WHO_CONTROLLER | WHO_OPERATOR,  get_acl,              0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/nodes/v2/archive",                                  WHO_CONTROLLER | WHO_OPERATOR,  list_archives,        0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/loadbalancers/v1",                                  WHO_CONTROLLER | WHO_OPERATOR,  list_load_balancers,  0, NULL },
    { SIDE_PUBLIC,               HTTP_GET,    "/metrics",                                           WHO_CONTROLLER | WHO_OPERATOR,  get_metrics,          0, NULL },

    { SIDE_PUBLIC | AT_LEADER,   HTTP_PUT,    "/nodes/v2/state/{state}/{hostname}",                 WHO_CONTROLLER | WHO_OPERATOR,  set_state,            4096, NULL },
    { SIDE_PUBLIC | AT_LEADER,   HTTP_POST,   "/nodes/v2/command/{command}",                        WHO_CONTROLLER | WHO_OPERATOR,  command_nodes,        4096, NULL },

    { SIDE_PUBLIC,               HTTP_GET,    "/cluster/v1/status",                                 WHO_CONTROLLER | WHO_OPERATOR,  get_cluster_status,   0, NULL },
    { SIDE_MESH,                 HTTP_GET,    "/cluster/v1/state",                                  WHO_CONFIGSERVER,               get_cluster_state,    0, NULL },
    { SIDE_PEERS,                HTTP_PUT,    "/mesh/v1/key",                                       WHO_CONFIGSERVER,               exchange_mesh_keys,   4096, NULL },
};
/* clang-format on */
const size_t route_count = COUNT_OF(routes);

static unsigned host_roles(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    VIEW(view, zone->repository);
    const struct host *host = calling_host(request, view);
    if (!host)
        return 0;
    if (http_request_side(request) == SIDE_TUNNEL)
        host_heard(zone, host->hostname);
    unsigned who = WHO_HOST;
    const char *named = http_request_parameter(request, "hostname");
    const struct node *node = named ? view_find(view, RECORD_NODE, named) : NULL;
    if (text_equal(named, host->hostname))
        who |= WHO_HOST_ITSELF;
    if (node && text_equal(node->parent, host->hostname))
        who |= WHO_ITS_NODE;
    return who;
}

static unsigned config_server_roles(struct http_request *request, const struct principal *principal)
{
    const struct zone *zone = http_request_server_context(request);
    const char *ours = zone_configserver_name(http_request_arena(request), &zone->id);
    return text_equal(principal->name, ours) ? WHO_CONFIGSERVER : 0;
}

static unsigned roles_of(struct http_request *request, const struct principal *principal)
{
    if (!principal)
        return WHO_ANYONE;
    switch (principal->kind) {
    case PRINCIPAL_HOST:
        return WHO_ANYONE | host_roles(request);
    case PRINCIPAL_CONTROLLER:
        return WHO_ANYONE | WHO_CONTROLLER;
    case PRINCIPAL_OPERATOR:
        return WHO_ANYONE | WHO_OPERATOR;
    case PRINCIPAL_ZTS:
        return WHO_ANYONE | WHO_ZTS;
    case PRINCIPAL_CONFIGSERVER:
        return WHO_ANYONE | config_server_roles(request, principal);
    default:
        return WHO_ANYONE;
    }
}

/* Of routes that are on both sides: of itself a host speaks through the tunnel only, and nobody else does. */
static unsigned never_on(unsigned side)
{
    return side == SIDE_PUBLIC   ? WHO_HOST_ITSELF | WHO_ITS_NODE
           : side == SIDE_TUNNEL ? WHO_CONTROLLER | WHO_OPERATOR
                                 : 0;
}

int authorize_caller(void *context, struct http_request *request, unsigned who, struct error *err)
{
    struct zone *zone = context;
    if (forward_accept(zone, request, err) < 0)
        return -1;
    const struct principal *principal = http_request_peer(request);
    who &= ~never_on(http_request_side(request));
    if ((roles_of(request, principal) & who) ||
        ((who & WHO_ANY_HOST) && forward_leaves_to_leader(zone, request)))
        return 0;
    if (!principal)
        return error_set(err, ERROR_UNAUTHENTICATED,
                         "this needs a client certificate of the zone's authority");
    log_warning("caller refused", "principal", principal->name, "instance", principal->instance_id, "method",
                http_method_name(http_request_method(request)), "path", http_request_path(request), NULL);
    return error_set(err, ERROR_FORBIDDEN, "%s may not do this", principal->name);
}
