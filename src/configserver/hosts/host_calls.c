#include "configserver/hosts/host_calls.h"

#include "base/text.h"
#include "configserver/hosts/hearing.h"
#include "configserver/hosts/reports.h"

const struct node_report node_report_nothing = {.current_restart_generation = -1,
                                                .current_reboot_generation = -1};

/* Only what may have counted as silent is looked at again: the other calls cost a hash. */
void host_heard(struct zone *zone, const char *hostname)
{
    int64_t before, now = zone_now_ms(zone);
    bool known = hearing_note(zone->hearing, hostname, now, &before);
    if (known && now - before < zone->limits->host_silent)
        return;
    VIEW(view, zone->repository);
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    if (host && host->down_since)
        zone_look_again(zone, host->application, now);
}

static int check_key(const struct view *view, const struct host *host, const char *hostname, const char *key,
                     struct error *err)
{
    if (!host || host->state == HOST_WANTED || host->state >= HOST_TERMINATING)
        return error_set(err, ERROR_FORBIDDEN, "host %s is on its way out", hostname);
    view_each_of(view, HOST_OF_KEY, key, struct host, other)
        if (!text_equal(other->hostname, hostname))
            return error_set(err, ERROR_CONFLICT, "another host has this key");
    return 0;
}

int host_admit_key(struct zone *zone, const char *hostname, const char *key, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (check_key(transaction_view(transaction), host, hostname, key, err) < 0)
        return -1;
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct tunnel_peer peer = {.public_key = key,
                                     .address = zone_host_address(arena, zone, host->index)};
    struct host next = *host;
    next.wireguard_key = key;
    next.wireguard_key_at = zone_now_ms(zone);
    if (!text_equal(host->wireguard_key, key))
        transaction_put(transaction, RECORD_HOST, &next);
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    return zone->peers->set(zone->peers->context, &peer, err);
}

