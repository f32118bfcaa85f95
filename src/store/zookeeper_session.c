#include "store/zookeeper_session.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>
#include <time.h>

enum { REOPEN_PAUSE_MS = 500 };

static bool zookeeper_connected(zhandle_t *handle)
{
    return handle && zoo_state(handle) == ZOO_CONNECTED_STATE;
}

static bool zookeeper_over(zhandle_t *handle)
{
    return !handle || is_unrecoverable(handle) != 0;
}

/* What the client says of its connections: for debugging; the state itself we log. */
static void log_client(const char *line)
{
    log_debug("zookeeper client", "line", line, NULL);
}

/* The session's own watcher: the thread looks. Watchers of paths get these events too, and leave them. */
static void session_event(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct session *session = context;
    (void)handle;
    (void)path;
    pthread_mutex_lock(&session->mutex);
    session->interrupted |= type == ZOO_SESSION_EVENT && state != ZOO_CONNECTED_STATE;
    pthread_cond_broadcast(&session->wake);
    pthread_mutex_unlock(&session->mutex);
}

static void path_changed(struct session *session, int type, const char *path, bool children)
{
    if (type == ZOO_SESSION_EVENT)
        return;
    pthread_mutex_lock(&session->mutex);
    if (!session->deaf)
        watches_fire(session->watches, path, children);
    pthread_mutex_unlock(&session->mutex);
}

void session_value_changed(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    (void)handle;
    (void)state;
    path_changed(context, type, path, false);
}

void session_children_changed(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    (void)handle;
    (void)state;
    path_changed(context, type, path, true);
}

/* On the watchers' thread. */
static void tell_owner(void *context, const char *path)
{
    struct telling *telling = context;
    struct session *session = telling->session;
    (void)path;
    if (telling->what == STORE_CONNECTED)
        store_locks_settle(session->store);
    if (session->changed)
        session->changed(session->context, telling->what);
    pthread_mutex_lock(&session->mutex);
    telling->told++;
    pthread_cond_broadcast(&session->wake);
    pthread_mutex_unlock(&session->mutex);
}

static const struct {
    const char *event;
    void (*log)(const char *event, ...);
} state_lines[] = {
    [STORE_CONNECTED] = {"zookeeper connected", log_info},
    [STORE_SUSPENDED] = {"zookeeper does not answer", log_warning},
    [STORE_EXPIRED] = {"zookeeper session over", log_warning},
};

/* The mutex is held in everything below that does not say otherwise. */
static void become(struct session *session, enum store_session state)
{
    struct telling *telling = &session->tellings[state];
    session->state = state;
    telling->posted++;
    watches_post(session->watches, tell_owner, telling);
    pthread_cond_broadcast(&session->wake);
    state_lines[state].log(state_lines[state].event, "servers", session->servers, NULL);
}

/* The calls that wait give up, then the owner is told; no new session before the owner has heard it. */
static void expire(struct session *session)
{
    struct telling *telling = &session->tellings[STORE_EXPIRED];
    session->generation++;
    session->fresh = false;
    for (struct call *call = session->calls; call; call = call->next)
        pthread_cond_signal(&call->woken);
    store_locks_expired(session->store);
    become(session, STORE_EXPIRED);
    while (telling->told < telling->posted && !session->stopping)
        pthread_cond_wait(&session->wake, &session->mutex);
}

/* Lets go of the mutex meanwhile. An old session that still lives ends at once, with its ephemeral records.
 */
static void close_handle(struct session *session)
{
    zhandle_t *handle = take(&session->handle);
    pthread_mutex_unlock(&session->mutex);
    if (handle)
        zookeeper_close(handle); /* waits 3 s at most; no completion comes after it */
    pthread_mutex_lock(&session->mutex);
    while (session->calls) {
        struct call *call = session->calls;
        session->calls = call->next;
        call->rc = ZCLOSING;
        call->answered = true;
        if (call->abandoned)
            call_free(&call);
        else
            pthread_cond_signal(&call->woken);
    }
}

static void open_handle(struct session *session)
{
    pthread_mutex_unlock(&session->mutex);
    zhandle_t *handle = zookeeper_init2(session->servers, session_event, session->timeout_ms, NULL, session,
                                        ZOO_NO_LOG_CLIENTENV, log_client);
    if (handle)
        zoo_set_servers_resolution_delay(handle, -1); /* they are addresses */
    pthread_mutex_lock(&session->mutex);
    session->handle = handle;
    session->fresh = handle != NULL;
}

