/* Hosts as instances in a tenant's account: launched when wanted, watched while they live, terminated when
 * done. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"
#include "identity/key.h"
#include "zone/host_config.h"

#include <string.h>

enum { SYSTEM_DISK_GB = 16 }; /* for the host itself, beside its node's */

/* Launching again waits longer after each instance that ended before it came to us. */
static int64_t launch_due(const struct host *host)
{
    enum { LONGEST_WAIT_MS = 5 * 60 * 1000, FIRST_WAIT_MS = 4000 };
    if (host->failures == 0)
        return host->state_since;
    int64_t wait = (int64_t)FIRST_WAIT_MS << (host->failures < 8 ? host->failures - 1 : 7);
    return host->state_since + (wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS);
}

static bool any_host(const struct view *view, const char *account, int64_t now_ms,
                     bool (*matches)(const struct host *host, int64_t now_ms))
{
    view_each(view, RECORD_HOST, struct host, host)
        if (text_equal(host->account, account) && matches(host, now_ms))
            return true;
    return false;
}

static bool is_to_launch(const struct host *host, int64_t now_ms)
{
    return host->state == HOST_WANTED && launch_due(host) <= now_ms;
}

static bool is_terminating(const struct host *host, int64_t now_ms)
{
    (void)now_ms;
    return host->state == HOST_TERMINATING;
}

/* Its addresses are not known, or it was launched after others had ended at once. */
static bool is_uncertain(const struct host *host, int64_t now_ms)
{
    (void)now_ms;
    return host->state == HOST_PROVISIONED && (!host->address || !host->node_address || host->failures > 0);
}

bool hosts_to_launch(const struct view *view, const char *account, int64_t now_ms)
{
    return any_host(view, account, now_ms, is_to_launch);
}

bool hosts_to_terminate(const struct view *view, const char *account, int64_t now_ms)
{
    return any_host(view, account, now_ms, is_terminating);
}

bool instances_to_watch(const struct view *view, const char *account, int64_t now_ms)
{
    return any_host(view, account, now_ms, is_uncertain);
}

static const char *user_data(struct account_pass *pass, const struct host *host, const struct place *place)
{
    const struct config *config = pass->zone->config;
    const struct zone_id *zone = &pass->zone->id;
    const struct host_config told = {
        .zone = config->zone,
        .hostname = host->hostname,
        .tenant = host->tenant,
        .athenz_domain = arena_format(pass->arena, VESPA_DOMAIN ".tenant.%s", host->tenant),
        .athenz_service = "tenant-host",
        .athenz_provider = zone_provider_name(pass->arena, zone),
        .bootstrap_url = config->bootstrap_url,
        .configserver_identity = zone_configserver_name(pass->arena, zone),
        .zts_url = config->public_zts_url,
        .ca_certificates = config->ca_certificates,
        .aws_region = config->aws_region,
        .archive_bucket = place->archive_bucket,
    };
    return record_text(&host_config_record, pass->arena, &told);
}

static double disk_of(const struct view *view, const struct host *host)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, host->application);
    for (size_t i = 0; application && i < application->cluster_count; i++)
        if (text_equal(application->clusters[i].id, host->cluster))
            return application->clusters[i].disk_gb;
    return 0;
}

static void take_addresses(struct host *host, const struct instance *instance)
{
    if (instance->addresses[0] && instance->addresses[1]) {
        host->address = instance->addresses[0];
        host->node_address = instance->addresses[1];
    }
}

static int write_launched(struct account_pass *pass, const char *hostname, const struct instance *instance,
                          struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (!host)
        return 0; /* released meanwhile: the instance is an orphan and will be found */
    struct host next = *host;
    next.instance_id = instance->id;
    take_addresses(&next, instance);
    const struct cause cause = zone_cause(pass->zone, transaction, AGENT_PROVISIONER, "%s", instance->id);
    if (host_apply(&next, HOST_LAUNCHED, &cause, NULL) < 0)
        return 0;
    transaction_put(transaction, RECORD_HOST, &next);
    application_tell(pass->zone, transaction, host->application, "info", "Host %s launched as %s (%s)",
                     hostname, instance->id, host->instance_type);
    return transaction_commit(&transaction, err);
}

