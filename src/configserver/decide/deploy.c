#include "configserver/decide/deploy.h"

#include "base/buffer.h"
#include "base/text.h"
#include "configserver/cloud/places.h"
#include "configserver/decide/allocate.h"
#include "configserver/decide/plan.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"
#include "identity/key.h"

#include <string.h>

static int check_names(const struct deployment *deployment, struct error *err)
{
    const struct application_id *id = &deployment->id;
    if (!name_is_valid(id->tenant) || !name_is_valid(id->application) || !name_is_valid(id->instance))
        return error_code(
            err, ERROR_INVALID, "BAD_REQUEST",
            "tenant, application and instance must each be 1-%d of a-z, 0-9 and single dashes, a letter "
            "first",
            NAME_LONGEST);
    if (!account_is_valid(deployment->account) || text_empty(deployment->external_id))
        return error_code(err, ERROR_INVALID, "BAD_REQUEST",
                          "cloudAccount needs an id 'aws:' and 12 digits and the "
                          "tenant's externalId");
    return 0;
}

static int check_account(const struct plan *plan, struct error *err)
{
    const struct deployment *deployment = plan->deployment;
    const char *account = plan->wanted.account;
    if (!account)
        return error_code(
            err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
            "deployment.xml gives no cloud-account for zone %s: Enclave runs applications in their "
            "tenant's own account only; write <deployment version=\"1.0\" cloud-account=\"aws:…\">",
            plan->zone->config->zone);
    if (!text_equal(account, deployment->account))
        return error_code(err, ERROR_INVALID, "BAD_REQUEST",
                          "deployment.xml says account %s, the controller says %s", account,
                          deployment->account);
    return 0;
}

/* The same files are the same package, however they were zipped. */
static char *hash_package(const struct plan *plan)
{
    cleanup(buffer_free) struct buffer list = buffer_new(64 << 20);
    for (size_t i = 0; i < plan->package.file_count; i++) {
        const struct package_file *file = &plan->package.files[i];
        buffer_format(&list, "%s %s\n", sha256_hex(plan->arena, file->bytes, file->length), file->path);
    }
    return sha256_hex(plan->arena, buffer_string(&list), list.length);
}

static int write_account(const struct plan *plan, struct transaction *transaction, struct error *err)
{
    const struct account *old = transaction_find(transaction, RECORD_ACCOUNT, plan->deployment->account);
    if (old && !text_equal(old->tenant, plan->deployment->id.tenant))
        return error_code(err, ERROR_FORBIDDEN, "FORBIDDEN", "account %s is another tenant's", old->id);
    const struct account account = {plan->deployment->account, plan->deployment->id.tenant,
                                    plan->deployment->external_id};
    if (!old || !text_equal(old->external_id, account.external_id))
        transaction_put(transaction, RECORD_ACCOUNT, &account);
    return 0;
}

static const char **availability_zones(const struct plan *plan)
{
    const char **zones = arena_alloc(plan->arena, (plan->place.host_subnet_count + 1) * sizeof *zones);
    for (size_t i = 0; i < plan->place.host_subnet_count; i++)
        zones[i] = plan->place.host_subnets[i].availability_zone;
    return zones;
}

/* As it is deployed now; what a deployment does not say is as it was. */
static struct application make_application(const struct plan *plan, const struct application *old)
{
    const struct deployment *deployment = plan->deployment;
    struct application application = {
        .id = plan->application_id,
        .tenant = deployment->id.tenant,
        .application = deployment->id.application,
        .instance = deployment->id.instance,
        .account = deployment->account,
        .package_hash = plan->package_hash,
        .clusters = plan->clusters,
        .cluster_count = plan->wanted.cluster_count,
        .clients_pem = plan->package.clients_pem,
        .archive_bucket = plan->place.archive_bucket,
        .networks = plan->place.balancer_networks,
        .network_count = plan->place.balancer_subnet_count,
        .availability_zones = availability_zones(plan),
        .availability_zone_count = plan->place.host_subnet_count,
        .tags = plan->tags,
        .tag_count = plan->wanted.tag_count,
        .empty_host_ttl_ms = plan->wanted.empty_host_ttl_ms,
    };
    if (!old)
        return application;
    application.generation = old->generation;
    application.deployed_at = old->deployed_at;
    application.converged_generation = old->converged_generation;
    application.log = old->log;
    application.log_count = old->log_count;
    return application;
}

