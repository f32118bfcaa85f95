#include "configserver/zone.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/cloud/places.h"
#include "configserver/hosts/admitted.h"
#include "configserver/hosts/gauges.h"
#include "configserver/hosts/hearing.h"
#include "configserver/hosts/nonces.h"
#include "configserver/hosts/polls.h"
#include "configserver/maintain/schedule.h"
#include "identity/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t real_now_ms(void *context)
{
    (void)context;
    return clock_now_ms();
}

static uint64_t real_random(void *context)
{
    (void)context;
    uint64_t number;
    random_bytes(&number, sizeof number);
    return number;
}

const struct environment environment_real = {NULL, real_now_ms, real_random};

int64_t zone_now_ms(const struct zone *zone)
{
    return zone->environment->now_ms(zone->environment->context);
}

int64_t zone_random(const struct zone *zone, int64_t bound)
{
    return (int64_t)(zone->environment->random(zone->environment->context) % (uint64_t)bound);
}

/* As much of it as a record keeps. */
static char *shortened(struct arena *arena, char *text)
{
    enum { MOST = 1000 };
    return strlen(text) > MOST ? arena_format(arena, "%.*s...", (int)text_cut(text, MOST - 3), text) : text;
}

struct cause zone_cause(const struct zone *zone, struct transaction *transaction, enum agent agent,
                        const char *format, ...)
{
    struct cause cause = {transaction_arena(transaction), zone_now_ms(zone), agent, NULL};
    if (!format)
        return cause;
    va_list args;
    va_start(args, format);
    cause.reason = shortened(cause.arena, arena_vformat(cause.arena, format, args));
    va_end(args);
    return cause;
}

static void tell(void *context, const struct touched *touched)
{
    struct zone *zone = context;
    if (touched->late)
        atomic_store(&zone->told_ms, zone_now_ms(zone));
    schedule_touch(zone->schedule, touched);
    polls_look(zone->polls, touched);
}

static const char *make_id(const struct zone *zone, struct arena *arena)
{
    unsigned long long words[2];
    for (size_t i = 0; i < COUNT_OF(words); i++)
        words[i] = zone->environment->random(zone->environment->context);
    return arena_format(arena, "%08llx-%04llx-4%03llx-8%03llx-%012llx", words[0] >> 32,
                        words[0] >> 16 & 0xffff, words[0] & 0xfff, words[1] >> 52, words[1] & 0xffffffffffff);
}

static int ensure_counters(struct zone *zone, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    if (transaction_find(transaction, RECORD_COUNTERS, COUNTERS_KEY))
        return 0;
    const struct counters counters = {
        .name = COUNTERS_KEY,
        .repository_id = make_id(zone, transaction_arena(transaction)),
        .next_host_index = FIRST_HOST_INDEX,
        .next_generation = 1,
    };
    transaction_put(transaction, RECORD_COUNTERS, &counters);
    return transaction_commit(&transaction, err);
}

int zone_lead(struct zone *zone, struct error *err)
{
    char name[16];
    snprintf(name, sizeof name, "cfg%lld", (long long)zone->config->index);
    hearing_begin(zone->hearing, zone_now_ms(zone));
    atomic_store(&zone->told_ms, zone_now_ms(zone));
    if (repository_lead(zone->repository, name, err) < 0 || ensure_counters(zone, err) < 0)
        return -1;
    zone_ring(zone);
    return 0;
}

static int open_repository(struct zone *zone, struct store *store, struct error *err)
{
    if (repository_open(store, &zone->repository, err) < 0)
        return -1;
    repository_on_change(zone->repository, tell, zone);
    return 0;
}

int zone_open(const struct zone_parts *parts, struct zone **zone, struct error *err)
{
    struct zone *opened = memory_alloc(sizeof *opened);
    opened->config = parts->config;
    opened->paced = paced_cloud_new(parts->cloud, parts->environment);
    opened->cloud = paced_cloud_interface(opened->paced);
    opened->places = places_new();
    opened->peers = parts->peers;
    opened->attestor = parts->attestor;
    opened->environment = parts->environment;
    opened->limits = &parts->config->limits;
    opened->nonces = nonces_new(parts->environment);
    opened->gauges = gauges_new();
    opened->hearing = hearing_new(zone_now_ms(opened));
    opened->polls = polls_new(opened);
    opened->admitted = admitted_new(opened);
    opened->schedule = schedule_new(opened);
    if (zone_parse(parts->config->zone, &opened->id, err) < 0 ||
        open_repository(opened, parts->store, err) < 0 || (!parts->follower && zone_lead(opened, err) < 0)) {
        zone_close(&opened);
        return -1;
    }
    *zone = opened;
    return 0;
}

void zone_close(struct zone **zone)
{
    struct zone *old = *zone;
    *zone = NULL;
    if (!old)
        return;
    schedule_free(&old->schedule);
    polls_free(&old->polls);
    repository_close(&old->repository);
    places_free(&old->places);
    paced_cloud_free(&old->paced);
    gauges_free(&old->gauges);
    hearing_free(&old->hearing);
    nonces_free(&old->nonces);
    admitted_free(&old->admitted);
    free(old);
}

void zone_ring(struct zone *zone)
{
    schedule_ring(zone->schedule);
}

void zone_look_at_account(struct zone *zone, const char *account)
{
    schedule_look_at_account(zone->schedule, account);
}

void zone_look_again(struct zone *zone, const char *application, int64_t at_ms)
{
    schedule_look_again(zone->schedule, application, at_ms);
}

const struct counters *zone_counters(const struct view *view)
{
    return view_find(view, RECORD_COUNTERS, COUNTERS_KEY);
}

/* Two zones of one vendor get different networks, so that a host never mistakes one for the other. */
static char *inside_address(struct arena *arena, const struct zone *zone, const char *host_part)
{
    char *hash = sha256_hex(arena, zone->config->zone, strlen(zone->config->zone));
    return arena_format(arena, "fd00:ec1a:%.4s::%s", hash, host_part);
}

char *zone_configserver_address(struct arena *arena, const struct zone *zone, int64_t index)
{
    return inside_address(arena, zone, arena_format(arena, "%llx", (unsigned long long)index));
}

char *zone_host_address(struct arena *arena, const struct zone *zone, int64_t host_index)
{
    return inside_address(arena, zone, arena_format(arena, "1:%llx", (unsigned long long)host_index));
}

void application_tell(struct zone *zone, struct transaction *transaction, const char *application,
                      const char *level, const char *format, ...)
{
    const struct application *old = transaction_find(transaction, RECORD_APPLICATION, application);
    if (!old)
        return;
    struct arena *arena = transaction_arena(transaction);
    va_list args;
    va_start(args, format);
    const char *message = shortened(arena, arena_vformat(arena, format, args));
    va_end(args);
    if (old->log_count > 0 && text_equal(old->log[old->log_count - 1].message, message))
        return; /* the same trouble again is one line */
    struct application next = *old;
    size_t dropped = old->log_count == LOG_LINES_KEPT ? 1 : 0;
    next.log_count = old->log_count - dropped + 1;
    next.log = arena_alloc(arena, next.log_count * sizeof *next.log);
    memcpy(next.log, old->log + dropped, (next.log_count - 1) * sizeof *next.log);
    next.log[next.log_count - 1] = (struct log_line){zone_now_ms(zone), level, message};
    transaction_put(transaction, RECORD_APPLICATION, &next);
    log_info("application", "application", application, "event", message, NULL);
}
