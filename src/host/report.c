/* Tells the config servers how the host and its nodes are. What changed is told at once, over a connection of
 * its own; what did not, now and then, because they may have forgotten, and with it the measurements: between
 * two polls, over the connection that stays (line.h). */
#include "host/agent.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "host/configserver.h"
#include "host/faults.h"
#include "host/line.h"
#include "host/maintenance.h"
#include "host/metrics.h"
#include "host/node.h"
#include "sia/sia.h"

#include <string.h>

enum {
    TELL_TIMEOUT_MS = 6 * 1000, /* then another config server is asked; both before we count as silent */
    END_TIMEOUT_MS = 1000,
    TELL_AGAIN_MS = 60 * 1000,
    /* Measurements are the heartbeat: three lost in a row are silence to the config servers. They are asked
     * for a little before the poll ends that began after the last, so that they are told between two, every
     * ten seconds; if none ends for so long, without waiting for one. */
    ROUTINE_EVERY_MS = 9 * 1000,
    ROUTINE_PATIENCE_MS = 4 * 1000,
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
    int64_t routine_ms; /* monotonic, of the last one; 0: none yet */
    struct faults faults;
    bool routine; /* what was told long ago is told again, */
    bool on_line; /* over the line: it is ours */
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
    bool again = reporter->routine && now - told->at_ms >= TELL_AGAIN_MS;
    if (text_equal(told->text, text) && !again)
        return 0;
    struct http_reply reply;
    const struct question question = {.method = HTTP_PATCH,
                                      .path = arena_format(arena, "/nodes/v2/node/%s", hostname),
                                      .body = text,
                                      .timeout_ms = TELL_TIMEOUT_MS,
                                      .on_line = reporter->on_line};
    if (configserver_call(reporter->agent, &question, arena, &reply, err) < 0)
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

static int push_metrics(struct reporter *reporter, struct arena *arena, const char *metrics,
                        struct error *err)
{
    struct agent *agent = reporter->agent;
    struct http_reply reply;
    const struct question question = {.method = HTTP_POST,
                                      .path =
                                          arena_format(arena, "/metrics/v1/host/%s", agent->config.hostname),
                                      .body = metrics,
                                      .timeout_ms = TELL_TIMEOUT_MS,
                                      .on_line = reporter->on_line};
    return configserver_call(agent, &question, arena, &reply, err);
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

/* Of the nodes and of the host, what was not told yet. */
static int tell_all(struct reporter *reporter, struct arena *arena, struct error *err)
{
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
    return 0;
}

/* All that is due again, and the measurements, which take a moment to gather: before the line is waited for.
 * Nothing is told when something changed meanwhile, which is to be told first. */
static int tell_routine(struct reporter *reporter, struct arena *arena, uint64_t seen, struct error *err)
{
    struct agent *agent = reporter->agent;
    struct metrics_report report;
    metrics_gather(agent, arena, &report);
    const char *metrics = record_text(&metrics_report_record, arena, &report);
    reporter->on_line = line_take_before_poll(agent, &agent->view_changes, seen,
                                              reporter->routine_ms ? ROUTINE_PATIENCE_MS : 0);
    if (!reporter->on_line && agent_counter(agent, &agent->view_changes) != seen)
        return 0;
    reporter->routine = true;
    int result = tell_all(reporter, arena, err);
    if (result == 0)
        result = push_metrics(reporter, arena, metrics, err);
    if (result == 0)
        reporter->routine_ms = clock_monotonic_ms();
    if (reporter->on_line)
        line_give(agent);
    reporter->on_line = reporter->routine = false;
    return result;
}

static int64_t until_routine(const struct reporter *reporter)
{
    int64_t due = reporter->routine_ms + ROUTINE_EVERY_MS;
    return reporter->routine_ms ? due - clock_monotonic_ms() : 0;
}

static int report_pass(struct reporter *reporter, uint64_t seen, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (tell_all(reporter, arena, err) < 0)
        return -1;
    return until_routine(reporter) <= 0 ? tell_routine(reporter, arena, seen, err) : 0;
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
        if (report_pass(&reporter, seen, &err) == 0) {
            int64_t wait = until_routine(&reporter);
            backoff_reset(&backoff);
            agent_wait_change(agent, &agent->view_changes, seen, wait > 0 ? wait : 0);
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
    const struct question question = {.method = HTTP_PATCH,
                                      .path =
                                          arena_format(arena, "/nodes/v2/node/%s", agent->config.hostname),
                                      .body = record_text(&node_report_record, arena, &end),
                                      .timeout_ms = END_TIMEOUT_MS};
    if (configserver_call(agent, &question, arena, &reply, &err) < 0)
        log_info("nobody was told of our end", "why", err.message, NULL);
}
