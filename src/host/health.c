/* What anyone may ask of a host: how it is, by the config servers, over mTLS, on the tunnel's address. */
#include "host/agent.h"

#include "base/log.h"
#include "base/text.h"
#include "host/firewall.h"
#include "identity/athenz.h"
#include "net/http_server.h"

#include <stdio.h>

enum side { TUNNEL = 1 };
enum who { CONFIGSERVER = 1 };

struct health {
    struct http_server *server;
    int listener;
    char address[64];
};

static enum http_answer get_health(struct http_request *request)
{
    struct agent *agent = http_request_server_context(request);
    struct node_view *views = NULL;
    bool drained = false;
    size_t count = agent_views(agent, http_request_arena(request), &views, &drained);
    json_t *nodes = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            nodes, json_pack("{s:s, s:s}", "hostname", views[i].hostname, "status", views[i].status));
    http_respond_json(
        request, 200,
        json_pack("{s:{s:s}, s:s, s:o}", "status", "code", "up", "version", ENCLAVE_VERSION, "nodes", nodes));
    return HTTP_ANSWERED;
}

/* clang-format off */
static const struct http_route routes[] = {
    /* side   method    path                 who           handler */
    {TUNNEL, HTTP_GET, "/state/v1/health", CONFIGSERVER, get_health, 0, NULL},
};
/* clang-format on */

static int authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    struct agent *agent = context;
    const struct principal *peer = http_request_peer(request);
    if (!peer)
        return error_set(err, ERROR_UNAUTHENTICATED, "a certificate of the zone is needed");
    if ((who & CONFIGSERVER) && text_equal(peer->name, agent->config.configserver_identity))
        return 0;
    return error_set(err, ERROR_FORBIDDEN, "%s may not ask hosts", peer->name);
}

static int start(struct agent *agent, struct error *err)
{
    if (agent->health)
        return 0;
    struct http_server_options options = {
        .name = "health",
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .identify_peer = principal_identify_peer,
        .forget_peer = principal_forget_peer,
        .authorize = authorize,
        .context = agent,
        .worker_threads = 1,
    };
    struct health *health = memory_alloc(sizeof *health);
    health->listener = -1;
    if (http_server_start(&options, NULL, 0, &health->server, err) < 0) {
        memory_free(&health);
        return -1;
    }
    agent->health = health;
    return 0;
}

int health_listen(struct agent *agent, const char *address, struct error *err)
{
    if (start(agent, err) < 0)
        return error_context(err, "health");
    struct health *health = agent->health;
    if (text_equal(health->address, address))
        return 0;
    if (health->listener >= 0)
        http_server_unlisten(health->server, health->listener);
    health->listener = -1;
    health->address[0] = '\0';

    struct http_listener listener = {.side = TUNNEL, .tls = agent->tls};
    if (http_listen(address, HEALTH_PORT, &listener.socket, err) < 0 ||
        http_server_listen(health->server, &listener, err) < 0)
        return error_context(err, "health on %s", address);
    health->listener = listener.socket;
    snprintf(health->address, sizeof health->address, "%s", address);
    return 0;
}
