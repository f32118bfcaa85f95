/* What a host says of itself: first on the public side, then through the tunnel. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/hosts/gauges.h"
#include "configserver/hosts/nonces.h"
#include "configserver/hosts/spec.h"
#include "configserver/records/life.h"
#include "identity/athenz.h"
#include "zone/host_spec.h"

#include <string.h>

int read_body(struct http_request *request, const struct record *record, void *object, struct error *err)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    return record_parse(record, http_request_arena(request), body, length, object, err);
}

enum http_answer respond_record(struct http_request *request, const struct record *record, const void *object)
{
    http_respond_json(request, 200, record_write(record, object));
    return HTTP_ANSWERED;
}

const struct host *calling_host(struct http_request *request, const struct view *view)
{
    const struct principal *principal = http_request_peer(request);
    struct zone *zone = http_request_server_context(request);
    if (!principal || principal->kind != PRINCIPAL_HOST ||
        !text_equal(principal->provider, zone_provider_name(http_request_arena(request), &zone->id)))
        return NULL;
    const struct host *host = view_host_of_instance(view, principal->instance_id);
    bool lives = host && host->state > HOST_WANTED && host->state < HOST_TERMINATING;
    return lives && text_equal(host->tenant, principal->tenant) ? host : NULL;
}

static int check_challenge(const struct view *view, const struct challenge_request *asked, struct error *err)
{
    const struct host *host = view_find(view, RECORD_HOST, asked->hostname);
    if (host && host->state == HOST_WANTED)
        return error_set(err, ERROR_UNAVAILABLE,
                         "ask again in a moment"); /* not yet written down as launched */
    if (!host || host->state != HOST_PROVISIONED || !text_equal(host->instance_id, asked->instance_id))
        return error_set(err, ERROR_FORBIDDEN, "no host that is to prove itself has this name and instance");
    return 0;
}

enum http_answer issue_challenge(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct challenge_request asked = {0};
    struct challenge challenge;
    if (!nonces_may_ask(zone->nonces, http_request_address_text(request))) {
        error_set(&err, ERROR_THROTTLED, "too many questions from this address");
        return http_fail(request, &err);
    }
    VIEW(view, zone->repository);
    if (read_body(request, &challenge_request_record, &asked, &err) < 0 ||
        check_challenge(view, &asked, &err) < 0) {
        log_info("challenge refused", "hostname", asked.hostname, "address",
                 http_request_address_text(request), "reason", err.message, NULL);
        return http_fail(request, &err);
    }
    challenge.nonce = nonce_give(zone->nonces, http_request_arena(request), asked.hostname, asked.instance_id,
                                 &challenge.expires_at);
    if (!challenge.nonce) {
        error_set(&err, ERROR_THROTTLED, "too many hosts are proving themselves");
        return http_fail(request, &err);
    }
    return respond_record(request, &challenge_record, &challenge);
}

/* The host is a peer before it is answered, so that its first packet through the tunnel is let in. */
static int admit_key(struct zone *zone, const char *hostname, const char *key, const char *address,
                     struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (!host || host->state == HOST_WANTED || host->state >= HOST_TERMINATING)
        return error_set(err, ERROR_FORBIDDEN, "host %s is on its way out", hostname);
    view_each(transaction_view(transaction), RECORD_HOST, struct host, other)
        if (text_equal(other->wireguard_key, key) && !text_equal(other->hostname, hostname))
            return error_set(err, ERROR_CONFLICT, "another host has this key");
    struct host next = *host;
    next.wireguard_key = key;
    if (!text_equal(host->wireguard_key, key))
        transaction_put(transaction, RECORD_HOST, &next);
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    const struct tunnel_peer peer = {.public_key = key, .address = address};
    return zone->peers->set(zone->peers->context, &peer, err);
}

static int take_key(struct http_request *request, struct wireguard_peers *peers, struct error *err)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    struct wireguard_key published = {0};
    VIEW(view, zone->repository);
    const struct host *host = calling_host(request, view);
    if (!host)
        return error_set(err, ERROR_FORBIDDEN, "no host of this zone");
    if (read_body(request, &wireguard_key_record, &published, err) < 0)
        return -1;
    if (!tunnel_is_key(published.key))
        return error_set(err, ERROR_INVALID, "\"key\" is not a WireGuard public key");
    struct wireguard_peer *ours = arena_alloc(arena, sizeof *ours);
    *ours = (struct wireguard_peer){
        .hostname = arena_format(arena, "cfg%lld.%s." HOST_DOMAIN_SUFFIX, (long long)zone->config->index,
                                 zone->config->zone),
        .key = zone->peers->public_key(zone->peers->context),
        .endpoint = arena_format(arena, "[%s]:%d", zone->config->address, TUNNEL_PORT),
        .address = zone_configserver_address(arena, zone),
    };
    if (!ours->key)
        return error_set(err, ERROR_UNAVAILABLE, "our tunnel is not up yet");
    *peers =
        (struct wireguard_peers){zone_host_address(arena, zone, host->index), ZONE_PREFIX_LENGTH, ours, 1};
    return admit_key(zone, host->hostname, published.key, peers->address, err);
}

