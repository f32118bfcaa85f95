#include "configserver/simulator/host_link.h"

#include "base/text.h"
#include "configserver/hosts/gauges.h"
#include "configserver/hosts/spec.h"

#include <string.h>

/* What the route table asks of every call: a host we launched and have not given up, by its instance. */
static const struct host *caller(struct process *process, const struct view *view,
                                 const struct sim_instance *instance, struct error *err)
{
    const struct host *host = view_host_of_instance(view, instance->id);
    if (process->dead)
        error_set(err, ERROR_UNAVAILABLE, "the server is gone");
    else if (!host || host->state == HOST_WANTED || host->state >= HOST_TERMINATING ||
             !text_equal(host->hostname, instance->hostname))
        error_set(err, ERROR_FORBIDDEN, "no host of this zone");
    else
        return host;
    return NULL;
}

/* The tunnel lets in whom its peers name. */
static int check_tunnel(const struct process *process, const char *key, struct error *err)
{
    for (size_t i = 0; i < process->key_count; i++)
        if (text_equal(process->keys[i], key))
            return 0;
    return error_set(err, ERROR_UNAVAILABLE, "no answer through the tunnel");
}

/* A change that a dying server made may have been written; its caller does not know. */
static int answer(const struct process *process, int result, struct error *err)
{
    return process->dead ? error_set(err, ERROR_UNAVAILABLE, "the answer is lost") : result;
}

int host_link_publish_key(struct process *process, const struct sim_instance *instance, const char *key,
                          struct error *err)
{
    struct zone *zone = process->zone;
    VIEW(view, zone->repository);
    const struct host *known = caller(process, view, instance, err);
    if (!known)
        return -1;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, known->hostname);
    if (!host || host->state == HOST_WANTED || host->state >= HOST_TERMINATING)
        return error_set(err, ERROR_FORBIDDEN, "host %s is on its way out", known->hostname);
    struct host next = *host;
    next.wireguard_key = key;
    if (!text_equal(host->wireguard_key, key))
        transaction_put(transaction, RECORD_HOST, &next);
    int result = transaction_commit(&transaction, err);
    const struct tunnel_peer peer = {.public_key = key, .address = ""};
    if (result == 0)
        result = zone->peers->set(zone->peers->context, &peer, err);
    return answer(process, result, err);
}

int host_link_ready(struct process *process, const struct sim_instance *instance, const char *key,
                    struct error *err)
{
    struct zone *zone = process->zone;
    VIEW(view, zone->repository);
    const struct host *known = caller(process, view, instance, err);
    if (!known || check_tunnel(process, key, err) < 0)
        return -1;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, known->hostname);
    struct host next = *host;
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    if (host_apply(&next, HOST_REACHED_US, &cause, err) < 0)
        return -1;
    if (next.state != host->state)
        transaction_put(transaction, RECORD_HOST, &next);
    return answer(process, transaction_commit(&transaction, err), err);
}

int host_link_heartbeat(struct process *process, const struct sim_instance *instance, const char *key,
                        struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = caller(process, view, instance, err);
    if (!host || check_tunnel(process, key, err) < 0)
        return -1;
    const struct metrics_report report = {.at = world_now(process->server->world)};
    gauges_put(process->zone->gauges, host->hostname, &report);
    return 0;
}

int host_link_spec(struct process *process, const struct sim_instance *instance, const char *key,
                   struct arena *arena, struct host_spec *spec, struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = caller(process, view, instance, err);
    if (!host || check_tunnel(process, key, err) < 0)
        return -1;
    struct host_spec made = {0};
    spec_make(process->zone, view, host, arena, &made);
    cleanup(memory_free) char *text = NULL;
    json_t *json = record_write(&host_spec_record, &made); /* the view's texts die with it */
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return record_parse(&host_spec_record, arena, text, strlen(text), spec, err);
}

static int report_host(struct transaction *transaction, const struct host *host,
                       const struct node_report *report, const struct cause *cause)
{
    struct host next = *host;
    if (report->drained && host_apply(&next, HOST_DRAINED, cause, NULL) == 0)
        transaction_put(transaction, RECORD_HOST, &next);
    return 0;
}

static int report_node(struct transaction *transaction, const struct node *node,
                       const struct node_report *report)
{
    struct node next = *node;
    next.current_image = report->current_image ? report->current_image : node->current_image;
    next.service_status = report->service_status ? report->service_status : node->service_status;
    next.data_moved = node->data_moved || report->data_moved;
    if (report->certificate_name_count) {
        next.certificate_names = report->certificate_names;
        next.certificate_name_count = report->certificate_name_count;
    }
    transaction_put(transaction, RECORD_NODE, &next);
    return 0;
}

int host_link_report(struct process *process, const struct sim_instance *instance, const char *key,
                     const char *hostname, const struct node_report *report, struct error *err)
{
    struct zone *zone = process->zone;
    VIEW(view, zone->repository);
    const struct host *known = caller(process, view, instance, err);
    if (!known || check_tunnel(process, key, err) < 0)
        return -1;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    const struct node *node = transaction_find(transaction, RECORD_NODE, hostname);
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    int result = host   ? report_host(transaction, host, report, &cause)
                 : node ? report_node(transaction, node, report)
                        : error_set(err, ERROR_NOT_FOUND, "no host or node %s", hostname);
    if (result < 0)
        return -1;
    return answer(process, transaction_commit(&transaction, err), err);
}
