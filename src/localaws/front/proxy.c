#include "localaws/front/proxy.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_LONGEST = 4096, HEAD_TIMEOUT_MS = 10000, NAME_LONGEST = 253, PIECE = 64 * 1024 };

struct tunnel {
    struct tunnel *next;
    struct proxy *proxy;
    int client, far; /* -1: not open; changed under proxy->lock */
};

struct proxy {
    struct proxy_way way;
    int socket;
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t ended; /* a tunnel has gone */
    struct tunnel *tunnels;
    size_t count;
    bool stopping;
};

/* The request: "CONNECT host:port HTTP/1.1" and headers that say nothing to us
 * ----------------------------------- */

struct destination {
    char name[NAME_LONGEST + 1];
    uint16_t port;
};

static int read_head(int client, char head[HEAD_LONGEST])
{
    size_t length = 0;
    while (length < HEAD_LONGEST - 1) {
        struct pollfd wait = {.fd = client, .events = POLLIN};
        if (poll(&wait, 1, HEAD_TIMEOUT_MS) <= 0)
            return -1;
        ssize_t count = read(client, head + length, 1); /* what follows the head is the tunnel's */
        if (count <= 0)
            return -1;
        head[++length] = '\0';
        if (length >= 4 && memcmp(head + length - 4, "\r\n\r\n", 4) == 0)
            return 0;
    }
    return -1;
}

/* "name:443", "192.0.2.1:443" or "[2001:db8::1]:443". */
static int parse_destination(const char *text, size_t length, struct destination *destination)
{
    const char *colon = memrchr(text, ':', length);
    if (!colon)
        return -1;
    char port[8] = "";
    size_t port_length = length - (size_t)(colon - text) - 1;
    int64_t number;
    if (port_length >= sizeof port)
        return -1;
    memcpy(port, colon + 1, port_length);
    if (text_number(port, 1, 65535, "port", &number, NULL) < 0)
        return -1;
    bool brackets = *text == '[' && colon[-1] == ']';
    const char *name = text + brackets;
    size_t name_length = (size_t)(colon - name) - brackets;
    if (name_length == 0 || name_length > NAME_LONGEST)
        return -1;
    memcpy(destination->name, name, name_length);
    destination->name[name_length] = '\0';
    destination->port = (uint16_t)number;
    return text_only(destination->name, brackets ? "0-9a-fA-F:." : "0-9a-zA-Z._-") ? 0 : -1;
}

static int parse_head(const char *head, struct destination *destination, int *status)
{
    *status = 405;
    if (!text_starts(head, "CONNECT "))
        return -1;
    *status = 400;
    const char *authority = head + strlen("CONNECT ");
    size_t length = strcspn(authority, " \r\n");
    const char *version = authority + length;
    if (!text_starts(version, " HTTP/1.1\r\n") && !text_starts(version, " HTTP/1.0\r\n"))
        return -1;
    return length ? parse_destination(authority, length, destination) : -1;
}

static void refuse(int client, int status, const char *why)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {{400, "Bad Request"},
                 {405, "Method Not Allowed"},
                 {502, "Bad Gateway"},
                 {503, "Service Unavailable"}};
    const char *text = "Error";
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].status == status)
            text = texts[i].text;
    char answer[2048];
    int length = snprintf(
        answer, sizeof answer,
        "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n"
        "%s\n",
        status, text, strlen(why) + 1, why);
    if (length > 0)
        file_write_all(client, answer, (size_t)length < sizeof answer ? (size_t)length : sizeof answer - 1,
                       NULL);
}

/* The tunnel
 * ----------------------------------------------------------------------------------------------------- */

/* One direction: what was read from one end and is not yet written to the other. */
struct flow {
    int from, to;
    char *bytes; /* PIECE of them */
    size_t begin, end;
    bool done; /* no more will come, and the other end knows */
};

static int flow_fill(struct flow *flow)
{
    ssize_t count = recv(flow->from, flow->bytes, PIECE, MSG_DONTWAIT);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    flow->begin = 0;
    flow->end = (size_t)count;
    if (count == 0) {
        flow->done = true;
        shutdown(flow->to, SHUT_WR);
    }
    return 0;
}

