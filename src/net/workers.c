#include "net/server.h"

#include <stdio.h>

/* Everything here that touches a state or a queue holds server->lock; handlers run without it. */

static void join_flight(struct listener *listener, struct http_request *request)
{
    request->in_flight = true;
    request->next = listener->in_flight;
    request->previous = NULL;
    if (request->next)
        request->next->previous = request;
    listener->in_flight = request;
}

static void enqueue(struct workers *workers, struct http_request *request)
{
    request->queue_next = NULL;
    if (workers->last)
        workers->last->queue_next = request;
    else
        workers->first = request;
    workers->last = request;
    pthread_cond_signal(&workers->more);
}

bool workers_hand_over(struct http_request *request)
{
    struct http_server *server = request->server;
    struct listener *listener = request->connection->listener;
    pthread_mutex_lock(&server->lock);
    bool open = !listener->closing;
    if (open) {
        MHD_suspend_connection(request->mhd);
        atomic_fetch_add(&request->references, 1); /* the handler's, until http_finish */
        request->state = REQUEST_QUEUED;
        join_flight(listener, request);
        enqueue(&server->workers, request);
    }
    pthread_mutex_unlock(&server->lock);
    return open;
}

void http_finish(struct http_request *request)
{
    struct http_server *server = request->server;
    pthread_mutex_lock(&server->lock);
    if (request->state != REQUEST_ABANDONED) {
        request->state = REQUEST_FINISHED;
        MHD_resume_connection(request->mhd);
    }
    pthread_mutex_unlock(&server->lock);
    request_release(request);
}

static void abandon(struct http_request *request)
{
    request->state = REQUEST_ABANDONED;
    MHD_resume_connection(request->mhd);
}

void workers_abandon(struct listener *listener, bool also_running)
{
    for (struct http_request *request = listener->in_flight; request; request = request->next) {
        bool busy = request->state == REQUEST_QUEUED || request->state == REQUEST_RUNNING;
        if (request->state == REQUEST_WAITING || (also_running && busy))
            abandon(request);
    }
}

static struct http_request *take_request(struct workers *workers, pthread_mutex_t *lock)
{
    while (!workers->first && !workers->stopping)
        pthread_cond_wait(&workers->more, lock);
    struct http_request *request = workers->first;
    if (request) {
        workers->first = request->queue_next;
        if (!workers->first)
            workers->last = NULL;
    }
    return request;
}

/* The handler may have finished the request from another thread before it returned: our own reference keeps the
 * state readable. */
static void run(struct http_server *server, struct http_request *request)
{
    atomic_fetch_add(&request->references, 1);
    pthread_mutex_unlock(&server->lock);
    http_handler *handle = server->options.handle ? server->options.handle : request->route->handler;
    enum http_answer answer = handle(request);
    if (answer == HTTP_ANSWERED)
        http_finish(request);
    pthread_mutex_lock(&server->lock);
    if (request->state == REQUEST_RUNNING) {
        request->state = REQUEST_WAITING;
        if (request->connection->listener->closing)
            abandon(request);
    }
    pthread_mutex_unlock(&server->lock);
    request_release(request);
    pthread_mutex_lock(&server->lock);
}

static void *work(void *context)
{
    struct http_server *server = context;
    struct http_request *request;
    pthread_mutex_lock(&server->lock);
    while ((request = take_request(&server->workers, &server->lock))) {
        if (request->state == REQUEST_ABANDONED) {
            pthread_mutex_unlock(&server->lock);
            request_release(request);
            pthread_mutex_lock(&server->lock);
            continue;
        }
        request->state = REQUEST_RUNNING;
        run(server, request);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

int workers_start(struct http_server *server, struct error *err)
{
    struct workers *workers = &server->workers;
    unsigned wanted = server->options.worker_threads ? server->options.worker_threads : 4;
    pthread_cond_init(&workers->more, NULL);
    workers->threads = memory_array(wanted, sizeof *workers->threads);
    char name[16];
    snprintf(name, sizeof name, "%.8s-work", server->options.name ? server->options.name : "http");
    for (; workers->count < wanted; workers->count++) {
        if (pthread_create(&workers->threads[workers->count], NULL, work, server) != 0)
            return error_set(err, ERROR_INTERNAL, "cannot start a worker thread");
        pthread_setname_np(workers->threads[workers->count], name);
    }
    return 0;
}

void workers_stop(struct http_server *server)
{
    struct workers *workers = &server->workers;
    pthread_mutex_lock(&server->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->more);
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    free(workers->threads);
    workers->threads = NULL;
    workers->count = 0;
}