/* Neither the package says anything else, nor the zone (its usual image) or the account (its subnets). */
static bool is_deployed(const struct plan *plan, const struct application *old)
{
    const struct application next = make_application(plan, old);
    const struct record *record = record_kind_record(RECORD_APPLICATION);
    return text_equal(record_text(record, plan->arena, old), record_text(record, plan->arena, &next));
}

static void write_application(const struct plan *plan, struct transaction *transaction,
                              const struct application *old, int64_t generation)
{
    struct application next = make_application(plan, old);
    next.generation = generation;
    next.deployed_at = zone_now_ms(plan->zone);
    transaction_put(transaction, RECORD_APPLICATION, &next);
}

/* What is written must be read again: part of it is the tenant's, from the package or its account's tags, and
 * a record that cannot be is a mistake of ours that ends the process. */
static int check_record(const struct plan *plan, const struct application *old, struct error *err)
{
    const struct record *record = record_kind_record(RECORD_APPLICATION);
    const struct application next = make_application(plan, old);
    const char *text = record_text(record, plan->arena, &next);
    struct application again = {0};
    if (record_parse(record, plan->arena, text, strlen(text), &again, err) == 0)
        return 0;
    if (err)
        error_set(err, ERROR_INVALID, "%s cannot be deployed: %s", plan->application_id,
                  arena_strdup(plan->arena, err->message));
    return -1;
}

static int64_t next_generation(struct transaction *transaction)
{
    struct counters counters =
        *(const struct counters *)transaction_find(transaction, RECORD_COUNTERS, COUNTERS_KEY);
    int64_t generation = counters.next_generation++;
    transaction_put(transaction, RECORD_COUNTERS, &counters);
    return generation;
}

/* What the transaction did to the application's nodes so far. */
static const char *effect(const struct plan *plan, const struct view *before, const struct view *after)
{
    int new = 0, leaving = 0, kept = 0;
    view_each_of(after, NODES_OF_APPLICATION, plan->application_id, struct node, node) {
        const struct node *old = view_find(before, RECORD_NODE, node->hostname);
        bool stays = node->state <= NODE_ACTIVE && !node->retired;
        bool stayed = old && old->state <= NODE_ACTIVE && !old->retired;
        new += !old;
        kept += old && stays && !stayed;
        leaving += old && stayed && !stays;
    }
    return arena_format(plan->arena, "%d new hosts, %d nodes to leave, %d taken back", new, leaving, kept);
}

/* Nothing of a dry run is kept but what it would have done. */
static int write_change(struct plan *plan, struct transaction **transaction, const struct application *old,
                        struct deployed *deployed, struct error *err)
{
    struct transaction *now = *transaction;
    VIEW(before, plan->zone->repository);
    int64_t generation = next_generation(now);
    write_application(plan, now, old, generation);
    allocate_application(plan->zone, now, transaction_find(now, RECORD_APPLICATION, plan->application_id));
    settle_load_balancers(plan->zone, now, transaction_find(now, RECORD_APPLICATION, plan->application_id));
    const char *what = effect(plan, before, transaction_view(now));
    *deployed =
        (struct deployed){generation, !plan->deployment->dry_run,
                          arena_format(plan->arena, "Session %lld for '%s' prepared and activated: %s.",
                                       (long long)generation, plan->application_id, what)};
    if (plan->deployment->dry_run) {
        deployed->message =
            arena_format(plan->arena, "Nothing is changed by this dry run. '%s' would become %s: %s.",
                         plan->application_id, plan_summary(plan), what);
        deployed->generation = old ? old->generation : 0;
        return 0;
    }
    application_tell(plan->zone, now, plan->application_id, "info",
                     "Deployed as generation %lld to account %s: %s; %s", (long long)generation,
                     plan->deployment->account, plan_summary(plan), what);
    if (plan->wanted.empty_host_ttl_ms)
        application_tell(
            plan->zone, now, plan->application_id, "warning",
            "deployment.xml: empty-host-ttl changes nothing here yet: a host leaves with its node");
    return transaction_commit(transaction, err);
}

