#include "configserver/decide/deploy.h"

#include "base/buffer.h"
#include "base/text.h"
#include "configserver/decide/allocate.h"
#include "configserver/decide/instance_types.h"
#include "configserver/records/life.h"
#include "identity/key.h"

#include <string.h>

/* One deployment in the making. */
struct plan {
    struct zone *zone;
    struct arena *arena;
    const struct deployment *deployment;
    const char *application_id;
    struct application_package package;
    struct cluster *clusters;
    struct place place;
    const char *package_hash;
};

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

static int check_account(struct plan *plan, struct error *err)
{
    const struct deployment *deployment = plan->deployment;
    const char *account;
    if (application_package_account(plan->arena, &plan->package, &plan->zone->id, deployment->id.instance,
                                    &account, err) < 0)
        return -1;
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
static char *hash_package(struct plan *plan)
{
    cleanup(buffer_free) struct buffer list = buffer_new(64 << 20);
    for (size_t i = 0; i < plan->package.file_count; i++) {
        const struct package_file *file = &plan->package.files[i];
        buffer_format(&list, "%s %s\n", sha256_hex(plan->arena, file->bytes, file->length), file->path);
    }
    return sha256_hex(plan->arena, buffer_string(&list), list.length);
}

static int choose_hosts(struct plan *plan, struct error *err)
{
    plan->clusters = arena_alloc(plan->arena, plan->package.cluster_count * sizeof *plan->clusters);
    for (size_t i = 0; i < plan->package.cluster_count; i++) {
        const struct cluster_spec *spec = &plan->package.clusters[i];
        const struct node_resources *wanted = &spec->resources;
        if (!text_equal(wanted->architecture, "any") &&
            !text_equal(wanted->architecture, plan->place.images[0].architecture))
            return error_code(err, ERROR_INVALID, "NODE_ALLOCATION_FAILURE",
                              "services.xml: cluster '%s' asks for %s, this zone's hosts are %s", spec->id,
                              wanted->architecture, plan->place.images[0].architecture);
        const char *architecture = plan->place.images[0].architecture;
        const struct wanted_resources asked = {{wanted->vcpu, wanted->vcpu},
                                               {wanted->memory_gb, wanted->memory_gb},
                                               {wanted->disk_gb, wanted->disk_gb},
                                               "fast",
                                               "any",
                                               wanted->architecture,
                                               0};
        const struct instance_type **types;
        size_t type_count;
        if (instance_types_for(plan->arena, &asked, &architecture, 1, &types, &type_count, err) < 0)
            return error_context(err, "services.xml: cluster '%s'", spec->id);
        plan->clusters[i] = (struct cluster){
            .id = spec->id,
            .type = (int)spec->type,
            .count = spec->node_count,
            .vcpu = wanted->vcpu,
            .memory_gb = wanted->memory_gb,
            .disk_gb = wanted->disk_gb,
            .instance_type = types[0]->name,
            .image = spec->image ? spec->image : plan->zone->config->node_image,
        };
    }
    return 0;
}

static const struct cluster *find_cluster(const struct cluster *clusters, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(clusters[i].id, id))
            return &clusters[i];
    return NULL;
}

/* What would take something away from a running application is refused until it can be done without losing
 * data. */
static int check_cluster_change(const struct cluster *old, const struct cluster *next, struct error *err)
{
    if (!next)
        return error_code(
            err, ERROR_INVALID, "BAD_REQUEST",
            "services.xml no longer has cluster '%s': removing a cluster is not offered yet; delete the "
            "deployment and deploy anew",
            old->id);
    if (next->type != old->type)
        return error_code(err, ERROR_INVALID, "BAD_REQUEST",
                          "services.xml: cluster '%s' was a %s cluster and cannot become another kind",
                          old->id, old->type == CLUSTER_CONTAINER ? "container" : "content");
    if (next->count < old->count)
        return error_code(
            err, ERROR_INVALID, "BAD_REQUEST",
            "services.xml: cluster '%s' would shrink from %lld nodes to %lld: shrinking is not offered yet",
            old->id, (long long)old->count, (long long)next->count);
    if (!text_equal(next->instance_type, old->instance_type) || next->disk_gb > old->disk_gb ||
        next->disk_gb < old->disk_gb)
        return error_code(
            err, ERROR_INVALID, "BAD_REQUEST",
            "services.xml: cluster '%s' would need other hosts (%s, %g GB in place of %s, %g GB): changing "
            "resources is not offered yet",
            old->id, next->instance_type, next->disk_gb, old->instance_type, old->disk_gb);
    return 0;
}

