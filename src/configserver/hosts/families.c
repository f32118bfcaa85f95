#include "configserver/hosts/families.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define GAUGE   "gauge"
#define COUNTER "counter"

/* clang-format off */
static const struct metric_family families[] = {
    {"enclave_accounts",                     GAUGE,   "AWS accounts that were deployed to once."},
    {"enclave_applications",                 GAUGE,   "Applications, by how far their last deployment has come."},
    {"enclave_cloud_calls_total",            COUNTER, "Calls to the cloud, by family and what became of them, since this server started."},
    {"enclave_commits_total",                COUNTER, "Changes of the zone's records since it began, as far as this server knows."},
    {"enclave_config_server_epoch",          GAUGE,   "Epoch of this server's last leadership; it rises with each leader."},
    {"enclave_config_server_lag_seconds",    GAUGE,   "How old this server's copy of the records may be."},
    {"enclave_config_server_leads",          GAUGE,   "1: this server decides; 0: another does, or none."},
    {"enclave_host_heard_timestamp_seconds", GAUGE,   "When a host last sent measurements, since the epoch."},
    {"enclave_hosts",                        GAUGE,   "Hosts, by where in their life they are."},
    {"enclave_hosts_down",                   GAUGE,   "Hosts that are silent."},
    {"enclave_hosts_held_back",              GAUGE,   "Hosts that are broken and not replaced yet: as many replacements are under way as the limits allow."},
    {"enclave_hosts_leaving_wanted",         GAUGE,   "Hosts that are to be replaced and to leave."},
    {"enclave_hosts_refused",                GAUGE,   "Hosts for which the cloud's last answer was a refusal."},
    {"enclave_hosts_suspended",              GAUGE,   "Hosts that are allowed to be down."},
    {"enclave_load_balancers",               GAUGE,   "Load balancers, by where in their life they are."},
    {"enclave_load_balancers_refused",       GAUGE,   "Load balancers for which the cloud's last answer was a refusal."},
    {"enclave_metrics_refused",              GAUGE,   "Measurements of hosts that are of no family known, or of one name too many, in this scrape."},
    {"enclave_nodes",                        GAUGE,   "Nodes, by where in their life they are."},
    {"enclave_nodes_down",                   GAUGE,   "Nodes whose service does not answer."},
    {"enclave_nodes_retired",                GAUGE,   "Nodes that serve still and are to leave."},
    {"vespa_host_agent_cpu_seconds_total",   COUNTER, "Processor time of the host's agent."},
    {"vespa_host_agent_rss_bytes",           GAUGE,   "Resident memory of the host's agent."},
    {"vespa_host_disk_free_bytes",           GAUGE,   "Space left on the host's data volume."},
    {"vespa_host_disk_total_bytes",          GAUGE,   "Size of the host's data volume."},
    {"vespa_host_identity_left_seconds",     GAUGE,   "How long the host's certificate is still valid."},
    {"vespa_host_load1",                     GAUGE,   "Processes that run or wait to, over the last minute."},
    {"vespa_host_memory_available_bytes",    GAUGE,   "Memory the host has left."},
    {"vespa_host_memory_total_bytes",        GAUGE,   "Memory of the host."},
    {"vespa_host_spec_generation",           GAUGE,   "Generation of the last spec that the host has."},
    {"vespa_node_cpu_seconds_total",         COUNTER, "Processor time of the node's first process."},
    {"vespa_node_logs_archived_bytes_total", COUNTER, "Bytes of logs in the archive."},
    {"vespa_node_logs_archived_files_total", COUNTER, "Files of logs in the archive."},
    {"vespa_node_logs_failures_total",       COUNTER, "Uploads of logs that failed."},
    {"vespa_node_logs_pending_bytes",        GAUGE,   "Bytes of logs not yet in the archive."},
    {"vespa_node_logs_pending_files",        GAUGE,   "Files of logs not yet in the archive."},
    {"vespa_node_rss_bytes",                 GAUGE,   "Resident memory of the node's first process."},
    {"vespa_node_up",                        GAUGE,   "1: the node's service answers."},
};
/* clang-format on */

#define OF_CONTAINERS "vespa_node_"
static const char *const help_of_containers = "As the application's own container says.";

const struct metric_family *metric_families(size_t *count)
{
    *count = COUNT_OF(families);
    return families;
}

struct sample {
    const struct metric_family *family; /* NULL: a container's own */
    const char *name, *labels;
    double value;
    size_t order;
};

struct exposition {
    struct sample *samples;
    size_t count, capacity;
};

static void free_samples(void *exposition)
{
    free(((struct exposition *)exposition)->samples);
}

struct exposition *exposition_begin(struct arena *arena)
{
    struct exposition *exposition = arena_alloc(arena, sizeof *exposition);
    arena_defer(arena, free_samples, exposition);
    return exposition;
}

static int compare_name(const void *name, const void *family)
{
    return strcmp(name, ((const struct metric_family *)family)->name);
}

static const struct metric_family *find_family(const char *name)
{
    return bsearch(name, families, COUNT_OF(families), sizeof *families, compare_name);
}

const char *metric_family_name(const char *name)
{
    const struct metric_family *family = find_family(name);
    return family ? family->name : NULL;
}

bool metric_family_is_containers(const char *name)
{
    return text_starts(name, OF_CONTAINERS) && !find_family(name);
}

bool exposition_add(struct exposition *exposition, const char *family, const char *labels, double value)
{
    const struct metric_family *known = find_family(family);
    if (!known && !metric_family_is_containers(family))
        return false;
    if (exposition->count == exposition->capacity) {
        exposition->capacity = exposition->capacity ? exposition->capacity * 2 : 256;
        exposition->samples =
            memory_resize(exposition->samples, exposition->capacity, sizeof *exposition->samples);
    }
    exposition->samples[exposition->count] = (struct sample){known, family, labels, value, exposition->count};
    exposition->count++;
    return true;
}

static int compare_samples(const void *a, const void *b)
{
    const struct sample *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order == 0)
        order = strcmp(left->labels, right->labels);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static void print_heading(const struct sample *sample, struct buffer *text)
{
    const char *type = text_ends(sample->name, "_total") ? COUNTER : GAUGE;
    buffer_format(text, "# HELP %s %s\n# TYPE %s %s\n", sample->name,
                  sample->family ? sample->family->help : help_of_containers, sample->name,
                  sample->family ? sample->family->type : type);
}

void exposition_print(struct exposition *exposition, struct buffer *text)
{
    struct sample *samples = exposition->samples;
    if (exposition->count)
        qsort(samples, exposition->count, sizeof *samples, compare_samples);
    for (size_t i = 0; i < exposition->count; i++) {
        bool same_family = i > 0 && text_equal(samples[i].name, samples[i - 1].name);
        if (same_family && text_equal(samples[i].labels, samples[i - 1].labels))
            continue;
        if (!same_family)
            print_heading(&samples[i], text);
        if (text_empty(samples[i].labels))
            buffer_format(text, "%s %.15g\n", samples[i].name, samples[i].value);
        else
            buffer_format(text, "%s{%s} %.15g\n", samples[i].name, samples[i].labels, samples[i].value);
    }
}