static int write_plan(struct plan *plan, struct deployed *deployed, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(plan->zone->repository);
    const struct application *old = transaction_find(transaction, RECORD_APPLICATION, plan->application_id);
    if (write_account(plan, transaction, err) < 0 || (old && plan_check_change(plan, old, err) < 0) ||
        plan_clusters(plan, old, err) < 0 || check_record(plan, old, err) < 0)
        return -1;
    if (old && is_deployed(plan, old)) {
        *deployed = (struct deployed){old->generation, false, "Exactly this package is deployed already."};
        return plan->deployment->dry_run ? 0 : transaction_commit(&transaction, err);
    }
    return write_change(plan, &transaction, old, deployed, err);
}

int account_check(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                  struct error *err)
{
    return places_look(zone, account, arena, place, err);
}

static int read_package(struct plan *plan, struct error *err)
{
    const struct deployment *deployment = plan->deployment;
    const struct package_target target = {&plan->zone->id, deployment->id.instance, "aws",
                                          deployment->id.application, zone_now_ms(plan->zone)};
    if (application_package_read(plan->arena, deployment->zip, deployment->length, &plan->package, err) < 0 ||
        application_package_resolve(plan->arena, &plan->package, &target, &plan->wanted, err) < 0)
        return -1;
    plan->package_hash = hash_package(plan);
    return plan->package.clients_pem && strlen(plan->package.clients_pem) > 60000
               ? error_code(err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
                            "security/clients.pem is larger than 60 kB")
               : 0;
}

/* Before anything is asked of the account, so that a change that cannot be touches nothing; once more in the
 * transaction, since another deployment may come between. */
static int check_early(const struct plan *plan, struct error *err)
{
    VIEW(view, plan->zone->repository);
    const struct application *old = view_find(view, RECORD_APPLICATION, plan->application_id);
    return old ? plan_check_change(plan, old, err) : 0;
}

int deploy(struct zone *zone, struct arena *arena, const struct deployment *deployment,
           struct deployed *deployed, struct error *err)
{
    struct plan plan = {.zone = zone,
                        .arena = arena,
                        .deployment = deployment,
                        .application_id = application_id_text(arena, &deployment->id)};
    const struct account account = {deployment->account, deployment->id.tenant, deployment->external_id};
    if (check_names(deployment, err) < 0 || read_package(&plan, err) < 0 || check_account(&plan, err) < 0 ||
        plan_check_quota(&plan, err) < 0 || check_early(&plan, err) < 0 ||
        account_check(zone, &account, arena, &plan.place, err) < 0)
        return -1;
    return write_plan(&plan, deployed, err);
}

int undeploy(struct zone *zone, const char *application, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct application *old = transaction_find(transaction, RECORD_APPLICATION, application);
    if (!old)
        return error_set(err, ERROR_NOT_FOUND, "%s is not deployed in zone %s", application,
                         zone->config->zone);
    if (old->deleting)
        return 0;
    struct application next = *old;
    next.deleting = true;
    transaction_put(transaction, RECORD_APPLICATION, &next);
    allocate_application(zone, transaction, transaction_find(transaction, RECORD_APPLICATION, application));
    settle_load_balancers(zone, transaction, transaction_find(transaction, RECORD_APPLICATION, application));
    application_tell(zone, transaction, application, "info",
                     "Deleting: nodes stop, their hosts archive the last logs");
    return transaction_commit(&transaction, err);
}
