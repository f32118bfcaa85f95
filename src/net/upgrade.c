/* Connections that stop being HTTP. libmicrohttpd has upgrades of its own, but 0.9.75 moves the bytes of a TLS connection
 * four at a time (its buffers come from what the connection's pool has left, which is nothing): 0.2 MiB/s were measured.
 * So the connection stays suspended, which keeps libmicrohttpd away from it, and its TLS session is used directly. */
#include "net/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_LARGEST = 4096 };

struct http_upgrade {
    struct http_request *request;
    gnutls_session_t tls; /* NULL: plain */
    int socket;
};

static ssize_t meaning(ssize_t result)
{
    if (result >= 0)
        return result == 0 ? -1 : result;
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED || result == GNUTLS_E_REHANDSHAKE ? 0 : -1;
}

static ssize_t plain_meaning(ssize_t result)
{
    if (result > 0)
        return result;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

ssize_t http_upgrade_receive(struct http_upgrade *upgrade, void *bytes, size_t room)
{
    if (!upgrade->tls)
        return plain_meaning(recv(upgrade->socket, bytes, room, MSG_DONTWAIT));
    return meaning(gnutls_record_recv(upgrade->tls, bytes, room));
}

ssize_t http_upgrade_send(struct http_upgrade *upgrade, const void *bytes, size_t length)
{
    if (!upgrade->tls)
        return plain_meaning(send(upgrade->socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL));
    return meaning(gnutls_record_send(upgrade->tls, bytes, length));
}

int http_upgrade_socket(const struct http_upgrade *upgrade)
{
    return upgrade->socket;
}

/* A connection that has sent nothing yet takes a head at once. */
static int send_head(struct http_upgrade *upgrade, const char *protocol, const struct http_headers *headers,
                     struct error *err)
{
    cleanup(buffer_free) struct buffer head = buffer_new(HEAD_LARGEST);
    buffer_format(&head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n", protocol);
    for (size_t i = 0; i < headers->count; i++)
        buffer_format(&head, "%s: %s\r\n", headers->items[i].name, headers->items[i].value);
    buffer_text(&head, "\r\n");
    if (head.overflow || http_upgrade_send(upgrade, head.data, head.length) != (ssize_t)head.length)
        return error_set(err, ERROR_UNAVAILABLE, "the connection does not take its answer");
    return 0;
}

int http_upgrade_take(struct http_request *request, const char *protocol, const struct http_headers *headers,
                      struct http_upgrade **upgrade, struct error *err)
{
    struct http_upgrade made = {.request = request, .socket = request->connection->socket};
    if (request->connection->secure)
        made.tls = MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    if (send_head(&made, protocol, headers, err) < 0)
        return -1;
    pthread_mutex_lock(&request->server->lock);
    bool ours = request->state == REQUEST_RUNNING;
    if (ours)
        request->state = REQUEST_TAKEN;
    pthread_mutex_unlock(&request->server->lock);
    if (!ours)
        return error_set(err, ERROR_UNAVAILABLE, "the server is stopping");
    *upgrade = memory_alloc(sizeof **upgrade);
    **upgrade = made;
    return 0;
}

/* libmicrohttpd gets the connection back, to find that it cannot answer on it any more. */
void http_upgrade_close(struct http_upgrade **upgrade)
{
    struct http_upgrade *old = take(upgrade);
    if (!old)
        return;
    if (old->tls)
        gnutls_bye(old->tls, GNUTLS_SHUT_WR);
    shutdown(old->socket, SHUT_RDWR);
    http_respond(old->request, 503, "text/plain", "", 0);
    http_respond_header(old->request, "Connection", "close");
    http_finish(old->request);
    free(old);
}
