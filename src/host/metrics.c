#include "host/metrics.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "host/archive.h"
#include "host/node.h"
#include "host/spec.h"
#include "identity/certificate.h"
#include "sia/sia.h"
#include "zone/names.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    PROC_LARGEST = 64 * 1024,
    NODE_TIMEOUT_MS = 2000,
    NODE_ANSWER_LARGEST = 256 * 1024,
    NODE_METRICS_MOST = 100
};

struct gathering {
    struct agent *agent;
    struct arena *arena;
    struct metrics_report *report;
};

static void add(struct gathering *to, const char *node, const char *name, const char *type, double value)
{
    if (to->report->metric_count == METRICS_MOST)
        return;
    to->report->metrics[to->report->metric_count++] =
        (struct metric){.name = name, .value = value, .type = type, .node = node};
}

static void gather_memory(struct gathering *to)
{
    char *text = NULL;
    size_t length = 0;
    if (file_read(to->arena, "/proc/meminfo", PROC_LARGEST, &text, &length, NULL) < 0)
        return;
    static const struct {
        const char *line, *metric;
    } wanted[] = {
        {"MemTotal:", "vespa.host.memory_total_bytes"},
        {"MemAvailable:", "vespa.host.memory_available_bytes"},
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const char *line = strstr(text, wanted[i].line);
        long long kilobytes = 0;
        if (line && sscanf(line + strlen(wanted[i].line), "%lld kB", &kilobytes) == 1)
            add(to, NULL, wanted[i].metric, "gauge", (double)kilobytes * 1024);
    }
}

static void gather_disk(struct gathering *to)
{
    struct statvfs disk;
    if (statvfs(to->agent->settings.state, &disk) < 0)
        return;
    add(to, NULL, "vespa.host.disk_total_bytes", "gauge", (double)disk.f_blocks * (double)disk.f_frsize);
    add(to, NULL, "vespa.host.disk_free_bytes", "gauge", (double)disk.f_bavail * (double)disk.f_frsize);
}

/* Fields after the command's closing parenthesis, counted from the state (field 3 of proc(5)). */
static void gather_process(struct gathering *to, const char *node, const char *pid, const char *rss_name,
                           const char *cpu_name)
{
    char *text = NULL;
    size_t length = 0;
    const char *path = arena_format(to->arena, "/proc/%s/stat", pid);
    if (file_read(to->arena, path, PROC_LARGEST, &text, &length, NULL) < 0)
        return;
    const char *after = strrchr(text, ')');
    char **fields = NULL;
    size_t count = after ? text_split(to->arena, text_trim(to->arena, after + 1), ' ', &fields) : 0;
    if (count < 22)
        return;
    double ticks = strtod(fields[11], NULL) + strtod(fields[12], NULL);
    add(to, node, cpu_name, "counter", ticks / (double)sysconf(_SC_CLK_TCK));
    add(to, node, rss_name, "gauge", strtod(fields[21], NULL) * (double)sysconf(_SC_PAGESIZE));
}

static void gather_host(struct gathering *to)
{
    struct agent *agent = to->agent;
    double load = 0;
    gather_memory(to);
    gather_disk(to);
    gather_process(to, NULL, "self", "vespa.host.agent_rss_bytes", "vespa.host.agent_cpu_seconds_total");
    if (getloadavg(&load, 1) == 1)
        add(to, NULL, "vespa.host.load1", "gauge", load);

    struct certificate certificate;
    const char *path = sia_certificate_path(to->arena, agent_path(agent, to->arena, "identity"));
    if (certificate_load(to->arena, path, &certificate, NULL) == 0)
        add(to, NULL, "vespa.host.identity_left_seconds", "gauge",
            (double)(certificate.not_after_ms - clock_now_ms()) / 1000);
    struct host_spec spec;
    if (spec_load(agent, to->arena, &spec, NULL) == 0)
        add(to, NULL, "vespa.host.spec_generation", "gauge", (double)spec.generation);
}

