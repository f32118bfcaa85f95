#include "localaws/plane/side.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static bool passes(int status)
{
    return status == GNUTLS_E_AGAIN || status == GNUTLS_E_INTERRUPTED;
}

/* A peer that closes without saying so in TLS has closed all the same: what is behind decides whether the
 * message was whole. */
static ssize_t receive_sealed(struct side *side, char *bytes, size_t length)
{
    ssize_t got = gnutls_record_recv(side->session, bytes, length);
    if (got >= 0)
        return got;
    if (got == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    return gnutls_error_is_fatal((int)got) ? SIDE_BROKEN : SIDE_WAITS;
}

ssize_t side_receive(struct side *side, char *bytes, size_t length)
{
    if (side->session)
        return receive_sealed(side, bytes, length);
    ssize_t got = recv(side->watcher.descriptor, bytes, length, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? SIDE_WAITS : SIDE_BROKEN;
    return got;
}

static ssize_t send_sealed(struct side *side, const char *bytes, size_t length)
{
    size_t sent = 0;
    while (sent < length) {
        ssize_t done = gnutls_record_send(side->session, bytes + sent, length - sent);
        if (passes((int)done))
            break;
        if (done < 0)
            return SIDE_BROKEN;
        sent += (size_t)done;
    }
    return (ssize_t)sent;
}

ssize_t side_send(struct side *side, const char *bytes, size_t length)
{
    if (side->session)
        return send_sealed(side, bytes, length);
    ssize_t sent = send(side->watcher.descriptor, bytes, length, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : SIDE_BROKEN;
    return sent;
}

void side_finish(struct side *side)
{
    if (side->session)
        gnutls_bye(side->session, GNUTLS_SHUT_WR);
    shutdown(side->watcher.descriptor, SHUT_WR);
}

void side_close(int events, struct side *side, bool abruptly)
{
    struct linger reset = {1, 0};
    if (side->session)
        gnutls_deinit(side->session);
    side->session = NULL;
    if (abruptly && side->watcher.descriptor >= 0)
        setsockopt(side->watcher.descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    watcher_close(events, &side->watcher);
}

int side_shake(int events, struct side *side)
{
    int status = gnutls_handshake(side->session);
    while (status < 0 && !passes(status) && !gnutls_error_is_fatal(status))
        status = gnutls_handshake(side->session);
    if (status < 0 && !passes(status))
        return SIDE_BROKEN;
    if (status == GNUTLS_E_SUCCESS)
        return 1;
    watch_for(events, &side->watcher, gnutls_record_get_direction(side->session) ? EPOLLOUT : EPOLLIN);
    return 0;
}
