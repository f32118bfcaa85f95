/* One simulated host: publishes its key on the public side, then lives on one connection through the tunnel
 * side. */
#include "agents.h"
#include "base/clock.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MOST = 256 << 10, RETRY_MS = 1000, RETRY_SPREAD_MS = 4000 };

/* A public key of its own: 32 bytes that begin with its number. */
static void wireguard_key(const struct agent *agent, char text[45])
{
    unsigned char bytes[32] = {0};
    snprintf((char *)bytes, sizeof bytes, "%s", agent->instance_id);
    gnutls_datum_t in = {bytes, sizeof bytes}, out;
    gnutls_base64_encode2(&in, &out);
    snprintf(text, 45, "%.*s", (int)out.size, out.data);
    gnutls_free(out.data);
}

/* As many as a host with one node measures. */
static char *metrics_text(const struct agent *agent)
{
    static const char *const of_host[] = {"memory_total_bytes",
                                          "memory_available_bytes",
                                          "disk_total_bytes",
                                          "disk_free_bytes",
                                          "agent_rss_bytes",
                                          "agent_cpu_seconds_total",
                                          "load1",
                                          "identity_left_seconds",
                                          "spec_generation"};
    static const char *const of_node[] = {"up",
                                          "cpu_seconds_total",
                                          "rss_bytes",
                                          "logs_archived_files_total",
                                          "logs_archived_bytes_total",
                                          "logs_failures_total",
                                          "logs_pending_files",
                                          "logs_pending_bytes"};
    char *text = memory_format("{\"at\":%lld,\"metrics\":[", (long long)clock_now_ms());
    for (size_t i = 0; i < COUNT_OF(of_host) + COUNT_OF(of_node); i++) {
        cleanup(memory_free) char *before = text;
        const char *separator = i ? "," : "";
        if (i < COUNT_OF(of_host))
            text = memory_format("%s%s{\"name\":\"vespa.host.%s\",\"value\":%zu,\"type\":\"gauge\"}", before,
                                 separator, of_host[i], 123456789 + i);
        else
            text = memory_format(
                "%s%s{\"name\":\"vespa.node.%s\",\"value\":%zu,\"type\":\"counter\",\"node\":\"%s\"}", before,
                separator, of_node[i - COUNT_OF(of_host)], i, agent->node);
    }
    cleanup(memory_free) char *all = text;
    return memory_format("%s]}", all);
}

