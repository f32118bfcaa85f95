#include "configserver/hosts/polls.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/hosts/spec.h"
#include "identity/key.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct poll {
    struct poll *next;
    struct http_request *request;
    char *hostname, *application;
    int64_t generation, deadline_ms; /* monotonic */
    bool look;                       /* its application changed, or it has just come */
};

struct changed {
    struct changed *next;
    char *application;
};

struct seen {
    struct seen *next;
    char *hostname;
    char hash[65];
    int64_t generation;
};

enum { SEEN_BUCKETS = 1024 };

struct polls {
    struct zone *zone;
    pthread_mutex_t lock; /* everything below but `waiting` */
    pthread_cond_t changed;
    struct poll *arrived;
    struct changed *changes; /* applications, since the thread looked last */
    bool stopping, started;
    struct seen *seen[SEEN_BUCKETS];
    pthread_t thread;
    struct poll *waiting; /* of the thread alone */
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
    for (size_t i = 0; i < SEEN_BUCKETS; i++)
        while (old->seen[i]) {
            struct seen *seen = old->seen[i];
            old->seen[i] = seen->next;
            free(seen->hostname);
            free(seen);
        }
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

static bool holds(const struct changed *changes, const char *application)
{
    for (; changes; changes = changes->next)
        if (text_equal(changes->application, application))
            return true;
    return false;
}

static void drop_changes(struct changed *changes)
{
    while (changes) {
        struct changed *next = changes->next;
        free(changes->application);
        free(changes);
        changes = next;
    }
}

void polls_look(struct polls *polls, const char *const *applications, size_t count)
{
    pthread_mutex_lock(&polls->lock);
    for (size_t i = 0; i < count && polls->started; i++) {
        if (holds(polls->changes, applications[i]))
            continue;
        struct changed *changed = memory_alloc(sizeof *changed);
        *changed = (struct changed){polls->changes, memory_strdup(applications[i])};
        polls->changes = changed;
    }
    pthread_cond_signal(&polls->changed);
    pthread_mutex_unlock(&polls->lock);
}

static void forget_gone(struct polls *polls, struct seen **at)
{
    VIEW(view, polls->zone->repository);
    while (*at) {
        struct seen *seen = *at;
        if (view_find(view, RECORD_HOST, seen->hostname)) {
            at = &seen->next;
            continue;
        }
        *at = seen->next;
        free(seen->hostname);
        free(seen);
    }
}

static int64_t generation_of(struct polls *polls, const char *hostname, const char *hash)
{
    size_t bucket = 5381;
    for (const char *at = hostname; *at; at++)
        bucket = bucket * 33 + (unsigned char)*at;
    pthread_mutex_lock(&polls->lock);
    struct seen **head = &polls->seen[bucket % SEEN_BUCKETS], *seen = *head;
    while (seen && !text_equal(seen->hostname, hostname))
        seen = seen->next;
    if (!seen) {
        forget_gone(polls, head);
        seen = memory_alloc(sizeof *seen);
        seen->hostname = memory_strdup(hostname);
        seen->next = *head;
        *head = seen;
    }
    if (!text_equal(seen->hash, hash)) {
        int64_t now = zone_now_ms(polls->zone);
        seen->generation = now > seen->generation ? now : seen->generation + 1;
        memcpy(seen->hash, hash, sizeof seen->hash);
    }
    int64_t generation = seen->generation;
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
    if (polls_spec(polls, poll->hostname, arena, &text, &generation, &err) < 0)
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

static void drop_poll(struct poll *poll)
{
    free(poll->hostname);
    free(poll->application);
    free(poll);
}

static void answer_waiting(struct polls *polls, const struct changed *changes, bool everyone)
{
    int64_t now = clock_monotonic_ms();
    for (struct poll **at = &polls->waiting; *at;) {
        struct poll *poll = *at;
        bool over = everyone || now >= poll->deadline_ms;
        bool look = over || poll->look || holds(changes, poll->application);
        poll->look = false;
        if (!look || !try_answer(polls, poll, over)) {
            at = &poll->next;
            continue;
        }
        *at = poll->next;
        drop_poll(poll);
    }
}

static struct timespec next_deadline(const struct polls *polls)
{
    int64_t first = clock_monotonic_ms() + POLL_LONGEST_S * 1000;
    for (const struct poll *poll = polls->waiting; poll; poll = poll->next)
        if (poll->deadline_ms < first)
            first = poll->deadline_ms;
    return (struct timespec){first / 1000, first % 1000 * 1000000};
}

static void *run(void *context)
{
    struct polls *polls = context;
    pthread_setname_np(pthread_self(), "polls");
    for (bool stopping = false; !stopping;) {
        struct timespec until = next_deadline(polls);
        pthread_mutex_lock(&polls->lock);
        while (!polls->changes && !polls->arrived && !polls->stopping &&
               pthread_cond_timedwait(&polls->changed, &polls->lock, &until) != ETIMEDOUT)
            continue;
        struct changed *changes = take(&polls->changes);
        stopping = polls->stopping;
        struct poll **end = &polls->waiting;
        while (*end)
            end = &(*end)->next;
        *end = take(&polls->arrived);
        pthread_mutex_unlock(&polls->lock);
        answer_waiting(polls, changes, stopping);
        drop_changes(changes);
    }
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
    drop_changes(take(&polls->changes));
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

/* Parks the request; what changed since we looked is looked at once more by the thread. */
static enum http_answer wait_for_change(struct polls *polls, struct http_request *request, int64_t had,
                                        int64_t wait_s)
{
    VIEW(view, polls->zone->repository);
    const char *hostname = http_request_parameter(request, "hostname");
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    struct poll *poll = memory_alloc(sizeof *poll);
    *poll = (struct poll){
        .request = request,
        .hostname = memory_strdup(hostname),
        .application = memory_strdup(host ? host->application : ""),
        .generation = had,
        .deadline_ms = clock_monotonic_ms() + wait_s * 1000,
        .look = true,
    };
    pthread_mutex_lock(&polls->lock);
    bool serving = polls->started && !polls->stopping;
    if (serving) {
        poll->next = polls->arrived;
        polls->arrived = poll;
        pthread_cond_signal(&polls->changed);
    }
    pthread_mutex_unlock(&polls->lock);
    if (serving)
        return HTTP_LATER;
    drop_poll(poll);
    http_respond(request, 304, NULL, NULL, 0);
    return HTTP_ANSWERED;
}

enum http_answer get_spec(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct polls *polls = zone->polls;
    struct error err = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    int64_t had, wait_s, generation;
    char *text;
    if (read_question(request, &had, &wait_s, &err) < 0 ||
        polls_spec(polls, hostname, http_request_arena(request), &text, &generation, &err) < 0)
        return http_fail(request, &err);
    if (generation != had || wait_s == 0) {
        if (generation == had)
            http_respond(request, 304, NULL, NULL, 0);
        else
            http_respond_text(request, 200, "application/json", text);
        return HTTP_ANSWERED;
    }
    return wait_for_change(polls, request, had, wait_s);
}