static int flow_drain(struct flow *flow)
{
    ssize_t count =
        send(flow->to, flow->bytes + flow->begin, flow->end - flow->begin, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    flow->begin += (size_t)count;
    return 0;
}

static bool flow_is_full(const struct flow *flow)
{
    return flow->begin < flow->end;
}

/* A flow waits either for its source or, holding something, for its sink. */
static void flow_wish(const struct flow *flow, struct pollfd ends[2], int from)
{
    if (flow->done)
        return;
    if (flow_is_full(flow))
        ends[!from].events |= POLLOUT;
    else
        ends[from].events |= POLLIN;
}

static int flow_step(struct flow *flow, const struct pollfd ends[2], int from)
{
    const short broken = POLLERR | POLLNVAL;
    if ((ends[0].revents | ends[1].revents) & broken)
        return -1;
    if (flow->done)
        return 0;
    if (!flow_is_full(flow) && ends[from].revents & (POLLIN | POLLHUP) && flow_fill(flow) < 0)
        return -1;
    return flow_is_full(flow) ? flow_drain(flow) : 0;
}

static void relay(int client, int far)
{
    cleanup(memory_free) char *out = memory_alloc(PIECE);
    cleanup(memory_free) char *back = memory_alloc(PIECE);
    struct flow flows[2] = {{.from = client, .to = far, .bytes = out},
                            {.from = far, .to = client, .bytes = back}};
    while (!flows[0].done || !flows[1].done) {
        struct pollfd ends[2] = {{.fd = client}, {.fd = far}};
        flow_wish(&flows[0], ends, 0);
        flow_wish(&flows[1], ends, 1);
        if (poll(ends, 2, -1) < 0 && errno != EINTR)
            return;
        if (flow_step(&flows[0], ends, 0) < 0 || flow_step(&flows[1], ends, 1) < 0)
            return;
    }
}

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static int reach(struct tunnel *tunnel, const struct destination *destination, struct error *err)
{
    const struct proxy_way *way = &tunnel->proxy->way;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *address = destination->name;
    if (!is_address(address) && !(address = way->resolve(way->context, arena, destination->name)))
        return error_set(err, ERROR_NOT_FOUND, "the region's internet knows no %s", destination->name);
    int far;
    if (way->connect(way->context, address, destination->port, &far, err) < 0)
        return -1;
    pthread_mutex_lock(&tunnel->proxy->lock);
    tunnel->far = far;
    if (tunnel->proxy->stopping)
        shutdown(far, SHUT_RDWR);
    pthread_mutex_unlock(&tunnel->proxy->lock);
    return 0;
}

static void serve(struct tunnel *tunnel)
{
    char head[HEAD_LONGEST];
    struct destination destination;
    struct error err = {0};
    int status;
    if (read_head(tunnel->client, head) < 0)
        return;
    if (parse_head(head, &destination, &status) < 0) {
        refuse(tunnel->client, status, "this proxy knows only CONNECT host:port");
    } else if (reach(tunnel, &destination, &err) < 0) {
        log_debug("proxy cannot connect", "to", destination.name, "error", err.message, NULL);
        refuse(tunnel->client, 502, err.message);
    } else {
        static const char yes[] = "HTTP/1.1 200 Connection established\r\n\r\n";
        if (file_write_all(tunnel->client, yes, sizeof yes - 1, NULL) == 0)
            relay(tunnel->client, tunnel->far);
    }
}

static void leave(struct tunnel *tunnel)
{
    struct proxy *proxy = tunnel->proxy;
    pthread_mutex_lock(&proxy->lock);
    struct tunnel **at = &proxy->tunnels;
    while (*at != tunnel)
        at = &(*at)->next;
    *at = tunnel->next;
    file_close(&tunnel->client);
    file_close(&tunnel->far);
    free(tunnel);
    proxy->count--;
    pthread_cond_signal(&proxy->ended);
    pthread_mutex_unlock(&proxy->lock);
}

static void *run_tunnel(void *context)
{
    serve(context);
    leave(context);
    return NULL;
}

/* Accepting
 * ------------------------------------------------------------------------------------------------------ */

static void begin_tunnel(struct proxy *proxy, int client)
{
    struct tunnel *tunnel = memory_alloc(sizeof *tunnel);
    *tunnel = (struct tunnel){.proxy = proxy, .client = client, .far = -1};
    pthread_mutex_lock(&proxy->lock);
    bool welcome = !proxy->stopping && proxy->count < TUNNELS_MOST;
    if (welcome) {
        tunnel->next = proxy->tunnels;
        proxy->tunnels = tunnel;
        proxy->count++;
    }
    pthread_mutex_unlock(&proxy->lock);
    pthread_t thread;
    if (welcome && pthread_create(&thread, NULL, run_tunnel, tunnel) == 0) {
        pthread_detach(thread);
        return;
    }
    refuse(client, 503, "too many tunnels");
    if (welcome) {
        leave(tunnel);
    } else {
        close(client);
        free(tunnel);
    }
}

static void *accept_clients(void *context)
{
    struct proxy *proxy = context;
    for (;;) {
        poll(&(struct pollfd){.fd = proxy->socket, .events = POLLIN}, 1,
             -1); /* the socket may be non-blocking */
        int client = accept4(proxy->socket, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) {
            begin_tunnel(proxy, client);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE)
            poll(NULL, 0, 100); /* until tunnels have ended */
        else if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN)
            return NULL;
    }
}

int proxy_start(int socket, const struct proxy_way *way, struct proxy **proxy, struct error *err)
{
    struct proxy *made = memory_alloc(sizeof *made);
    *made = (struct proxy){.way = *way, .socket = socket};
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->ended, NULL);
    if (pthread_create(&made->thread, NULL, accept_clients, made) != 0) {
        close(socket);
        free(made);
        return error_set(err, ERROR_UNAVAILABLE, "no thread for the proxy");
    }
    *proxy = made;
    return 0;
}

void proxy_stop(struct proxy **proxy)
{
    struct proxy *old = take(proxy);
    if (!old)
        return;
    shutdown(old->socket, SHUT_RDWR); /* accept returns */
    pthread_join(old->thread, NULL);
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    for (struct tunnel *tunnel = old->tunnels; tunnel; tunnel = tunnel->next) {
        shutdown(tunnel->client, SHUT_RDWR);
        if (tunnel->far >= 0)
            shutdown(tunnel->far, SHUT_RDWR);
    }
    while (old->count)
        pthread_cond_wait(&old->ended, &old->lock);
    pthread_mutex_unlock(&old->lock);
    close(old->socket);
    free(old);
}
