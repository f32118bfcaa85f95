/* Tells the config servers how the host and its nodes are: at once when it changes, now and then when it does
 * not, because they may have forgotten; and metrics in between. */
#include "host/agent.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "host/configserver.h"
#include "host/faults.h"
#include "host/maintenance.h"
#include "host/metrics.h"
#include "host/node.h"
#include "sia/sia.h"

#include <string.h>

enum {
    TELL_TIMEOUT_MS = 6 * 1000, /* then another config server is asked; both before we count as silent */
    END_TIMEOUT_MS = 1000,
    TELL_AGAIN_MS = 60 * 1000,
    METRICS_EVERY_MS = 10 * 1000, /* the heartbeat: three lost in a row are silence to the config servers */
    RETRY_FIRST_MS = 500,
    RETRY_MOST_MS = 5 * 1000,
};

/* What was last told of one hostname. */
struct told {
    struct told *next;
    char *hostname, *text;
    int64_t at_ms; /* monotonic */
};

struct reporter {
    struct agent *agent;
    struct told *told;
    int64_t metrics_ms; /* monotonic, last push */
    struct faults faults;
};

static struct told *told_of(struct reporter *reporter, const char *hostname)
{
    for (struct told *told = reporter->told; told; told = told->next)
        if (text_equal(told->hostname, hostname))
            return told;
    struct told *told = memory_alloc(sizeof *told);
    *told = (struct told){.next = reporter->told, .hostname = memory_strdup(hostname)};
    reporter->told = told;
    return told;
}

static int tell(struct reporter *reporter, struct arena *arena, const char *hostname,
                const struct node_report *report, struct error *err)
{
    struct told *told = told_of(reporter, hostname);
    const char *text = record_text(&node_report_record, arena, report);
    int64_t now = clock_monotonic_ms();
    if (text_equal(told->text, text) && now - told->at_ms < TELL_AGAIN_MS)
        return 0;
    struct http_reply reply;
    const char *path = arena_format(arena, "/nodes/v2/node/%s", hostname);
    if (configserver_call(reporter->agent, HTTP_PATCH, path, text, TELL_TIMEOUT_MS, arena, &reply, err) < 0)
        return -1;
    free(told->text);
    told->text = memory_strdup(text);
    told->at_ms = now;
    return 0;
}

/* The DNS names, beside its own, in the certificate that the node's container is given. */
static void read_certificate_names(struct reporter *reporter, struct arena *arena, const char *hostname,
                                   struct node_report *report)
{
    struct node_paths paths;
    struct certificate certificate;
    node_paths_of(reporter->agent, arena, hostname, &paths);
    if (certificate_load(arena, sia_certificate_path(arena, paths.identity), &certificate, NULL) < 0)
        return;
    report->certificate_names =
        arena_alloc(arena, CERTIFICATE_NAMES_MOST * sizeof *report->certificate_names);
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && certificate.names.dns[i]; i++)
        if (!text_equal(certificate.names.dns[i], hostname))
            report->certificate_names[report->certificate_name_count++] = certificate.names.dns[i];
}

static int tell_node(struct reporter *reporter, struct arena *arena, const struct node_view *view,
                     struct error *err)
{
    struct node_report report = {
        .current_image = view->image[0] ? view->image : NULL,
        .current_restart_generation = view->restart_generation,
        .service_status = view->status,
        .status_message = view->message[0] ? view->message : NULL,
        .current_reboot_generation = -1,
        .config_checksum = view->config[0] ? view->config : NULL,
        .data_moved = view->data_moved,
        .drained = view->drained,
    };
    read_certificate_names(reporter, arena, view->hostname, &report);
    return tell(reporter, arena, view->hostname, &report, err);
}

static int push_metrics(struct reporter *reporter, struct arena *arena, struct error *err)
{
    struct agent *agent = reporter->agent;
    struct metrics_report report;
    struct http_reply reply;
    metrics_gather(agent, arena, &report);
    const char *path = arena_format(arena, "/metrics/v1/host/%s", agent->config.hostname);
    return configserver_call(agent, HTTP_POST, path, record_text(&metrics_report_record, arena, &report),
                             TELL_TIMEOUT_MS, arena, &reply, err);
}

/* A refusal of one report must not cost the heartbeat; nobody there costs everything anyway. */
static bool is_fatal(const char *hostname, const struct error *err)
{
    if (err->kind != ERROR_UNAVAILABLE && err->kind != ERROR_THROTTLED)
        log_warning("a report was refused", "of", hostname, "error", err->message, NULL);
    return err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_THROTTLED;
}

/* What is wrong with the machine, and what AWS announces of it. */
static json_t *look_for_reports(struct reporter *reporter, struct arena *arena)
{
    struct agent *agent = reporter->agent;
    char announced[ANNOUNCED_LONGEST];
    json_t *reports = faults_look(&reporter->faults, arena, agent->settings.state);
    pthread_mutex_lock(&agent->lock);
    memcpy(announced, agent->announced, sizeof announced);
    pthread_mutex_unlock(&agent->lock);
    announced_report(reports, announced);
    return reports;
}

static int report_pass(struct reporter *reporter, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct agent *agent = reporter->agent;
    struct node_view *views = NULL;
    bool drained = false;
    size_t count = agent_views(agent, arena, &views, &drained);
    for (size_t i = 0; i < count; i++)
        if (views[i].wanted && tell_node(reporter, arena, &views[i], err) < 0 &&
            is_fatal(views[i].hostname, err))
            return -1;
    struct node_report host = {
        .current_restart_generation = -1,
        .current_reboot_generation = maintenance_reboot_generation(agent, arena),
        .reports = look_for_reports(reporter, arena),
        .service_status = "up",
        .drained = drained,
    };
    if (tell(reporter, arena, agent->config.hostname, &host, err) < 0 &&
        is_fatal(agent->config.hostname, err))
        return -1;

    int64_t now = clock_monotonic_ms();
    if (reporter->metrics_ms && now - reporter->metrics_ms < METRICS_EVERY_MS)
        return 0;
    if (push_metrics(reporter, arena, err) < 0)
        return -1;
    reporter->metrics_ms = now;
    return 0;
}

void *report_thread(void *context)
{
    struct reporter reporter = {.agent = context};
    struct agent *agent = context;
    struct backoff backoff = {.first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS};
    agent_wait_for(agent, FACT_TUNNEL | FACT_IDENTITY);
    for (;;) {
        uint64_t seen = agent_counter(agent, &agent->view_changes);
        struct error err = {0};
        if (report_pass(&reporter, &err) == 0) {
            backoff_reset(&backoff);
            agent_wait_change(agent, &agent->view_changes, seen, METRICS_EVERY_MS);
        } else {
            log_warning("config servers were not told", "error", err.message, NULL);
            clock_sleep_ms(backoff_next(&backoff, agent->config.hostname));
        }
    }
}

void report_end(struct agent *agent)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct node_report end = {
        .service_status = "stopped", .current_restart_generation = -1, .current_reboot_generation = -1};
    struct http_reply reply;
    struct error err = {0};
    if (!agent_has(agent, FACT_TUNNEL) || !agent_has(agent, FACT_IDENTITY))
        return;
    const char *path = arena_format(arena, "/nodes/v2/node/%s", agent->config.hostname);
    if (configserver_call(agent, HTTP_PATCH, path, record_text(&node_report_record, arena, &end),
                          END_TIMEOUT_MS, arena, &reply, &err) < 0)
        log_info("nobody was told of our end", "why", err.message, NULL);
}
