#include "base/clock.h"
#include "store/zookeeper_session.h"

#include <string.h>
#include <time.h>

struct call *call_new(struct session *session)
{
    struct call *call = memory_alloc(sizeof *call);
    pthread_condattr_t attributes;
    call->session = session;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&call->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    return call;
}

void call_free(struct call **call)
{
    if (!*call)
        return;
    struct call *gone = take(call);
    for (size_t i = 0; i < gone->count; i++)
        if (gone->operations[i].type == ZOO_CREATE_OP)
            free(gone->operations[i].create_op.buf);
    for (size_t i = 0; i < gone->name_count; i++)
        free(gone->names[i]);
    free(gone->names);
    free(gone->value);
    free(gone->operations);
    free(gone->results);
    pthread_cond_destroy(&gone->woken);
    free(gone);
}

static struct timespec moment(int64_t monotonic_ms)
{
    return (struct timespec){.tv_sec = monotonic_ms / 1000, .tv_nsec = (monotonic_ms % 1000) * 1000000};
}

static void unlink_call(struct session *session, struct call *call)
{
    struct call **at = &session->calls;
    while (*at && *at != call)
        at = &(*at)->next;
    if (*at)
        *at = call->next;
}

/* Until we are connected in the session of that generation; the mutex is held. */
static bool wait_for_connection(struct session *session, uint64_t generation, int64_t deadline_ms)
{
    struct timespec deadline = moment(deadline_ms);
    while (session->generation == generation && !session->stopping && session->state == STORE_SUSPENDED &&
           pthread_cond_timedwait(&session->wake, &session->mutex, &deadline) == 0)
        ;
    return session->generation == generation && !session->stopping && session->state == STORE_CONNECTED;
}

static void wait_for_answer(struct session *session, struct call *call, int64_t deadline_ms)
{
    struct timespec deadline = moment(deadline_ms);
    while (!call->answered && session->generation == call->generation &&
           pthread_cond_timedwait(&call->woken, &session->mutex, &deadline) == 0)
        ;
}

enum call_outcome call_make(struct call **call, call_sender *send, void *context, uint64_t generation,
                            int64_t deadline_ms)
{
    struct call *ours = *call;
    struct session *session = ours->session;
    enum call_outcome outcome = CALL_NOT_SENT;
    pthread_mutex_lock(&session->mutex);
    ours->generation = generation;
    ours->answered = false;
    if (wait_for_connection(session, generation, deadline_ms) &&
        send(session->handle, ours, context) == ZOK) {
        ours->next = session->calls;
        session->calls = ours;
        wait_for_answer(session, ours, deadline_ms);
        outcome = ours->answered ? CALL_ANSWERED : CALL_UNKNOWN;
        if (!ours->answered) {
            ours->abandoned = true;
            *call = NULL;
        }
    }
    pthread_mutex_unlock(&session->mutex);
    return outcome;
}

/* The answer's last step; the mutex is held and let go. */
static void finish(struct call *call, int rc)
{
    struct session *session = call->session;
    unlink_call(session, call);
    call->rc = rc;
    call->answered = true;
    if (call->abandoned)
        call_free(&call);
    else
        pthread_cond_signal(&call->woken);
    pthread_mutex_unlock(&session->mutex);
}

/* What a completion works on, with the mutex held. */
static struct call *answered(const void *context)
{
    struct call *call = (struct call *)context;
    pthread_mutex_lock(&call->session->mutex);
    return call;
}

void call_done(int rc, const void *context)
{
    finish(answered(context), rc);
}

void call_done_text(int rc, const char *text, const void *context)
{
    (void)text;
    finish(answered(context), rc);
}

void call_done_stat(int rc, const struct Stat *stat, const void *context)
{
    struct call *call = answered(context);
    if (rc == ZOK && stat)
        call->stat = *stat;
    finish(call, rc);
}

void call_done_value(int rc, const char *value, int length, const struct Stat *stat, const void *context)
{
    struct call *call = answered(context);
    if (rc == ZOK) {
        call->length = length > 0 ? (size_t)length : 0; /* -1 where there is none */
        free(call->value);
        call->value = memory_alloc(call->length + 1);
        if (call->length)
            memcpy(call->value, value, call->length);
        call->stat = *stat;
    }
    finish(call, rc);
}

void call_done_names(int rc, const struct String_vector *names, const void *context)
{
    struct call *call = answered(context);
    if (rc == ZOK && !call->names) {
        call->names = memory_array((size_t)names->count + 1, sizeof *call->names);
        for (int32_t i = 0; i < names->count; i++)
            call->names[call->name_count++] = memory_strdup(names->data[i]);
    }
    finish(call, rc);
}