static void write_trouble(struct account_pass *pass, const char *hostname, const struct error *cause)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (!host || text_equal(host->trouble, cause->message))
        return;
    struct host next = *host;
    next.trouble = cause->message;
    transaction_put(transaction, RECORD_HOST, &next);
    application_tell(pass->zone, transaction, host->application, "warning",
                     "Host %s cannot be launched yet: %s", hostname, cause->message);
    struct error err = {0};
    if (transaction_commit(&transaction, &err) < 0)
        log_error("trouble not written", "host", hostname, "error", err.message, NULL);
}

static int launch_host(struct account_pass *pass, const struct view *view, const struct host *host,
                       const struct place *place, struct error *err)
{
    const struct counters *counters = zone_counters(view);
    /* The same until the instance is lost, so that a launch we died after is not a second instance. */
    const char *seed = arena_format(pass->arena, "%s %s %lld", counters->repository_id, host->hostname,
                                    (long long)host->launches);
    struct application_id names;
    application_names(pass->arena, host->application, &names);
    const struct launch launch = {
        .token = sha256_hex(pass->arena, seed, strlen(seed)),
        .hostnames = &host->hostname,
        .host_count = 1,
        .tenant = host->tenant,
        .application = names.application,
        .instance = names.instance,
        .cluster = host->cluster,
        .owner = counters->repository_id,
        .type = host->instance_type,
        .subnet = place->host_subnets[0].id,
        .image = place->images[0].id,
        .user_data = user_data(pass, host, place),
        .disk_gb = (int)disk_of(view, host) + SYSTEM_DISK_GB,
    };
    struct instance instance = {0};
    const struct cloud *cloud = pass->zone->cloud;
    if (cloud->launch(cloud->context, pass->account, place, &launch, pass->arena, &instance, err) < 0)
        return -1;
    return write_launched(pass, host->hostname, &instance, err);
}

int launch_hosts(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    struct place place;
    const struct cloud *cloud = pass->zone->cloud;
    bool found = cloud->find_place(cloud->context, pass->account, pass->arena, &place, err) == 0;
    int result = 0;
    view_each(view, RECORD_HOST, struct host, host) {
        if (!text_equal(host->account, pass->account->id) || !is_to_launch(host, zone_now_ms(pass->zone)))
            continue;
        if (found && launch_host(pass, view, host, &place, err) == 0)
            continue;
        result = -1;
        write_trouble(pass, host->hostname, err);
        if (err->kind == ERROR_THROTTLED || err->kind == ERROR_UNAVAILABLE)
            break; /* the others would fare alike */
    }
    return result;
}

static const struct instance *find_instance(const struct instance *instances, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(instances[i].id, id))
            return &instances[i];
    return NULL;
}

/* What the cloud's list says of a host that has an instance. */
static void look_at_host(struct account_pass *pass, struct transaction *transaction, const struct host *host,
                         const struct instance *instance)
{
    struct host next = *host;
    int64_t now = zone_now_ms(pass->zone);
    bool may_be_late = host->state == HOST_PROVISIONED && now - host->state_since < APPEAR_LONGEST_MS;
    bool lost = instance ? instance->state >= INSTANCE_STOPPED : !may_be_late;
    const struct cause cause =
        zone_cause(pass->zone, transaction, AGENT_CLOUD, "%s",
                   instance && instance->reason ? instance->reason : "its instance is gone");
    if (lost && host_apply(&next, HOST_LOST, &cause, NULL) == 0) {
        next.trouble = instance ? instance->reason : NULL;
        transaction_put(transaction, RECORD_HOST, &next);
        application_tell(pass->zone, transaction, host->application, "warning",
                         "Host %s lost its instance %s%s%s", host->hostname, host->instance_id,
                         next.trouble ? ": " : "", next.trouble ? next.trouble : "");
        return;
    }
    if (lost || !instance || (host->address && host->node_address))
        return;
    take_addresses(&next, instance);
    if (next.address)
        transaction_put(transaction, RECORD_HOST, &next);
}

