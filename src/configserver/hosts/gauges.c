#include "configserver/hosts/gauges.h"

#include "base/clock.h"
#include "base/table.h"
#include "base/text.h"

#include <pthread.h>
#include <string.h>

/* A container may be anyone's and call its measurements as it likes, another way each time: whoever scrapes
 * us would keep them all. */
enum { OWN_NAMES_MOST = 100 };

/* There are dozens of each of thousands of hosts: they share the names. */
struct measured {
    const char *name; /* a declared family's, or one of the host's `own_names` */
    double value;
    bool own, of_node;
};

struct host_gauges {
    char *hostname, *node; /* the one on it; NULL */
    struct measured *measured;
    size_t count;
    int64_t heard_ms;
    char **own_names; /* that its node's container ever used, OWN_NAMES_MOST at most */
    size_t own_name_count;
    size_t refused; /* of the report: of another name */
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
    for (size_t i = 0; i < host->own_name_count; i++)
        free(host->own_names[i]);
    free(host->own_names);
    free(host->measured);
    free(host->node);
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

/* "vespa.host.load1" is Prometheus' vespa_host_load1. */
static const char *prometheus_name(struct arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *at = copy; *at; at++)
        if (*at == '.')
            *at = '_';
    return copy;
}

/* One of the container's own names that is new is remembered as long as there is room. NULL: not let in. */
static const char *kept_name(struct host_gauges *host, const char *name)
{
    const char *declared = text_starts(name, "vespa_") ? metric_family_name(name) : NULL;
    if (declared || !metric_family_is_containers(name))
        return declared;
    for (size_t i = 0; i < host->own_name_count; i++)
        if (text_equal(host->own_names[i], name))
            return host->own_names[i];
    if (host->own_name_count == OWN_NAMES_MOST)
        return NULL;
    host->own_names = memory_resize(host->own_names, host->own_name_count + 1, sizeof *host->own_names);
    return host->own_names[host->own_name_count++] = memory_strdup(name);
}

static void take_node(struct host_gauges *host, const char *node)
{
    if (!node || text_equal(host->node, node))
        return;
    free(host->node);
    host->node = memory_strdup(node);
}

static void take_report(struct host_gauges *host, const struct metrics_report *report)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (report->metric_count > 0)
        host->measured = memory_resize(host->measured, report->metric_count, sizeof *host->measured);
    host->count = host->refused = 0;
    for (size_t i = 0; i < report->metric_count; i++) {
        const struct metric *metric = &report->metrics[i];
        const char *name = kept_name(host, prometheus_name(arena, metric->name));
        take_node(host, metric->node);
        if (name)
            host->measured[host->count++] =
                (struct measured){name, metric->value, !metric_family_name(name), metric->node != NULL};
        else
            host->refused++;
    }
}

void gauges_put(struct gauges *gauges, const char *hostname, const struct metrics_report *report)
{
    pthread_mutex_lock(&gauges->lock);
    struct host_gauges *host = table_get(&gauges->hosts, hostname);
    if (!host) {
        host = memory_alloc(sizeof *host);
        host->hostname = memory_strdup(hostname);
        table_set(&gauges->hosts, host->hostname, host);
    }
    take_report(host, report);
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

/* What is added outlives our lock, and so the host's own names. */
static void add_host(struct exposition *exposition, struct arena *arena, const struct host_gauges *gauges,
                     const struct host *host)
{
    struct application_id names;
    application_names(arena, host->application, &names);
    const char *of =
        arena_format(arena, "host=\"%s\",tenant=\"%s\",application=\"%s\",instance=\"%s\",cluster=\"%s\"",
                     host->hostname, names.tenant, names.application, names.instance, host->cluster);
    exposition_add(exposition, "enclave_host_heard_timestamp_seconds", of, (double)gauges->heard_ms / 1000);
    const char *of_node = gauges->node ? arena_format(arena, "%s,node=\"%s\"", of, gauges->node) : of;
    for (size_t i = 0; i < gauges->count; i++) {
        const struct measured *measured = &gauges->measured[i];
        const char *name = measured->own ? arena_strdup(arena, measured->name) : measured->name;
        exposition_add(exposition, name, measured->of_node ? of_node : of, measured->value);
    }
}

void gauges_add(struct gauges *gauges, const struct view *view, struct arena *arena,
                struct exposition *exposition)
{
    size_t refused = 0, at = 0, gone_count = 0;
    pthread_mutex_lock(&gauges->lock);
    struct host_gauges **gone = arena_alloc(arena, (gauges->hosts.count + 1) * sizeof *gone);
    for (struct host_gauges *each; (each = table_each(&gauges->hosts, &at));) {
        const struct host *host = view_find(view, RECORD_HOST, each->hostname);
        if (!host) {
            gone[gone_count++] = each;
            continue;
        }
        add_host(exposition, arena, each, host);
        refused += each->refused;
    }
    for (size_t i = 0; i < gone_count; i++)
        drop_host(table_take(&gauges->hosts, gone[i]->hostname));
    pthread_mutex_unlock(&gauges->lock);
    exposition_add(exposition, "enclave_metrics_refused", "", (double)refused);
}
