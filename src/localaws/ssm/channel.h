/* An active session: what it leads to in the instance, its stream of messages, and the WebSocket by which its
 * client is there, or was. A client that lost its connection comes back with a new token.
 *
 *   made by StartSession ── a client opens it with the token ──► attached ⇄ detached ──► ended
 *
 * Whoever is attached has a thread, which alone touches stream and target. Everything else is under the
 * region's lock. */
#ifndef LOCALAWS_SSM_CHANNEL_H
#define LOCALAWS_SSM_CHANNEL_H

#include "aws/session_stream.h"
#include "localaws/plane/enter.h"
#include "localaws/ssm/agent.h"
#include "net/websocket.h"

#include <stdatomic.h>

enum { CHANNEL_TOKEN = 64 };

/* What the session leads to: a socket or a terminal, which is written without waiting. */
struct target {
    int descriptor; /* -1: not open */
    struct plane_process process;
    struct buffer to_write;
    size_t written;
};

struct channel {
    struct agent *agent;
    char *session_id, *instance, *command;
    enum session_kind kind;
    uint16_t port;
    json_t *properties; /* for the client: what kind of port */
    bool reconnects;    /* a port that is connected to whenever there is something to say */

    unsigned references; /* the session's and the connection's */
    char token[CHANNEL_TOKEN + 1];
    bool attached, opened; /* now; ever */
    int64_t detached_ms;
    int64_t idle_limit_ms, until_ms; /* 0: none; monotonic */
    char *farewell;
    atomic_bool ending;
    atomic_llong active_ms; /* when bytes last came or went */
    int wake;               /* eventfd, for the attached thread */
    struct channel *next_dead;

    /* The attached thread's. */
    struct session_stream *stream;
    struct websocket *frames; /* the connection's; NULL: no client is there */
    struct target target;
    bool asked, ready, target_ended;
};

/* With the region's lock held. */
struct channel *channel_new(struct agent *agent, const struct session *session);
void channel_release(struct channel *channel);
void channel_new_token(struct channel *channel);
void channel_end(struct channel *channel, const char *farewell); /* soon */
struct channel *channel_find(struct region *region, const char *session_id, struct session **session);
void session_over(struct region *region, struct session *session); /* session.c: only its record is left */
json_t *session_opening(struct call *call,
                        const struct session *session); /* session.c: StartSession's answer */
/* Frees those nobody holds any more; without the lock, since what they lead to may take its time to end. */
void channels_bury(struct channel *dead);

/* To the client that has just attached: what the session is, or what it has not acknowledged yet. */
void channel_greet(struct channel *channel);

/* target.c. -1 with what to tell the client. */
int target_open(struct channel *channel, struct error *err);
void target_close(struct target *target);
struct target target_none(void); /* not open */
void target_put(struct target *target, const char *bytes, size_t length);
/* Writes what it takes; -1: it is gone. */
int target_flush(struct target *target);
size_t target_held(const struct target *target);
void target_resize(struct target *target, const char *json, size_t length);

/* connection.c: a client comes in, without a signature: the token it sends first opens the session. */
enum http_answer ssm_open_channel(struct http_request *request);

#endif
