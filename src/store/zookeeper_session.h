/* Our session with the ZooKeeper servers: one client handle at a time, calls on it that each have a bound,
 * and a thread that sees what becomes of the session, tells the owner and opens a new one after its end. The
 * tree's operations are in zookeeper.c. ZooKeeper's client calls us on its own thread, where nothing may
 * wait: there answers are only copied into the calls that wait for them. */
#ifndef STORE_ZOOKEEPER_SESSION_H
#define STORE_ZOOKEEPER_SESSION_H

#include "store/implementation.h"
#include "store/watches.h"

#include <zookeeper/zookeeper.h>

struct session;

/* One call that waits for its answer. It belongs to the caller, or, once the caller has given up, to the
 * answer that may still come. */
struct call {
    struct call *next;
    struct session *session;
    pthread_cond_t woken;
    uint64_t generation; /* of the session it was sent in */
    bool answered, abandoned;
    int rc;
    /* what a read found */
    struct Stat stat;
    char *value;
    size_t length;
    char **names;
    size_t name_count;
    /* what a write is, and what became of each operation */
    zoo_op_t *operations;
    zoo_op_result_t *results;
    size_t count;
};

/* Sends the call, whose completion is one of those below; ZOK or why it was not sent. Runs under the
 * session's lock. */
typedef int call_sender(zhandle_t *handle, struct call *call, void *context);

struct telling {
    struct session *session;
    enum store_session what;
    uint64_t posted, told;
};

struct session {
    char *servers;
    int timeout_ms;
    store_session_changed *changed;
    void *context;
    struct store *store;
    struct watches *watches;
    pthread_t thread;
    pthread_mutex_t mutex; /* protects everything below */
    pthread_cond_t wake;   /* state, generation, `told` or `stopping` changed, or the client has news */
    zhandle_t *handle;     /* NULL between two sessions and when closed */
    enum store_session state;
    uint64_t generation; /* rises with each end of a session */
    bool fresh;          /* the handle is of a session after the last end */
    bool interrupted;    /* it was not connected in between: we may have slept through it */
    int64_t suspended_ms;
    uint64_t lost_writes,
        settled_writes; /* of unknown outcome; of those: before the last answer of the leader */
    struct call *calls; /* sent and not yet answered */
    struct telling tellings[STORE_EXPIRED + 1];
    bool stopping, deaf; /* deaf: watches are being stopped */
};

/* Waits for the first connection; session_stop also after an error. */
int session_start(struct session *session, struct error *err);
void session_stop(struct session *session);

struct call *call_new(struct session *session);
void call_free(struct call **call); /* what was sent must have been answered or abandoned */

enum call_outcome {
    CALL_ANSWERED, /* call->rc says how */
    CALL_NOT_SENT, /* nothing happened */
    CALL_UNKNOWN,  /* sent, and no answer; the call is not the caller's any more: *call is NULL */
};
/* Waits until `deadline_ms` (monotonic) for the connection and for the answer, in the session of that
 * generation only. */
enum call_outcome call_make(struct call **call, call_sender *send, void *context, uint64_t generation,
                            int64_t deadline_ms);
uint64_t session_generation(struct session *session);

/* Completions: the calls' answers come through these. Their last argument is the call. */
void call_done(int rc, const void *call);
void call_done_stat(int rc, const struct Stat *stat, const void *call);
void call_done_value(int rc, const char *value, int length, const struct Stat *stat, const void *call);
void call_done_names(int rc, const struct String_vector *names, const void *call);
void call_done_text(int rc, const char *text, const void *call);

/* Watchers of the client: `context` is the session. */
void session_value_changed(zhandle_t *handle, int type, int state, const char *path, void *context);
void session_children_changed(zhandle_t *handle, int type, int state, const char *path, void *context);

#endif
