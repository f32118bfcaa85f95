#include "configserver/hosts/polls.h"

#include "base/clock.h"
#include "base/heap.h"
#include "base/table.h"
#include "base/text.h"
#include "configserver/hosts/spec.h"
#include "identity/key.h"

#include <string.h>
#include <time.h>

/* A request that is answered when the host's spec is another than `generation`, or its time is over. */
struct poll {
    struct heap_item deadline; /* first; monotonic ms */
    struct poll *next;         /* of its host */
    struct polled *host;
    struct http_request *request;
    int64_t generation;
};

/* A host that asked once. */
struct polled {
    char *hostname;
    char hash[65]; /* of the spec it had last, and the generation of that */
    int64_t generation;
    uint64_t touches; /* how often its records changed since it asked first */
    struct poll *polls;
    struct polled *next_touched;
    bool touched; /* in the list of those to be looked at */
    bool busy;    /* the thread looks at it now, and has its polls */
};

struct polls {
    struct zone *zone;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    struct table hosts;
    struct heap deadlines;
    struct polled *touched;
    bool stopping, started;
    pthread_t thread;
};

struct polls *polls_new(struct zone *zone)
{
    struct polls *polls = memory_alloc(sizeof *polls);
    polls->zone = zone;
    pthread_mutex_init(&polls->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&polls->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return polls;
}

void polls_free(struct polls **polls)
{
    struct polls *old = *polls;
    *polls = NULL;
    if (!old)
        return;
    polls_stop(old);
    size_t at = 0;
    for (struct polled *host; (host = table_each(&old->hosts, &at));) {
        free(host->hostname);
        free(host);
    }
    table_free(&old->hosts);
    heap_free(&old->deadlines);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

/* With the lock, as all that follows until it is said otherwise. */
static struct polled *polled_host(struct polls *polls, const char *hostname)
{
    struct polled *host = table_get(&polls->hosts, hostname);
    if (!host) {
        host = memory_alloc(sizeof *host);
        host->hostname = memory_strdup(hostname);
        table_set(&polls->hosts, host->hostname, host);
    }
    return host;
}

/* Its polls are to be looked at. */
static void want_look(struct polls *polls, struct polled *host)
{
    if (host->touched || !host->polls)
        return;
    host->touched = true;
    host->next_touched = polls->touched;
    polls->touched = host;
}

static void touch(struct polls *polls, const struct view *view, const char *hostname)
{
    struct polled *host = table_get(&polls->hosts, hostname);
    if (!host)
        return;
    host->touches++;
    want_look(polls, host);
    if (!host->polls && !host->touched && !host->busy && !view_find(view, RECORD_HOST, hostname)) {
        table_take(&polls->hosts, hostname);
        free(host->hostname);
        free(host);
    }
}

/* Without the lock. */
void polls_look(struct polls *polls, const struct touched *touched)
{
    VIEW(view, polls->zone->repository);
    pthread_mutex_lock(&polls->lock);
    for (size_t i = 0; i < touched->host_count; i++)
        touch(polls, view, touched->hosts[i]);
    for (size_t i = 0; i < touched->reshaped_count; i++)
        view_each_of(view, HOSTS_OF_APPLICATION, touched->reshaped[i], struct host, host)
            touch(polls, view, host->hostname);
    if (polls->touched)
        pthread_cond_signal(&polls->changed);
    pthread_mutex_unlock(&polls->lock);
}

/* Without the lock. */
static int64_t generation_of(struct polls *polls, const char *hostname, const char *hash)
{
    pthread_mutex_lock(&polls->lock);
    struct polled *host = polled_host(polls, hostname);
    if (!text_equal(host->hash, hash)) {
        int64_t now = zone_now_ms(polls->zone);
        host->generation = now > host->generation ? now : host->generation + 1;
        memcpy(host->hash, hash, sizeof host->hash);
    }
    int64_t generation = host->generation;
    pthread_mutex_unlock(&polls->lock);
    return generation;
}

int polls_spec(struct polls *polls, const char *hostname, struct arena *arena, char **text,
               int64_t *generation, struct error *err)
{
    int64_t sequence = repository_sequence(polls->zone->repository); /* not newer than the view */
    VIEW(view, polls->zone->repository);
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    if (!host)
        return error_set(err, ERROR_NOT_FOUND, "no host %s in this zone", hostname);
    struct host_spec spec;
    spec_make(polls->zone, view, host, arena, &spec);
    char *content = record_text(&host_spec_record, arena, &spec);
    spec.generation = *generation =
        generation_of(polls, hostname, sha256_hex(arena, content, strlen(content)));
    spec.sequence = sequence;
    *text = record_text(&host_spec_record, arena, &spec);
    return 0;
}

/* True when the request was answered: its spec changed, is gone, or `give_up`. */
static bool try_answer(struct polls *polls, const struct poll *poll, bool give_up)
{
    struct error err = {0};
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text;
    int64_t generation;
    if (polls_spec(polls, poll->host->hostname, arena, &text, &generation, &err) < 0)
        http_fail(poll->request, &err);
    else if (generation != poll->generation)
        http_respond_text(poll->request, 200, "application/json", text);
    else if (give_up)
        http_respond(poll->request, 304, NULL, NULL, 0);
    else
        return false;
    http_finish(poll->request);
    return true;
}

static void park(struct polls *polls, struct poll *poll)
{
    poll->next = poll->host->polls;
    poll->host->polls = poll;
    heap_set(&polls->deadlines, &poll->deadline, poll->deadline.at);
}

/* Takes the host's polls out, to be looked at without the lock. */
static struct poll *unpark(struct polls *polls, struct polled *host)
{
    struct poll *all = take(&host->polls);
    for (struct poll *poll = all; poll; poll = poll->next)
        heap_remove(&polls->deadlines, &poll->deadline);
    return all;
}

/* One whose records changed, or for whom somebody waited long enough; NULL when there is none. */
static struct polled *next_host(struct polls *polls)
{
    struct polled *host = polls->touched;
    if (host) {
        polls->touched = host->next_touched;
        host->touched = false;
        return host;
    }
    const struct poll *first = (const struct poll *)heap_first(&polls->deadlines);
    bool over = first && (polls->stopping || first->deadline.at <= clock_monotonic_ms());
    return over ? first->host : NULL;
}

static void answer(struct polls *polls, struct polled *host)
{
    struct poll *waiting = unpark(polls, host), *left = NULL;
    int64_t now = clock_monotonic_ms();
    bool everyone = polls->stopping;
    uint64_t touches = host->touches;
    host->busy = true;
    pthread_mutex_unlock(&polls->lock);
    while (waiting) {
        struct poll *poll = waiting;
        waiting = poll->next;
        if (try_answer(polls, poll, everyone || poll->deadline.at <= now)) {
            free(poll);
            continue;
        }
        poll->next = left;
        left = poll;
    }
    pthread_mutex_lock(&polls->lock);
    host->busy = false;
    while (left) {
        struct poll *poll = left;
        left = poll->next;
        park(polls, poll);
    }
    if (host->touches != touches) /* changed while we looked */
        want_look(polls, host);
}

/* Until somebody is to be answered; the first deadline at the latest. */
static void wait_for_work(struct polls *polls)
{
    const struct heap_item *first = heap_first(&polls->deadlines);
    int64_t at = first ? first->at : clock_monotonic_ms() + POLL_LONGEST_S * 1000;
    const struct timespec until = {at / 1000, at % 1000 * 1000000};
    pthread_cond_timedwait(&polls->changed, &polls->lock, &until);
}

static void *run(void *context)
{
    struct polls *polls = context;
    pthread_setname_np(pthread_self(), "polls");
    pthread_mutex_lock(&polls->lock);
    for (;;) {
        struct polled *host = next_host(polls);
        if (host)
            answer(polls, host);
        else if (polls->stopping)
            break;
        else
            wait_for_work(polls);
    }
    pthread_mutex_unlock(&polls->lock);
    return NULL;
}

int polls_start(struct polls *polls, struct error *err)
{
    int result = pthread_create(&polls->thread, NULL, run, polls);
    if (result != 0)
        return error_set(err, ERROR_INTERNAL, "start a thread: %s", strerror(result));
    pthread_mutex_lock(&polls->lock);
    polls->started = true;
    pthread_mutex_unlock(&polls->lock);
    return 0;
}

void polls_stop(struct polls *polls)
{
    if (!polls->started)
        return;
    pthread_mutex_lock(&polls->lock);
    polls->stopping = true;
    pthread_cond_signal(&polls->changed);
    pthread_mutex_unlock(&polls->lock);
    pthread_join(polls->thread, NULL);
    pthread_mutex_lock(&polls->lock);
    polls->started = false;
    pthread_mutex_unlock(&polls->lock);
}

static int read_question(struct http_request *request, int64_t *generation, int64_t *wait_s,
                         struct error *err)
{
    const char *given = http_request_query(request, "generation"),
               *wait = http_request_query(request, "wait");
    *generation = -1;
    *wait_s = 0;
    if (given && text_number(given, 0, INT64_MAX, "generation", generation, err) < 0)
        return -1;
    return wait ? text_number(wait, 0, POLL_LONGEST_S, "wait", wait_s, err) : 0;
}

static uint64_t touches_of(struct polls *polls, const char *hostname)
{
    pthread_mutex_lock(&polls->lock);
    const struct polled *host = table_get(&polls->hosts, hostname);
    uint64_t touches = host ? host->touches : 0;
    pthread_mutex_unlock(&polls->lock);
    return touches;
}

/* Parks the request; when its host was touched since the spec was made it is looked at at once. */
static enum http_answer wait_for_change(struct polls *polls, struct http_request *request, int64_t had,
                                        int64_t wait_s, uint64_t touches)
{
    pthread_mutex_lock(&polls->lock);
    bool serving = polls->started && !polls->stopping;
    if (serving) {
        struct poll *poll = memory_alloc(sizeof *poll);
        *poll = (struct poll){.host = polled_host(polls, http_request_parameter(request, "hostname")),
                              .request = request,
                              .generation = had};
        poll->deadline.at = clock_monotonic_ms() + wait_s * 1000;
        park(polls, poll);
        if (poll->host->touches != touches)
            want_look(polls, poll->host);
        if (poll->host->touched || heap_first(&polls->deadlines) == &poll->deadline)
            pthread_cond_signal(&polls->changed);
    }
    pthread_mutex_unlock(&polls->lock);
    if (serving)
        return HTTP_LATER;
    http_respond(request, 304, NULL, NULL, 0);
    return HTTP_ANSWERED;
}

/* One that waits is thousands', each for most of its time: it keeps nothing that was only needed to look. */
enum http_answer get_spec(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct polls *polls = zone->polls;
    struct error err = {0};
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *hostname = http_request_parameter(request, "hostname");
    int64_t had, wait_s, generation;
    char *text;
    uint64_t touches = touches_of(polls, hostname);
    if (read_question(request, &had, &wait_s, &err) < 0 ||
        polls_spec(polls, hostname, arena, &text, &generation, &err) < 0)
        return http_fail(request, &err);
    if (generation == had && wait_s > 0)
        return wait_for_change(polls, request, had, wait_s, touches);
    if (generation == had)
        http_respond(request, 304, NULL, NULL, 0);
    else
        http_respond_text(request, 200, "application/json", text);
    return HTTP_ANSWERED;
}
