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
    LONG_MS = 12 * 1000,              /* who waits longer waits for news */
};

/* A wait that another thread's call may end, when it found that this config server does not answer. */
struct patience {
    struct agent *agent;
    unsigned turn;
};

static bool is_still_its_turn(void *context)
{
    const struct patience *patience = context;
    return atomic_load(&patience->agent->server_turn) == patience->turn;
}

static struct http_call make_call(struct arena *arena, enum http_method method, const char *url,
                                  const char *body, int timeout_ms, int connect_ms)
{
    struct http_call call = {
        .method = method,
        .url = url,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .timeout_ms = timeout_ms,
        .connect_timeout_ms = connect_ms,
        .answer_limit = ANSWER_LARGEST,
    };
    if (body)
        http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    return call;
}

int bootstrap_call(struct agent *agent, struct http_client *client, enum http_method method, const char *path,
                   const char *body, struct arena *arena, struct http_reply *reply, struct error *err)
{
    const char *url = arena_format(arena, "%s%s", agent->config.bootstrap_url, path);
    const struct http_call call = make_call(arena, method, url, body, 10 * 1000, CONNECT_TIMEOUT_MS);
    if (http_call(client, &call, arena, reply, err) < 0)
        return -1;
    return http_reply_check(reply, path, err);
}

/* Hosts begin with different ones, so that each config server has its share. */
static size_t place_of(const struct agent *agent, unsigned turn, size_t count)
{
    size_t hash = 5381;
    for (const char *at = agent->config.hostname; at && *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    return (hash + turn) % count;
}

int configserver_call(struct agent *agent, const struct question *question, struct arena *arena,
                      struct http_reply *reply, struct error *err)
{
    struct http_client *client = question->on_line ? agent->line : agent->peers;
    struct wireguard_peers peers;
    struct error why = {0};
    bool answered = false;
    if (configserver_peers(agent, arena, &peers, err) < 0)
        return -1;
    error_set(&why, ERROR_UNAVAILABLE, "no config server is known");
    struct patience patience = {agent, atomic_load(&agent->server_turn)};
    for (size_t i = 0, count = peers.configserver_count; i < count; i++) {
        size_t place = place_of(agent, patience.turn + (unsigned)i, count);
        const char *url = arena_format(arena, "https://[%s]:%d%s", peers.configservers[place].address,
                                       CONFIGSERVER_PORT, question->path);
        struct http_call call = make_call(arena, question->method, url, question->body, question->timeout_ms,
                                          TUNNEL_CONNECT_TIMEOUT_MS);
        call.once = !question->on_line;
        call.goes_on = question->timeout_ms > LONG_MS ? is_still_its_turn : NULL;
        call.going = &patience;
        answered = http_call(client, &call, arena, reply, &why) == 0;
        if (!answered)
            agent_count(agent, &agent->unanswered);
        if (!answered || reply->status >= 500)
            continue;
        unsigned turn = patience.turn; /* unless another thread was quicker */
        atomic_compare_exchange_strong(&agent->server_turn, &turn, patience.turn + (unsigned)i);
        return http_reply_check(reply, question->path, err);
    }
    if (answered)
        return http_reply_check(reply, question->path, err);
    if (err)
        *err = why;
    return -1;
}

void configserver_turn(struct agent *agent)
{
    atomic_fetch_add(&agent->server_turn, 1);
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
