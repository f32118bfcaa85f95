#include "configserver/hosts/gauges.h"

#include "base/clock.h"
#include "base/table.h"
#include "base/text.h"

#include <pthread.h>
#include <string.h>

struct host_gauges {
    char *hostname;
    struct arena *arena;
    struct metrics_report report;
    int64_t heard_ms;
};

struct gauges {
    pthread_mutex_t lock; /* the table and what is in it */
    struct table hosts;   /* of struct host_gauges */
};

struct gauges *gauges_new(void)
{
    struct gauges *gauges = memory_alloc(sizeof *gauges);
    pthread_mutex_init(&gauges->lock, NULL);
    return gauges;
}

static void drop_host(struct host_gauges *host)
{
    arena_free(&host->arena);
    free(host->hostname);
    free(host);
}

void gauges_free(struct gauges **gauges)
{
    struct gauges *old = *gauges;
    *gauges = NULL;
    if (!old)
        return;
    size_t at = 0;
    for (struct host_gauges *host; (host = table_each(&old->hosts, &at));)
        drop_host(host);
    table_free(&old->hosts);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

void gauges_put(struct gauges *gauges, const char *hostname, const struct metrics_report *report)
{
    struct arena *arena = arena_new();
    struct metrics_report copy = *report;
    copy.metrics = arena_alloc(arena, report->metric_count * sizeof *copy.metrics);
    for (size_t i = 0; i < report->metric_count; i++) {
        const struct metric *metric = &report->metrics[i];
        copy.metrics[i] =
            (struct metric){arena_strdup(arena, metric->name), metric->value,
                            arena_strdup(arena, metric->type), arena_strdup(arena, metric->node)};
    }
    pthread_mutex_lock(&gauges->lock);
    struct host_gauges *host = table_get(&gauges->hosts, hostname);
    if (!host) {
        host = memory_alloc(sizeof *host);
        host->hostname = memory_strdup(hostname);
        table_set(&gauges->hosts, host->hostname, host);
    }
    arena_free(&host->arena);
    host->arena = arena;
    host->report = copy;
    host->heard_ms = clock_now_ms();
    pthread_mutex_unlock(&gauges->lock);
}

int64_t gauges_heard(struct gauges *gauges, const char *hostname)
{
    pthread_mutex_lock(&gauges->lock);
    const struct host_gauges *host = table_get(&gauges->hosts, hostname);
    int64_t heard = host ? host->heard_ms : 0;
    pthread_mutex_unlock(&gauges->lock);
    return heard;
}

/* "vespa.host.load1" is Prometheus' vespa_host_load1. */
static const char *prometheus_name(struct arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *at = copy; *at; at++)
        if (*at == '.')
            *at = '_';
    return copy;
}

/* Returns how many of its measurements are of no known family. */
static size_t add_host(struct exposition *exposition, struct arena *arena, const struct host_gauges *gauges,
                       const struct host *host)
{
    struct application_id names;
    size_t refused = 0;
    application_names(arena, host->application, &names);
    const char *of =
        arena_format(arena, "host=\"%s\",tenant=\"%s\",application=\"%s\",instance=\"%s\",cluster=\"%s\"",
                     host->hostname, names.tenant, names.application, names.instance, host->cluster);
    exposition_add(exposition, "enclave_host_heard_timestamp_seconds", of, (double)gauges->heard_ms / 1000);
    for (size_t i = 0; i < gauges->report.metric_count; i++) {
        const struct metric *metric = &gauges->report.metrics[i];
        const char *labels = metric->node ? arena_format(arena, "%s,node=\"%s\"", of, metric->node) : of;
        const char *name = prometheus_name(arena, metric->name);
        if (!text_starts(name, "vespa_") || !exposition_add(exposition, name, labels, metric->value))
            refused++;
    }
    return refused;
}

void gauges_add(struct gauges *gauges, const struct view *view, struct arena *arena,
                struct exposition *exposition)
{
    size_t refused = 0, at = 0, gone_count = 0;
    pthread_mutex_lock(&gauges->lock);
    struct host_gauges **gone = arena_alloc(arena, (gauges->hosts.count + 1) * sizeof *gone);
    for (struct host_gauges *each; (each = table_each(&gauges->hosts, &at));) {
        const struct host *host = view_find(view, RECORD_HOST, each->hostname);
        if (host)
            refused += add_host(exposition, arena, each, host);
        else
            gone[gone_count++] = each;
    }
    for (size_t i = 0; i < gone_count; i++)
        drop_host(table_take(&gauges->hosts, gone[i]->hostname));
    pthread_mutex_unlock(&gauges->lock);
    exposition_add(exposition, "enclave_metrics_refused", "", (double)refused);
}