static int check_change(const struct plan *plan, const struct application *old, struct error *err)
{
    if (old->deleting)
        return error_code(err, ERROR_CONFLICT, "ACTIVATION_CONFLICT",
                          "%s is being deleted; deploy again when it is gone", old->id);
    if (!text_equal(old->account, plan->deployment->account))
        return error_code(err, ERROR_INVALID, "BAD_REQUEST",
                          "%s runs in account %s and cannot move to %s: delete the deployment first", old->id,
                          old->account, plan->deployment->account);
    for (size_t i = 0; i < old->cluster_count; i++)
        if (check_cluster_change(
                &old->clusters[i],
                find_cluster(plan->clusters, plan->package.cluster_count, old->clusters[i].id), err) < 0)
            return -1;
    return 0;
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

static void write_load_balancer(const struct plan *plan, struct transaction *transaction,
                                const struct cluster *cluster)
{
    struct arena *arena = plan->arena;
    char *id = arena_format(arena, "%s:%s", plan->application_id, cluster->id);
    if (cluster->type != CLUSTER_CONTAINER || transaction_find(transaction, RECORD_LOAD_BALANCER, id))
        return;
    const char *seed = arena_format(arena, "%s %s", plan->zone->config->zone, id);
    const struct load_balancer balancer = {
        .id = id,
        .application = plan->application_id,
        .cluster = cluster->id,
        .account = plan->deployment->account,
        .name = arena_format(arena, "vespa-%.24s", sha256_hex(arena, seed, strlen(seed))),
        .state = LOAD_BALANCER_WANTED,
        .state_since = zone_now_ms(plan->zone),
    };
    transaction_put(transaction, RECORD_LOAD_BALANCER, &balancer);
}

static const char **availability_zones(const struct plan *plan)
{
    const char **zones = arena_alloc(plan->arena, (plan->place.host_subnet_count + 1) * sizeof *zones);
    for (size_t i = 0; i < plan->place.host_subnet_count; i++)
        zones[i] = plan->place.host_subnets[i].availability_zone;
    return zones;
}

static void write_application(const struct plan *plan, struct transaction *transaction,
                              const struct application *old, int64_t generation)
{
    const struct deployment *deployment = plan->deployment;
    struct application application = {
        .id = plan->application_id,
        .tenant = deployment->id.tenant,
        .application = deployment->id.application,
        .instance = deployment->id.instance,
        .account = deployment->account,
        .generation = generation,
        .deployed_at = zone_now_ms(plan->zone),
        .package_hash = plan->package_hash,
        .clusters = plan->clusters,
        .cluster_count = plan->package.cluster_count,
        .clients_pem = plan->package.clients_pem,
        .archive_bucket = plan->place.archive_bucket,
        .networks = plan->place.balancer_networks,
        .network_count = plan->place.balancer_subnet_count,
        .availability_zones = availability_zones(plan),
        .availability_zone_count = plan->place.host_subnet_count,
    };
    if (old) {
        application.converged_generation = old->converged_generation;
        application.log = old->log;
        application.log_count = old->log_count;
    }
    transaction_put(transaction, RECORD_APPLICATION, &application);
}

static const char *summary(const struct plan *plan)
{
    cleanup(buffer_free) struct buffer text = buffer_new(800);
    for (size_t i = 0; i < plan->package.cluster_count; i++)
        buffer_format(&text, "%s%s ×%lld (%s)", i ? ", " : "", plan->clusters[i].id,
                      (long long)plan->clusters[i].count, plan->clusters[i].instance_type);
    return arena_strdup(plan->arena, buffer_string(&text));
}

static int write_plan(struct plan *plan, struct deployed *deployed, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(plan->zone->repository);
    const struct application *old = transaction_find(transaction, RECORD_APPLICATION, plan->application_id);
    if (write_account(plan, transaction, err) < 0 || (old && check_change(plan, old, err) < 0))
        return -1;
    if (old && text_equal(old->package_hash, plan->package_hash)) {
        *deployed = (struct deployed){old->generation, false, "Exactly this package is deployed already."};
        return transaction_commit(&transaction, err);
    }
    struct counters counters =
        *(const struct counters *)transaction_find(transaction, RECORD_COUNTERS, COUNTERS_KEY);
    int64_t generation = counters.next_generation++;
    transaction_put(transaction, RECORD_COUNTERS, &counters);
    write_application(plan, transaction, old, generation);
    for (size_t i = 0; i < plan->package.cluster_count; i++)
        write_load_balancer(plan, transaction, &plan->clusters[i]);
    allocate_application(plan->zone, transaction,
                         transaction_find(transaction, RECORD_APPLICATION, plan->application_id));
    application_tell(plan->zone, transaction, plan->application_id, "info",
                     "Deployed as generation %lld to account %s: %s", (long long)generation,
                     plan->deployment->account, summary(plan));
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    *deployed = (struct deployed){generation, true,
                                  arena_format(plan->arena, "Session %lld for '%s' prepared and activated.",
                                               (long long)generation, plan->application_id)};
    return 0;
}

int account_check(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                  struct error *err)
{
    return zone->cloud->find_place(zone->cloud->context, account, arena, place, err);
}

int deploy(struct zone *zone, struct arena *arena, const struct deployment *deployment,
           struct deployed *deployed, struct error *err)
{
    struct plan plan = {.zone = zone,
                        .arena = arena,
                        .deployment = deployment,
                        .application_id = application_id_text(arena, &deployment->id)};
    if (check_names(deployment, err) < 0 ||
        application_package_read(arena, deployment->zip, deployment->length, &plan.package, err) < 0 ||
        check_account(&plan, err) < 0)
        return -1;
    if (plan.package.clients_pem && strlen(plan.package.clients_pem) > 60000)
        return error_code(err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
                          "security/clients.pem is larger than 60 kB");
    const struct account account = {deployment->account, deployment->id.tenant, deployment->external_id};
    if (account_check(zone, &account, arena, &plan.place, err) < 0 || choose_hosts(&plan, err) < 0)
        return -1;
    plan.package_hash = hash_package(&plan);
    return write_plan(&plan, deployed, err);
}

static void release_load_balancers(struct zone *zone, struct transaction *transaction,
                                   const char *application)
{
    const struct cause cause = zone_cause(zone, transaction, AGENT_DEPLOYER, "the deployment was deleted");
    view_each_of(transaction_view(transaction), LOAD_BALANCERS_OF_APPLICATION, application,
                 struct load_balancer, balancer)
    {
        struct load_balancer next = *balancer;
        if (load_balancer_apply(&next, LOAD_BALANCER_REMOVE, &cause, NULL) == 0)
            transaction_put(transaction, RECORD_LOAD_BALANCER, &next);
    }
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
    release_load_balancers(zone, transaction, application);
    application_tell(zone, transaction, application, "info",
                     "Deleting: nodes stop, their hosts archive the last logs");
    return transaction_commit(&transaction, err);
}