/* An instance of ours that no record means: launched just before we died, or replaced. A wanted host's is
 * adopted by launching with the same token. */
static bool is_orphan(const struct view *view, const struct instance *instance)
{
    if (instance->state >= INSTANCE_ENDING)
        return false;
    const struct host *host = view_find(view, RECORD_HOST, instance->hostname);
    return !host ||
           (host->state != HOST_WANTED && host->instance_id && !text_equal(host->instance_id, instance->id));
}

static int remove_orphans(struct account_pass *pass, const struct instance *instances, size_t count,
                          struct error *err)
{
    VIEW(view, pass->zone->repository);
    for (size_t i = 0; i < count; i++) {
        if (!is_orphan(view, &instances[i]))
            continue;
        log_warning("orphan terminated", "account", pass->account->id, "instance", instances[i].id,
                    "hostname", instances[i].hostname, NULL);
        if (pass->zone->cloud->terminate(pass->zone->cloud->context, pass->account, &instances[i].id, 1,
                                         err) < 0)
            return -1;
    }
    return 0;
}

static int list_instances(struct account_pass *pass, struct instance **instances, size_t *count,
                          struct error *err)
{
    VIEW(view, pass->zone->repository);
    const struct cloud *cloud = pass->zone->cloud;
    const char *owner = arena_strdup(pass->arena, zone_counters(view)->repository_id);
    return cloud->list(cloud->context, pass->account, owner, pass->arena, instances, count, err);
}

int watch_instances(struct account_pass *pass, struct error *err)
{
    struct instance *instances;
    size_t count;
    if (list_instances(pass, &instances, &count, err) < 0)
        return -1;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    view_each(transaction_view(transaction), RECORD_HOST, struct host, host)
        if (text_equal(host->account, pass->account->id) && host->instance_id)
            look_at_host(pass, transaction, host, find_instance(instances, count, host->instance_id));
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    return remove_orphans(pass, instances, count, err);
}

static int write_terminated(struct account_pass *pass, const char *hostname, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (!host)
        return 0;
    struct host next = *host;
    const struct cause cause = zone_cause(pass->zone, transaction, AGENT_PROVISIONER, NULL);
    if (host_apply(&next, HOST_TERMINATED, &cause, err) < 0)
        return -1;
    view_each(transaction_view(transaction), RECORD_NODE, struct node, node)
        if (text_equal(node->parent, hostname))
            transaction_remove(transaction, RECORD_NODE, node->hostname);
    transaction_remove(transaction, RECORD_HOST, hostname);
    application_tell(pass->zone, transaction, host->application, "info", "Host %s is terminated", hostname);
    return transaction_commit(&transaction, err);
}

/* By its hostname's tag, since we may have died before we could write down the instance. */
static int terminate_host(struct account_pass *pass, const struct host *host,
                          const struct instance *instances, size_t count, struct error *err)
{
    bool left = false;
    const struct cloud *cloud = pass->zone->cloud;
    for (size_t i = 0; i < count; i++) {
        const struct instance *instance = &instances[i];
        if (!text_equal(instance->hostname, host->hostname) || instance->state == INSTANCE_ENDED)
            continue;
        left = true;
        if (instance->state < INSTANCE_ENDING &&
            cloud->terminate(cloud->context, pass->account, &instance->id, 1, err) < 0)
            return -1;
    }
    return left ? 0 : write_terminated(pass, host->hostname, err);
}

int terminate_hosts(struct account_pass *pass, struct error *err)
{
    struct instance *instances;
    size_t count;
    if (list_instances(pass, &instances, &count, err) < 0)
        return -1;
    VIEW(view, pass->zone->repository);
    int result = 0;
    view_each(view, RECORD_HOST, struct host, host)
        if (text_equal(host->account, pass->account->id) && host->state == HOST_TERMINATING &&
            terminate_host(pass, host, instances, count, err) < 0)
            result = -1;
    return result;
}