enum http_answer publish_key(struct http_request *request)
{
    struct error err = {0};
    struct wireguard_peers peers;
    if (take_key(request, &peers, &err) < 0)
        return http_fail(request, &err);
    return respond_record(request, &wireguard_peers_record, &peers);
}

enum http_answer set_ready(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    struct host next = host ? *host : (struct host){0};
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    if (!host)
        error_set(&err, ERROR_NOT_FOUND, "no host %s", hostname);
    else if (host_apply(&next, HOST_REACHED_US, &cause, &err) == 0) {
        if (next.state != host->state) {
            transaction_put(transaction, RECORD_HOST, &next);
            application_tell(zone, transaction, host->application, "info",
                             "Host %s is ready: its tunnel is up", hostname);
        }
        if (transaction_commit(&transaction, &err) == 0) {
            http_respond_json(request, 200, json_pack("{s:s}", "message", host_state_names[next.state]));
            return HTTP_ANSWERED;
        }
    }
    return http_fail(request, &err);
}

/* A host may say what the report's table lists, and nothing else. */
static int check_members(struct http_request *request, struct error *err)
{
    size_t length;
    json_t *json;
    const char *name;
    json_t *value;
    const char *body = http_request_body(request, &length);
    if (json_parse(http_request_arena(request), body, length, &json, err) < 0)
        return -1;
    json_object_foreach(json, name, value) {
        const struct field *field = node_report_record.fields;
        while (field->name && !text_equal(field->name, name))
            field++;
        if (!field->name)
            return error_set(err, ERROR_FORBIDDEN, "a host may not set '%.80s'", name);
    }
    return 0;
}

static bool is_status(const char *text)
{
    static const char *const statuses[] = {"up", "down", "starting", "stopped"};
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (text_equal(text, statuses[i]))
            return true;
    return false;
}

static int report_node(struct zone *zone, struct transaction *transaction, const struct node *node,
                       const struct node_report *report, struct error *err)
{
    if (report->service_status && !is_status(report->service_status))
        return error_set(err, ERROR_INVALID, "\"serviceStatus\" must be up, down, starting or stopped");
    struct node next = *node;
    next.current_image = report->current_image ? report->current_image : node->current_image;
    next.vespa_version = report->vespa_version ? report->vespa_version : node->vespa_version;
    next.reports = report->reports ? report->reports : node->reports;
    if (report->current_restart_generation > node->current_restart_generation)
        next.current_restart_generation = report->current_restart_generation;
    if (report->service_status) {
        next.service_status = report->service_status;
        next.status_message = report->status_message;
    }
    struct arena *arena = transaction_arena(transaction);
    const struct record *record = record_kind_record(RECORD_NODE);
    if (text_equal(record_text(record, arena, node), record_text(record, arena, &next)))
        return 0;
    transaction_put(transaction, RECORD_NODE, &next);
    if (!text_equal(node->service_status, next.service_status))
        application_tell(zone, transaction, node->application, "info", "Node %s (%s) is %s%s%s",
                         node->hostname, node->cluster, next.service_status,
                         text_empty(next.status_message) ? "" : ": ",
                         text_empty(next.status_message) ? "" : next.status_message);
    return 0;
}

static int report_host(struct zone *zone, struct transaction *transaction, const struct host *host,
                       const struct node_report *report)
{
    struct host next = *host;
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    if (!report->drained || host_apply(&next, HOST_DRAINED, &cause, NULL) < 0)
        return 0; /* says again what we know, or drained before it was asked to: the next report tells */
    transaction_put(transaction, RECORD_HOST, &next);
    application_tell(zone, transaction, host->application, "info", "Host %s archived its last logs",
                     host->hostname);
    return 0;
}

enum http_answer take_report(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct node_report report = {.current_restart_generation = -1};
    const char *hostname = http_request_parameter(request, "hostname");
    if (check_members(request, &err) < 0 || read_body(request, &node_report_record, &report, &err) < 0)
        return http_fail(request, &err);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    const struct node *node = transaction_find(transaction, RECORD_NODE, hostname);
    int result = host   ? report_host(zone, transaction, host, &report)
                 : node ? report_node(zone, transaction, node, &report, &err)
                        : error_set(&err, ERROR_NOT_FOUND, "no host or node %s", hostname);
    if (result < 0 || transaction_commit(&transaction, &err) < 0)
        return http_fail(request, &err);
    http_respond_json(request, 200, json_pack("{s:o}", "message", json_sprintf("Updated %s", hostname)));
    return HTTP_ANSWERED;
}

enum http_answer take_metrics(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct metrics_report report = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    if (read_body(request, &metrics_report_record, &report, &err) < 0)
        return http_fail(request, &err);
    VIEW(view, zone->repository);
    const struct node *node = view_node_of(view, hostname);
    for (size_t i = 0; i < report.metric_count; i++)
        if (report.metrics[i].node && !(node && text_equal(node->hostname, report.metrics[i].node))) {
            error_set(&err, ERROR_FORBIDDEN, "metric '%s' is of a node that is not on this host",
                      report.metrics[i].name);
            return http_fail(request, &err);
        }
    gauges_put(zone->gauges, hostname, &report);
    http_respond(request, 204, NULL, NULL, 0);
    return HTTP_ANSWERED;
}