static void gather_archive(struct gathering *to, const char *node, const char *label)
{
    struct archive_counts counts = archive_counts(to->agent->archive, label);
    add(to, node, "vespa.node.logs_archived_files_total", "counter", (double)counts.files);
    add(to, node, "vespa.node.logs_archived_bytes_total", "counter", (double)counts.bytes);
    add(to, node, "vespa.node.logs_failures_total", "counter", (double)counts.failures);
    add(to, node, "vespa.node.logs_pending_files", "gauge", (double)counts.pending_files);
    add(to, node, "vespa.node.logs_pending_bytes", "gauge", (double)counts.pending_bytes);
}

static bool is_metric_name(const char *name)
{
    return !text_empty(name) && strlen(name) <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
           text_only(name, "a-z0-9_.");
}

/* What the node says of itself, as Vespa's /state/v1/metrics: a container may be anyone's, so few and
 * well-formed only. */
static void gather_own_words(struct gathering *to, const struct node_view *node, const struct node_spec *spec)
{
    struct http_call call = {
        .method = HTTP_GET,
        .url = arena_format(to->arena, "https://[%s]:%d/state/v1/metrics", spec->address, NODE_PORT),
        .timeout_ms = NODE_TIMEOUT_MS,
        .connect_timeout_ms = NODE_TIMEOUT_MS,
        .answer_limit = NODE_ANSWER_LARGEST,
        .check_context = arena_format(to->arena, "%s.%s", spec->athenz_domain, spec->athenz_service),
    };
    struct http_reply reply;
    json_t *body = NULL, *value;
    if (http_call(to->agent->peers, &call, to->arena, &reply, NULL) < 0 || reply.status != 200 ||
        json_parse(to->arena, reply.body, reply.length, &body, NULL) < 0)
        return;
    size_t i, taken = 0;
    json_array_foreach(json_object_get(json_object_get(body, "metrics"), "values"), i, value) {
        const char *name = json_member_text(value, "name");
        json_t *last = json_object_get(json_object_get(value, "values"), "last");
        if (is_metric_name(name) && json_is_number(last) && taken++ < NODE_METRICS_MOST)
            add(to, node->hostname, arena_format(to->arena, "vespa.node.%s", name),
                text_ends(name, "_total") ? "counter" : "gauge", json_number_value(last));
    }
}

static const struct node_spec *spec_of(const struct host_spec *host, const char *hostname)
{
    for (size_t i = 0; i < host->node_count; i++)
        if (text_equal(host->nodes[i].hostname, hostname))
            return &host->nodes[i];
    return NULL;
}

static void gather_node(struct gathering *to, const struct node_view *node, const struct node_spec *spec)
{
    const char *label = arena_strndup(to->arena, node->hostname, strcspn(node->hostname, "."));
    add(to, node->hostname, "vespa.node.up", "gauge", node->up ? 1 : 0);
    if (node->pid > 0)
        gather_process(to, node->hostname, arena_format(to->arena, "%lld", (long long)node->pid),
                       "vespa.node.rss_bytes", "vespa.node.cpu_seconds_total");
    gather_archive(to, node->hostname, label);
    if (node->up)
        gather_own_words(to, node, spec);
}

void metrics_gather(struct agent *agent, struct arena *arena, struct metrics_report *report)
{
    *report = (struct metrics_report){
        .at = clock_now_ms(),
        .metrics = arena_alloc(arena, METRICS_MOST * sizeof *report->metrics),
    };
    struct gathering to = {.agent = agent, .arena = arena, .report = report};
    struct node_view *views = NULL;
    struct host_spec spec = {0};
    bool drained = false;
    gather_host(&to);
    size_t count = agent_views(agent, arena, &views, &drained);
    if (spec_load(agent, arena, &spec, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct node_spec *node = spec_of(&spec, views[i].hostname);
        if (node) /* config servers take nothing of nodes they no longer know */
            gather_node(&to, &views[i], node);
    }
}
