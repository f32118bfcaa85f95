#include "host/configserver.h"

#include "base/file.h"
#include "base/text.h"
#include "zone/names.h"

#include <string.h>

enum {
    PEERS_LARGEST = 64 * 1024,
    ANSWER_LARGEST = 4 << 20,
    CONNECT_TIMEOUT_MS = 3000,
    TUNNEL_CONNECT_TIMEOUT_MS = 2000, /* longer than one lost packet; there is another to ask */
};

static int call(struct http_client *client, enum http_method method, const char *url, const char *body,
                int timeout_ms, int connect_ms, struct arena *arena, struct http_reply *reply,
                struct error *err)
{
    struct http_call request = {
        .method = method,
        .url = url,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .timeout_ms = timeout_ms,
        .connect_timeout_ms = connect_ms,
        .answer_limit = ANSWER_LARGEST,
    };
    if (body)
        http_headers_add(arena, &request.headers, "Content-Type", "application/json");
    return http_call(client, &request, arena, reply, err);
}

int bootstrap_call(struct agent *agent, struct http_client *client, enum http_method method, const char *path,
                   const char *body, struct arena *arena, struct http_reply *reply, struct error *err)
{
    const char *url = arena_format(arena, "%s%s", agent->config.bootstrap_url, path);
    if (call(client, method, url, body, 10 * 1000, CONNECT_TIMEOUT_MS, arena, reply, err) < 0)
        return -1;
    return http_reply_check(reply, path, err);
}

/* Hosts begin with different ones, so that each config server has its share. */
static size_t first_of(struct agent *agent, size_t count)
{
    size_t hash = 5381;
    for (const char *at = agent->config.hostname; at && *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    return (hash + atomic_load(&agent->server_turn)) % count;
}

int configserver_call(struct agent *agent, enum http_method method, const char *path, const char *body,
                      int timeout_ms, struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct wireguard_peers peers;
    struct error why = {0};
    bool answered = false;
    if (configserver_peers(agent, arena, &peers, err) < 0)
        return -1;
    error_set(&why, ERROR_UNAVAILABLE, "no config server is known");
    size_t count = peers.configserver_count, first = count ? first_of(agent, count) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *address = peers.configservers[(first + i) % count].address;
        const char *url = arena_format(arena, "https://[%s]:%d%s", address, CONFIGSERVER_PORT, path);
        answered = call(agent->peers, method, url, body, timeout_ms, TUNNEL_CONNECT_TIMEOUT_MS, arena, reply,
                        &why) == 0;
        if (!answered || reply->status >= 500)
            continue;
        if (i > 0)
            configserver_turn(agent, i);
        return http_reply_check(reply, path, err);
    }
    if (answered)
        return http_reply_check(reply, path, err);
    if (err)
        *err = why;
    return -1;
}

void configserver_turn(struct agent *agent, size_t by)
{
    atomic_fetch_add(&agent->server_turn, (unsigned)by);
}

int configserver_peers(struct agent *agent, struct arena *arena, struct wireguard_peers *peers,
                       struct error *err)
{
    char *text = NULL;
    size_t length = 0;
    if (file_read(arena, agent_path(agent, arena, "tunnel.json"), PEERS_LARGEST, &text, &length, err) < 0)
        return -1;
    return record_parse(&wireguard_peers_record, arena, text, length, peers, err);
}
