#include "configserver/cluster/status.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/cluster/servers.h"

#include <string.h>

enum { ASK_MS = 1000 };

static const char *state_of(const struct config_servers *servers)
{
    if (atomic_load(&servers->leads))
        return "leader";
    return atomic_load(&servers->connected) ? "follower" : "paused";
}

static json_t *own_state(const struct zone *zone)
{
    const struct config_servers *servers = zone->servers;
    int64_t sequence = repository_sequence(zone->repository), epoch = repository_epoch(zone->repository);
    if (!servers)
        return json_pack("{s:I,s:s,s:s,s:I,s:I,s:I}", "index", (json_int_t)zone->config->index, "address",
                         zone->config->address, "state", "leader", "lagMs", (json_int_t)0, "sequence",
                         (json_int_t)sequence, "epoch", (json_int_t)epoch);
    bool leads = atomic_load(&servers->leads);
    int64_t lag = leads ? 0 : clock_monotonic_ms() - atomic_load(&servers->current_ms);
    return json_pack("{s:I,s:s,s:s,s:I,s:I,s:I}", "index", (json_int_t)servers->index, "address",
                     zone->config->address, "state", state_of(servers), "lagMs", (json_int_t)lag, "sequence",
                     (json_int_t)sequence, "epoch", (json_int_t)epoch);
}

enum http_answer get_cluster_state(struct http_request *request)
{
    http_respond_json(request, 200, own_state(http_request_server_context(request)));
    return HTTP_ANSWERED;
}

static json_t *ask(const struct config_servers *servers, const struct mesh_server *server,
                   struct arena *arena)
{
    struct http_reply reply;
    json_t *state;
    struct error err = {0};
    const struct http_call call = {
        .method = HTTP_GET,
        .url = arena_format(arena, "%s/cluster/v1/state", server->url),
        .timeout_ms = ASK_MS,
        .connect_timeout_ms = ASK_MS,
    };
    if (http_call(servers->client, &call, arena, &reply, &err) == 0 && reply.status == 200 &&
        json_parse(arena, reply.body, reply.length, &state, &err) == 0)
        return json_incref(state);
    return json_pack("{s:I,s:s,s:s}", "index", (json_int_t)server->index, "address", server->address, "state",
                     "unreachable");
}

enum http_answer get_cluster_status(struct http_request *request)
{
    const struct zone *zone = http_request_server_context(request);
    const struct config_servers *servers = zone->servers;
    json_t *lines = json_array();
    if (!servers)
        json_array_append_new(lines, own_state(zone));
    for (size_t i = 0; servers && i < servers->count; i++)
        json_array_append_new(lines, servers->all[i].index == servers->index
                                         ? own_state(zone)
                                         : ask(servers, &servers->all[i], http_request_arena(request)));
    int64_t leader = servers ? atomic_load(&servers->leader) : zone->config->index;
    json_t *leads = leader ? json_integer(leader) : json_null();
    http_respond_json(request, 200,
                      json_pack("{s:o,s:I,s:o}", "leader", leads, "epoch",
                                (json_int_t)repository_epoch(zone->repository), "servers", lines));
    return HTTP_ANSWERED;
}
