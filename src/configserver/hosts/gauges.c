#include "configserver/hosts/gauges.h"

#include "base/clock.h"
#include "base/table.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
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

/* One line of the exposition; sorted by name so that a family stands together under its type. */
struct sample {
    const char *name, *type, *labels;
    double value;
};

struct samples {
    struct arena *arena;
    struct sample *items;
    size_t count, capacity;
};

static void add_sample(struct samples *samples, const char *name, const char *type, const char *labels,
                       double value)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? samples->capacity * 2 : 256;
        samples->items = memory_resize(samples->items, samples->capacity, sizeof *samples->items);
    }
    samples->items[samples->count++] = (struct sample){name, type, labels, value};
}

static const char *prometheus_name(struct arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *at = copy; *at; at++)
        if (*at == '.')
            *at = '_';
    return copy;
}

static void add_host(struct samples *samples, const struct host_gauges *gauges, const struct host *host)
{
    struct application_id names;
    application_names(samples->arena, host->application, &names);
    const char *of = arena_format(
        samples->arena, "host=\"%s\",tenant=\"%s\",application=\"%s\",instance=\"%s\",cluster=\"%s\"",
        host->hostname, names.tenant, names.application, names.instance, host->cluster);
    add_sample(samples, "enclave_host_heard_timestamp_seconds", "gauge", of, (double)gauges->heard_ms / 1000);
    for (size_t i = 0; i < gauges->report.metric_count; i++) {
        const struct metric *metric = &gauges->report.metrics[i];
        const char *labels =
            metric->node ? arena_format(samples->arena, "%s,node=\"%s\"", of, metric->node) : of;
        add_sample(samples, prometheus_name(samples->arena, metric->name),
                   text_equal(metric->type, "counter") ? "counter" : "gauge", labels, metric->value);
    }
}

static void add_states(struct samples *samples, const struct view *view, enum record_kind kind,
                       const char *name, const char *const *states, int (*state_of)(const void *record))
{
    for (int state = 0; states[state]; state++) {
        size_t count = 0;
        view_each(view, kind, void, record)
            count += state_of(record) == state;
        add_sample(samples, name, "gauge", arena_format(samples->arena, "state=\"%s\"", states[state]),
                   (double)count);
    }
}

static int host_state_of(const void *record)
{
    return ((const struct host *)record)->state;
}

static int node_state_of(const void *record)
{
    return ((const struct node *)record)->state;
}

static int load_balancer_state_of(const void *record)
{
    return ((const struct load_balancer *)record)->state;
}

static void add_zone(struct samples *samples, const struct view *view)
{
    add_states(samples, view, RECORD_HOST, "enclave_hosts", host_state_names, host_state_of);
    add_states(samples, view, RECORD_NODE, "enclave_nodes", node_state_names, node_state_of);
    add_states(samples, view, RECORD_LOAD_BALANCER, "enclave_load_balancers", load_balancer_state_names,
               load_balancer_state_of);
    add_sample(samples, "enclave_applications", "gauge", "", (double)view_count(view, RECORD_APPLICATION));
    add_sample(samples, "enclave_accounts", "gauge", "", (double)view_count(view, RECORD_ACCOUNT));
}

static int compare_samples(const void *a, const void *b)
{
    const struct sample *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->labels, right->labels);
}

/* Of the hosts that there are; the others are forgotten. */
static void add_hosts(struct samples *samples, struct gauges *gauges, const struct view *view)
{
    struct table kept = {0};
    size_t at = 0;
    pthread_mutex_lock(&gauges->lock);
    for (struct host_gauges *of; (of = table_each(&gauges->hosts, &at));) {
        const struct host *host = view_find(view, RECORD_HOST, of->hostname);
        if (host) {
            add_host(samples, of, host);
            table_set(&kept, of->hostname, of);
        } else {
            drop_host(of);
        }
    }
    table_free(&gauges->hosts);
    gauges->hosts = kept;
    pthread_mutex_unlock(&gauges->lock);
}

void gauges_print(struct gauges *gauges, const struct view *view, struct buffer *text)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct samples samples = {.arena = arena};
    add_zone(&samples, view);
    add_hosts(&samples, gauges, view);
    qsort(samples.items, samples.count, sizeof *samples.items, compare_samples);
    for (size_t i = 0; i < samples.count; i++) {
        const struct sample *sample = &samples.items[i];
        if (i == 0 || !text_equal(sample->name, samples.items[i - 1].name))
            buffer_format(text, "# TYPE %s %s\n", sample->name, sample->type);
        if (text_empty(sample->labels))
            buffer_format(text, "%s %.15g\n", sample->name, sample->value);
        else
            buffer_format(text, "%s{%s} %.15g\n", sample->name, sample->labels, sample->value);
    }
    free(samples.items);
}
