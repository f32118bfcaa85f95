/* Sockets that live in a network namespace: made by a thread that has entered it, usable from everywhere. */
#include "localaws/plane/namespace.h"

#include "base/file.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int socket_address(const char *address, uint16_t port, struct sockaddr_storage *storage, socklen_t *length,
                   struct error *err)
{
    struct sockaddr_in *four = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
    *storage = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        *length = sizeof *six;
        return 0;
    }
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *length = sizeof *four;
        return 0;
    }
    return error_set(err, ERROR_INVALID, "%s is no IP address", address);
}

struct socket_wish {
    int type;
    const char *address;
    uint16_t port;
    int timeout_ms;
    int socket;
};

static int make_listener(void *context, struct error *err)
{
    struct socket_wish *wish = context;
    struct sockaddr_storage where;
    socklen_t length;
    if (socket_address(wish->address, wish->port, &where, &length, err) < 0)
        return -1;
    cleanup(file_close) int made = socket(where.ss_family, wish->type | SOCK_CLOEXEC, 0);
    int on = 1;
    if (made < 0 || setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return error_errno(err, ERROR_INTERNAL, "make a socket");
    if (where.ss_family == AF_INET6)
        setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(made, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
    if (bind(made, (struct sockaddr *)&where, length) < 0 ||
        (wish->type == SOCK_STREAM && listen(made, 512) < 0))
        return error_errno(err, ERROR_UNAVAILABLE, "listen on %s port %u", wish->address, wish->port);
    wish->socket = made;
    made = -1;
    return 0;
}

int namespace_listen(int descriptor, int type, const char *address, uint16_t port, int *socket,
                     struct error *err)
{
    struct socket_wish wish = {.type = type, .address = address, .port = port};
    if (namespace_call(descriptor, make_listener, &wish, err) < 0)
        return -1;
    *socket = wish.socket;
    return 0;
}

static int make_connection(void *context, struct error *err)
{
    struct socket_wish *wish = context;
    struct sockaddr_storage where;
    socklen_t length;
    if (socket_address(wish->address, wish->port, &where, &length, err) < 0)
        return -1;
    cleanup(file_close) int made = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0)
        return error_errno(err, ERROR_INTERNAL, "make a socket");
    struct timeval limit = {wish->timeout_ms / 1000, wish->timeout_ms % 1000 * 1000};
    setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* bounds connect(), too: socket(7) */
    if (connect(made, (struct sockaddr *)&where, length) < 0) {
        if (errno == EINPROGRESS)
            errno = ETIMEDOUT;
        return error_errno(err, ERROR_UNAVAILABLE, "connect to %s port %u", wish->address, wish->port);
    }
    limit = (struct timeval){0};
    setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    wish->socket = made;
    made = -1;
    return 0;
}

int namespace_connect(int descriptor, const char *address, uint16_t port, int timeout_ms, int *socket,
                      struct error *err)
{
    struct socket_wish wish = {.address = address, .port = port, .timeout_ms = timeout_ms};
    if (namespace_call(descriptor, make_connection, &wish, err) < 0)
        return -1;
    *socket = wish.socket;
    return 0;
}

uint64_t namespace_of_socket(int socket)
{
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}