static char *request_text(const struct agent *agent)
{
    char key[45];
    cleanup(memory_free) char *path = NULL, *body = NULL;
    const char *method = "GET";
    switch (agent->errand) {
    case PUBLISH_KEY:
        method = "PUT";
        wireguard_key(agent, key);
        path = memory_strdup("/wireguard/v1/key");
        body = memory_format("{\"key\":\"%s\"}", key);
        break;
    case PUT_READY:
        method = "PUT";
        path = memory_format("/nodes/v2/state/ready/%s", agent->hostname);
        break;
    case POLL_SPEC:
        path = memory_format("/spec/v1/host/%s?generation=%lld&wait=%d", agent->hostname,
                             (long long)agent->generation, POLL_WAIT_S);
        break;
    case REPORT_NODE:
        method = "PATCH";
        path = memory_format("/nodes/v2/node/%s", agent->node);
        body = memory_format("{\"serviceStatus\":\"up\",\"currentDockerImage\":\"%s\"}", agent->image);
        break;
    case PUSH_METRICS:
        method = "POST";
        path = memory_format("/metrics/v1/host/%s", agent->hostname);
        body = metrics_text(agent);
        break;
    }
    return memory_format("%s %s HTTP/1.1\r\nHost: configserver\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         method, path, body ? strlen(body) : 0, body ? body : "");
}

static void disconnect(struct agent *agent)
{
    if (agent->session)
        gnutls_deinit(agent->session);
    if (agent->socket >= 0)
        close(agent->socket);
    free(agent->out);
    free(agent->in);
    agent->session = NULL;
    agent->out = agent->in = NULL;
    agent->in_length = 0;
    agent->socket = -1;
    agent->step = AGENT_ABSENT;
}

static unsigned lose(struct agent *agent, struct tally *tally)
{
    disconnect(agent);
    tally->failures++;
    agent->retry_ms = clock_monotonic_ms() + RETRY_MS + random() % RETRY_SPREAD_MS;
    return 0;
}

int agent_connect(struct agent *agent, const struct server_address *server, struct tally *tally)
{
    const char *address = agent->admitted ? server->tunnel_address : server->public_address;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)server->port)};
    int on = 1;
    inet_pton(AF_INET6, address, &to.sin6_addr);
    agent->socket = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(agent->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tally->connects++;
    if (agent->socket < 0 ||
        (connect(agent->socket, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)) {
        lose(agent, tally);
        return -1;
    }
    gnutls_init(&agent->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(agent->session);
    gnutls_credentials_set(agent->session, GNUTLS_CRD_CERTIFICATE, agent->credentials);
    gnutls_transport_set_int(agent->session, agent->socket);
    agent->step = AGENT_CONNECTING;
    agent->errand = !agent->admitted ? PUBLISH_KEY : !agent->ready ? PUT_READY : POLL_SPEC;
    return 0;
}

static void begin_request(struct agent *agent)
{
    agent->out = request_text(agent);
    agent->out_length = strlen(agent->out);
    agent->sent = 0;
    agent->step = AGENT_SENDING;
}

static long header_number(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void choose_errand(struct agent *agent)
{
    if (agent->errand == POLL_SPEC && agent->runs && !agent->reported)
        agent->errand = REPORT_NODE;
    else if (agent->errand == POLL_SPEC && clock_monotonic_ms() - agent->pushed_ms > METRICS_EVERY_MS)
        agent->errand = PUSH_METRICS;
    else
        agent->errand = POLL_SPEC;
}

/* A whole answer has come. */
static void take_answer(struct agent *agent, int status, const char *body, struct tally *tally)
{
    tally->requests++;
    bool good = status >= 200 && status < 400;
    tally->refused += !good;
    switch (agent->errand) {
    case PUBLISH_KEY:
        agent->admitted = good;
        break;
    case PUT_READY:
        agent->ready = good;
        break;
    case POLL_SPEC: {
        agent->polled_ms = clock_now_ms();
        const char *generation = status == 200 ? strstr(body, "\"generation\":") : NULL;
        if (generation) {
            agent->generation = strtoll(generation + strlen("\"generation\":"), NULL, 10);
            agent->changed_ms = agent->polled_ms;
            agent->runs = strstr(body, "\"nodes\":[{") != NULL;
            agent->reported = agent->reported && agent->runs;
        }
        break;
    }
    case REPORT_NODE:
        agent->reported = good;
        break;
    case PUSH_METRICS:
        agent->pushed_ms = clock_monotonic_ms();
        break;
    }
}

static unsigned receive(struct agent *agent, struct tally *tally)
{
    for (;;) {
        char piece[16384];
        ssize_t got = gnutls_record_recv(agent->session, piece, sizeof piece);
        if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
            return EPOLLIN;
        if (got <= 0 || agent->in_length + (size_t)got > ANSWER_MOST)
            return lose(agent, tally);
        agent->in = memory_resize(agent->in, agent->in_length + (size_t)got + 1, 1);
        memcpy(agent->in + agent->in_length, piece, (size_t)got);
        agent->in_length += (size_t)got;
        agent->in[agent->in_length] = '\0';
        const char *body = strstr(agent->in, "\r\n\r\n");
        if (!body)
            continue;
        int status = atoi(agent->in + strlen("HTTP/1.1 "));
        size_t expected =
            status == 304 || status == 204 ? 0 : (size_t)header_number(agent->in, "Content-Length: ");
        if (agent->in_length < (size_t)(body + 4 - agent->in) + expected)
            continue;
        take_answer(agent, status, body + 4, tally);
        free(agent->in);
        agent->in = NULL;
        agent->in_length = 0;
        return EPOLLOUT;
    }
}

static unsigned next_request(struct agent *agent, const struct server_address *server, struct tally *tally)
{
    if (agent->errand == PUBLISH_KEY) { /* the rest is said in the tunnel */
        if (!agent->admitted)
            return lose(agent, tally);
        disconnect(agent);
        return agent_connect(agent, server, tally) < 0 ? 0 : EPOLLOUT;
    }
    if (agent->errand == PUT_READY && !agent->ready)
        return lose(agent, tally);
    choose_errand(agent);
    begin_request(agent);
    return EPOLLOUT;
}

static unsigned send_out(struct agent *agent, struct tally *tally)
{
    while (agent->sent < agent->out_length) {
        ssize_t count =
            gnutls_record_send(agent->session, agent->out + agent->sent, agent->out_length - agent->sent);
        if (count == GNUTLS_E_AGAIN || count == GNUTLS_E_INTERRUPTED)
            return EPOLLOUT;
        if (count < 0)
            return lose(agent, tally);
        agent->sent += (size_t)count;
    }
    free(agent->out);
    agent->out = NULL;
    agent->step = AGENT_RECEIVING;
    return EPOLLIN;
}

static unsigned shake_hands(struct agent *agent, struct tally *tally)
{
    int result = gnutls_handshake(agent->session);
    if (result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED)
        return gnutls_record_get_direction(agent->session) ? EPOLLOUT : EPOLLIN;
    if (result < 0)
        return gnutls_error_is_fatal(result) ? lose(agent, tally) : EPOLLIN;
    begin_request(agent);
    return EPOLLOUT;
}

unsigned agent_go_on(struct agent *agent, const struct server_address *server, struct tally *tally)
{
    unsigned events;
    switch (agent->step) {
    case AGENT_CONNECTING: {
        int failed = 0;
        socklen_t length = sizeof failed;
        getsockopt(agent->socket, SOL_SOCKET, SO_ERROR, &failed, &length);
        if (failed)
            return lose(agent, tally);
        agent->step = AGENT_HANDSHAKING;
        return shake_hands(agent, tally);
    }
    case AGENT_HANDSHAKING:
        return shake_hands(agent, tally);
    case AGENT_SENDING:
        return send_out(agent, tally);
    case AGENT_RECEIVING:
        events = receive(agent, tally);
        return events == EPOLLOUT ? next_request(agent, server, tally) : events;
    default:
        return 0;
    }
}