static void look_at_connected(struct session *session)
{
    if (zookeeper_over(session->handle)) {
        expire(session);
    } else if (!zookeeper_connected(session->handle) || session->interrupted) {
        session->suspended_ms = clock_monotonic_ms();
        become(session, STORE_SUSPENDED);
    }
}

static void look_at_suspended(struct session *session)
{
    session->interrupted = false; /* what interrupts it from now on is news */
    if (zookeeper_connected(session->handle)) {
        become(session, STORE_CONNECTED);
    } else if (zookeeper_over(session->handle) ||
               clock_monotonic_ms() - session->suspended_ms >= session->timeout_ms) {
        expire(session);
    }
}

/* The handle is of the old session until that has ended or can be ended, then of a new one. */
static void look_at_expired(struct session *session)
{
    bool connected = zookeeper_connected(session->handle);
    if (connected && session->fresh) {
        session->interrupted = false;
        become(session, STORE_CONNECTED);
        watches_fire_all(session->watches);
    } else if (connected || zookeeper_over(session->handle)) {
        close_handle(session);
        if (!session->stopping)
            open_handle(session);
    }
}

static void (*const looks[])(struct session *session) = {
    [STORE_CONNECTED] = look_at_connected,
    [STORE_SUSPENDED] = look_at_suspended,
    [STORE_EXPIRED] = look_at_expired,
};

static void wait_until(struct session *session, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = (until_ms % 1000) * 1000000};
    pthread_cond_timedwait(&session->wake, &session->mutex, &until);
}

static void *watch_over(void *argument)
{
    struct session *session = argument;
    pthread_mutex_lock(&session->mutex);
    while (!session->stopping) {
        enum store_session before = session->state;
        looks[before](session);
        if (session->state == before && !session->stopping)
            wait_until(session, clock_monotonic_ms() + REOPEN_PAUSE_MS);
    }
    pthread_mutex_unlock(&session->mutex);
    return NULL;
}

static void session_init(struct session *session)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&session->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&session->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    for (size_t i = 0; i < sizeof session->tellings / sizeof session->tellings[0]; i++) {
        session->tellings[i].session = session;
        session->tellings[i].what = (enum store_session)i;
    }
    session->watches = watches_start();
}

/* Until the first connection; what the owner is told of are changes after it. */
static bool wait_for_first_connection(struct session *session)
{
    int64_t deadline_ms = clock_monotonic_ms() + session->timeout_ms;
    pthread_mutex_lock(&session->mutex);
    while (!zookeeper_connected(session->handle) && clock_monotonic_ms() < deadline_ms)
        wait_until(session, deadline_ms);
    session->interrupted = false;
    bool connected = zookeeper_connected(session->handle);
    pthread_mutex_unlock(&session->mutex);
    return connected;
}

int session_start(struct session *session, struct error *err)
{
    session_init(session);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zoo_deterministic_conn_order(1);
    pthread_mutex_lock(&session->mutex);
    open_handle(session);
    pthread_mutex_unlock(&session->mutex);
    if (!session->handle)
        return error_errno(err, ERROR_INVALID, "ZooKeeper servers \"%s\"", session->servers);
    if (!wait_for_first_connection(session))
        return error_set(err, ERROR_UNAVAILABLE,
                         "no ZooKeeper server of %s lets us in within %d ms: is a majority of them up?",
                         session->servers, session->timeout_ms);
    session->state = STORE_CONNECTED;
    if (pthread_create(&session->thread, NULL, watch_over, session) != 0)
        abort();
    pthread_setname_np(session->thread, "store-session");
    return 0;
}

void session_stop(struct session *session)
{
    pthread_mutex_lock(&session->mutex);
    session->stopping = true;
    session->deaf = true;
    pthread_cond_broadcast(&session->wake);
    pthread_mutex_unlock(&session->mutex);
    if (session->thread)
        pthread_join(session->thread, NULL);
    watches_stop(&session->watches);
    pthread_mutex_lock(&session->mutex);
    close_handle(session);
    pthread_mutex_unlock(&session->mutex);
    pthread_cond_destroy(&session->wake);
    pthread_mutex_destroy(&session->mutex);
}

uint64_t session_generation(struct session *session)
{
    pthread_mutex_lock(&session->mutex);
    uint64_t generation = session->generation;
    pthread_mutex_unlock(&session->mutex);
    return generation;
}