int host_ready(struct zone *zone, const char *hostname, enum host_state *state, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (!host)
        return error_set(err, ERROR_NOT_FOUND, "no host %s", hostname);
    struct host next = *host;
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    if (host_apply(&next, HOST_REACHED_US, &cause, err) < 0)
        return -1;
    if (next.state != host->state) {
        transaction_put(transaction, RECORD_HOST, &next);
        application_tell(zone, transaction, host->application, "info", "Host %s is ready: its tunnel is up",
                         hostname);
    }
    *state = (enum host_state)next.state;
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    host_heard(zone, hostname);
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

static int check_report(const struct node_report *said, struct error *err)
{
    if (said->service_status && !is_status(said->service_status))
        return error_set(err, ERROR_INVALID, "\"serviceStatus\" must be up, down, starting or stopped");
    return said->reports ? reports_check(said->reports, err) : 0;
}

static const char *newer(const char *old, const char *said)
{
    return said ? said : old;
}

static bool same_names(const struct node *a, const struct node *b)
{
    if (a->certificate_name_count != b->certificate_name_count)
        return false;
    for (size_t i = 0; i < a->certificate_name_count; i++)
        if (!text_equal(a->certificate_names[i], b->certificate_names[i]))
            return false;
    return true;
}

/* The node as it is once this is believed. False when that is nothing new: most reports only repeat. */
static bool node_told(const struct node *node, const struct node_report *said, struct node *next)
{
    *next = *node;
    next->current_image = newer(node->current_image, said->current_image);
    next->vespa_version = newer(node->vespa_version, said->vespa_version);
    next->data_moved = node->retired && (said->data_moved || node->data_moved);
    if (said->reports)
        next->reports = reports_kept(said->reports);
    /* More than was asked for it cannot have done: believed, it would never be restarted again. */
    if (said->current_restart_generation > node->current_restart_generation &&
        said->current_restart_generation <= node->restart_generation)
        next->current_restart_generation = said->current_restart_generation;
    if (said->service_status) {
        next->service_status = said->service_status;
        next->status_message = said->status_message;
        next->config_checksum = said->config_checksum;
        next->certificate_names = said->certificate_names;
        next->certificate_name_count = said->certificate_name_count;
    }
    return !text_equal(node->current_image, next->current_image) ||
           !text_equal(node->vespa_version, next->vespa_version) || node->data_moved != next->data_moved ||
           !reports_equal(node->reports, next->reports) ||
           node->current_restart_generation != next->current_restart_generation ||
           !text_equal(node->service_status, next->service_status) ||
           !text_equal(node->status_message, next->status_message) ||
           !text_equal(node->config_checksum, next->config_checksum) || !same_names(node, next);
}

static void tell_status(struct zone *zone, struct transaction *transaction, const struct node *old,
                        const struct node *next)
{
    const char *why = text_empty(next->status_message) ? NULL : next->status_message;
    if (!text_equal(old->service_status, next->service_status))
        application_tell(zone, transaction, old->application, "info", "Node %s (%s) is %s%s%s", old->hostname,
                         old->cluster, next->service_status, why ? ": " : "", why ? why : "");
    if (next->data_moved && !old->data_moved)
        application_tell(zone, transaction, old->application, "info",
                         "Node %s (%s) has handed its documents to the others", old->hostname, old->cluster);
}

int node_report(struct zone *zone, const char *hostname, const struct node_report *said, struct error *err)
{
    struct node next;
    VIEW(view, zone->repository);
    const struct node *node = view_find(view, RECORD_NODE, hostname);
    if (!node)
        return error_set(err, ERROR_NOT_FOUND, "no node %s", hostname);
    if (check_report(said, err) < 0)
        return -1;
    host_heard(zone, node->parent);
    if (!node_told(node, said, &next))
        return 0;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct node *now = transaction_find(transaction, RECORD_NODE, hostname);
    if (!now)
        return error_set(err, ERROR_NOT_FOUND, "no node %s", hostname);
    if (!node_told(now, said, &next))
        return 0;
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    if (next.current_restart_generation > now->current_restart_generation)
        node_apply(&next, NODE_RESTARTED, &cause, NULL);
    transaction_put(transaction, RECORD_NODE, &next);
    tell_status(zone, transaction, now, &next);
    return transaction_commit(&transaction, err);
}

/* A host that says "drained" again, or before it was asked to drain, says nothing: the next report tells. */
static bool host_told(const struct host *host, const struct node_report *said, struct host *next)
{
    *next = *host;
    if (said->reports)
        next->reports = reports_kept(said->reports);
    if (said->current_reboot_generation > host->current_reboot_generation &&
        said->current_reboot_generation <= host->reboot_generation)
        next->current_reboot_generation = said->current_reboot_generation;
    return (said->drained && host->state == HOST_DEPROVISIONING) ||
           next->current_reboot_generation != host->current_reboot_generation ||
           !reports_equal(host->reports, next->reports);
}

int host_report(struct zone *zone, const char *hostname, const struct node_report *said, struct error *err)
{
    struct host next;
    VIEW(view, zone->repository);
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    if (!host)
        return error_set(err, ERROR_NOT_FOUND, "no host %s", hostname);
    if (check_report(said, err) < 0)
        return -1;
    host_heard(zone, hostname);
    bool ends = text_equal(said->service_status, "stopped");
    if (ends || (said->reports && !reports_equal(host->reports, said->reports)))
        zone_look_at_account(zone, host->account); /* what becomes of it only the cloud is believed */
    if (!host_told(host, said, &next))
        return 0;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *now = transaction_find(transaction, RECORD_HOST, hostname);
    if (!now || !host_told(now, said, &next))
        return 0;
    const struct cause cause = zone_cause(zone, transaction, AGENT_HOST, NULL);
    if (next.current_reboot_generation > now->current_reboot_generation)
        host_apply(&next, HOST_REBOOTED, &cause, NULL);
    if (said->drained && host_apply(&next, HOST_DRAINED, &cause, NULL) == 0)
        application_tell(zone, transaction, now->application, "info", "Host %s archived its last logs",
                         hostname);
    transaction_put(transaction, RECORD_HOST, &next);
    return transaction_commit(&transaction, err);
}
