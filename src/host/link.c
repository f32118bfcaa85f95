/* The tunnel's upkeep. The device outlives us, and the peers it had are on disk, so after a restart the link
 * is there before anyone was asked; the config servers are asked again when no handshake succeeds, when one
 * does not answer through the tunnel (its machine may be another, with another key), and now and then anyway.
 */
#include "host/agent.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "host/addresses.h"
#include "host/configserver.h"
#include "tunnel/tunnel.h"

enum {
    LOOK_EVERY_MS = 15 * 1000,
    PUBLISH_EVERY_MS = 10 * 60 * 1000,
    PUBLISH_AGAIN_MS =
        60 * 1000, /* while one of several config servers does not answer: it may have a new key */
    UNANSWERED_AGAIN_MS = 10 * 1000, /* after a call that was not answered, at most so often */
    UNANSWERED_SPREAD_MS = 3 * 1000, /* all hosts of a config server notice together */
    SOON_MS = 1000,
    HANDSHAKE_STALE_MS = 200 * 1000, /* WireGuard renews its session after 120 s, keepalives see to it */
    RETRY_FIRST_MS = 500,
    RETRY_MOST_MS = 30 * 1000,
};

static int check_peers(const struct wireguard_peers *peers, struct error *err)
{
    if (!address_is_ipv6(peers->address) || peers->configserver_count == 0)
        return error_set(err, ERROR_INVALID, "the answer has no tunnel address or no config server");
    for (size_t i = 0; i < peers->configserver_count; i++)
        if (!address_is_ipv6(peers->configservers[i].address) || !tunnel_is_key(peers->configservers[i].key))
            return error_set(err, ERROR_INVALID, "config server %s has no tunnel address or key",
                             peers->configservers[i].hostname);
    return 0;
}

/* Publishes our key over mTLS on the public side and keeps the answer. */
static int publish(struct agent *agent, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct wireguard_key key = {0};
    char *public_key = NULL;
    if (tunnel_key_ensure(arena, agent_path(agent, arena, "wireguard.key"), &public_key, err) < 0)
        return -1;
    key.key = public_key;

    struct http_reply reply;
    struct wireguard_peers peers;
    if (bootstrap_call(agent, agent->peers, HTTP_PUT, "/wireguard/v1/key",
                       record_text(&wireguard_key_record, arena, &key), arena, &reply, err) < 0 ||
        record_parse(&wireguard_peers_record, arena, reply.body, reply.length, &peers, err) < 0 ||
        check_peers(&peers, err) < 0)
        return error_context(err, "publish the tunnel key");
    return file_write(agent_path(agent, arena, "tunnel.json"), reply.body, reply.length, 0600, err);
}

/* Makes device and peers what tunnel.json says. */
static int raise_tunnel(struct agent *agent, struct tunnel **tunnel, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct wireguard_peers peers;
    if (configserver_peers(agent, arena, &peers, err) < 0 || check_peers(&peers, err) < 0)
        return -1;
    struct tunnel_options options = {
        .interface = TUNNEL_INTERFACE,
        .key_path = agent_path(agent, arena, "wireguard.key"),
        .address = peers.address,
        .prefix_length = (int)peers.prefix_length,
    };
    tunnel_close(tunnel);
    if (tunnel_open(&options, tunnel, err) < 0)
        return -1;
    struct tunnel_peer *wanted = arena_alloc(arena, peers.configserver_count * sizeof *wanted);
    for (size_t i = 0; i < peers.configserver_count; i++)
        wanted[i] = (struct tunnel_peer){
            .public_key = peers.configservers[i].key,
            .address = peers.configservers[i].address,
            .endpoint = peers.configservers[i].endpoint,
            .keepalive = true,
        };
    if (tunnel_set_peers(*tunnel, wanted, peers.configserver_count, err) < 0)
        return -1;
    return agent_has(agent, FACT_IDENTITY) ? health_listen(agent, peers.address, err) : 0;
}

enum freshness { FRESH_NONE, FRESH_SOME, FRESH_ALL };

static enum freshness handshakes(struct tunnel *tunnel)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct tunnel_peer_state *peers = NULL;
    size_t count = 0;
    if (!tunnel || tunnel_peers(tunnel, arena, &peers, &count, NULL) < 0)
        return FRESH_NONE;
    size_t fresh = 0;
    for (size_t i = 0; i < count; i++)
        fresh += clock_now_ms() - peers[i].handshake_ms < HANDSHAKE_STALE_MS;
    return fresh == 0 ? FRESH_NONE : fresh < count ? FRESH_SOME : FRESH_ALL;
}

struct link {
    struct agent *agent;
    struct tunnel *tunnel;
    int64_t published_ms; /* monotonic; 0: not by this process */
    uint64_t unanswered;  /* as many as were known then */
};

/* Are we to publish now? WireGuard itself notices a peer's new key only after minutes. */
static bool is_due(const struct link *link, enum freshness freshness, uint64_t unanswered)
{
    int64_t passed = clock_monotonic_ms() - link->published_ms;
    if (!link->published_ms || freshness == FRESH_NONE)
        return true;
    if (unanswered != link->unanswered && passed > UNANSWERED_AGAIN_MS) {
        clock_sleep_ms((int64_t)random_below(UNANSWERED_SPREAD_MS));
        return true;
    }
    return passed > (freshness == FRESH_ALL ? PUBLISH_EVERY_MS : PUBLISH_AGAIN_MS);
}

static int link_pass(struct link *link, uint64_t unanswered, struct error *err)
{
    if (!is_due(link, handshakes(link->tunnel), unanswered))
        return 0;
    if (publish(link->agent, err) < 0)
        return -1;
    link->published_ms = clock_monotonic_ms();
    link->unanswered = unanswered;
    if (raise_tunnel(link->agent, &link->tunnel, err) < 0)
        return -1;
    if (!agent_has(link->agent, FACT_TUNNEL))
        log_info("tunnel is up", "interface", TUNNEL_INTERFACE, NULL);
    agent_state_fact(link->agent, FACT_TUNNEL);
    return 0;
}

void *link_thread(void *context)
{
    struct link link = {.agent = context};
    agent_wait_for(link.agent, FACT_FIREWALL);
    if (raise_tunnel(link.agent, &link.tunnel, NULL) == 0)
        log_info("tunnel taken over from an earlier run", "interface", TUNNEL_INTERFACE, NULL);

    struct backoff backoff = {.first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS};
    agent_wait_for(link.agent, FACT_IDENTITY);
    if (link.tunnel)
        agent_state_fact(link.agent, FACT_TUNNEL);
    for (;;) {
        struct error err = {0};
        uint64_t unanswered = agent_counter(link.agent, &link.agent->unanswered);
        if (link_pass(&link, unanswered, &err) == 0) {
            backoff_reset(&backoff);
            if (link.unanswered != unanswered) /* they were asked a moment ago */
                clock_sleep_ms(SOON_MS);
            else
                agent_wait_change(link.agent, &link.agent->unanswered, unanswered, LOOK_EVERY_MS);
        } else {
            log_warning("tunnel is not refreshed", "error", err.message, NULL);
            clock_sleep_ms(backoff_next(&backoff, link.agent->config.hostname));
        }
    }
}
