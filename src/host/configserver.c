#include "host/configserver.h"

#include "base/file.h"
#include "base/text.h"
#include "zone/names.h"

#include <string.h>

enum { PEERS_LARGEST = 64 * 1024, ANSWER_LARGEST = 4 << 20, CONNECT_TIMEOUT_MS = 3000 };

static int call(struct http_client *client, enum http_method method, const char *url, const char *body,
                int timeout_ms, struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct http_call request = {
        .method = method,
        .url = url,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .timeout_ms = timeout_ms,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
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
    if (call(client, method, url, body, 10 * 1000, arena, reply, err) < 0)
        return -1;
    return http_reply_check(reply, path, err);
}

int configserver_call(struct agent *agent, enum http_method method, const char *path, const char *body,
                      int timeout_ms, struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct wireguard_peers peers;
    if (configserver_peers(agent, arena, &peers, err) < 0)
        return -1;
    error_set(err, ERROR_UNAVAILABLE, "no config server is known");
    for (size_t i = 0; i < peers.configserver_count; i++) {
        const char *url =
            arena_format(arena, "https://[%s]:%d%s", peers.configservers[i].address, CONFIGSERVER_PORT, path);
        if (call(agent->peers, method, url, body, timeout_ms, arena, reply, err) == 0)
            return http_reply_check(reply, path, err);
    }
    return -1;
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
