/* One of a connection's two sockets, in the clear or with TLS over it: receiving, sending and closing are the
 * same for both. */
#ifndef LOCALAWS_PLANE_SIDE_H
#define LOCALAWS_PLANE_SIDE_H

#include "localaws/plane/balance.h"

#include <sys/types.h>

struct side {
    struct watcher watcher; /* first: an event's watcher is the side */
    struct connection *connection;
    gnutls_session_t session; /* NULL: in the clear */
};

enum { SIDE_BROKEN = -1, SIDE_WAITS = -2 };
/* Bytes; 0 at the peer's orderly end; SIDE_WAITS when there is nothing now. */
ssize_t side_receive(struct side *side, char *bytes, size_t length);
/* How many were taken, which may be none. After fewer than `length` the rest is to be sent next, the same
 * bytes. SIDE_BROKEN. */
ssize_t side_send(struct side *side, const char *bytes, size_t length);
void side_finish(struct side *side); /* nothing more will be sent */
void side_close(int events, struct side *side, bool abruptly);
/* 1 when done, 0 when it goes on with the next event, for which it is now watched; SIDE_BROKEN. */
int side_shake(int events, struct side *side);

#endif
