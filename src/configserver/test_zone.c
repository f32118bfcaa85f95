#include "configserver/test_zone.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "configserver/decide/endpoint.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/hosts/polls.h"
#include "configserver/maintain/workers.h"
#include "configserver/records/invariants.h"
#include "configserver/records/life.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_cloud *now_of; /* the clock is a function without a context */

static int64_t test_now(void *context)
{
    (void)context;
    return __atomic_load_n(&now_of->now_ms, __ATOMIC_RELAXED);
}

static uint64_t test_random(void *context)
{
    static uint64_t state;
    (void)context;
    return state = state * 6364136223846793005u + 1442695040888963407u;
}

static const struct environment test_environment = {NULL, test_now, test_random};

/* Each call has two moments at which a process may die: before it did anything, and after. */
static void step(struct test_zone *test)
{
    if (__atomic_add_fetch(&test->cloud_state->steps, 1, __ATOMIC_RELAXED) == test->cloud_state->die_at)
        _exit(77);
}

static _Thread_local bool counted; /* this thread's call is one of `busy` */

static void uncount_call(struct test_zone *test)
{
    if (counted)
        __atomic_sub_fetch(&test->cloud_state->busy, 1, __ATOMIC_SEQ_CST);
    counted = false;
}

static void count_call(struct test_zone *test, const struct account *account)
{
    uncount_call(test); /* one that failed has no end */
    counted = text_equal(account->id, TEST_ACCOUNT);
    int busy = counted ? __atomic_add_fetch(&test->cloud_state->busy, 1, __ATOMIC_SEQ_CST) : 0;
    if (busy > test->cloud_state->busiest)
        test->cloud_state->busiest = busy;
}

static int begin_call(struct test_zone *test, const struct account *account, struct error *err)
{
    __atomic_add_fetch(&test->cloud_state->calls, 1, __ATOMIC_RELAXED);
    step(test);
    count_call(test, account);
    while (text_equal(test->cloud_state->hanging_account, account->id))
        clock_sleep_ms(5);
    if (text_equal(test->cloud_state->broken_account, account->id)) {
        test_zone_advance(test, test->cloud_state->fails_after_ms);
        return error_set(err, ERROR_UNAVAILABLE, "account %s does not answer", account->id);
    }
    if (test->cloud_state->throttled > 0 && test->cloud_state->throttled--)
        return error_code(err, ERROR_THROTTLED, "RequestLimitExceeded", "too fast");
    return 0;
}

static int end_call(struct test_zone *test)
{
    uncount_call(test);
    step(test);
    return 0;
}

static int find_place(void *context, const struct account *account, struct arena *arena, struct place *place,
                      struct error *err)
{
    static struct host_subnet subnets[] = {
        {"subnet-1", "use1-az6"}, {"subnet-1b", "use1-az7"}, {"subnet-1c", "use1-az8"}};
    static struct host_image images[] = {{"ami-1", "x86_64"}};
    static const char *balancer_subnets[] = {"subnet-2"}, *balancer_networks[] = {"2001:db8:0:8::/64"};
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    if (test->cloud_state->missing[0])
        return error_code(err, ERROR_INVALID, "ACCOUNT_NOT_SET_UP",
                          "account %s has no %s: run 'terraform apply'", account->id,
                          test->cloud_state->missing);
    *place = (struct place){
        .vpc = "vpc-1",
        .archive_bucket = test->cloud_state->bucket[0] ? arena_strdup(arena, test->cloud_state->bucket)
                                                       : arena_format(arena, "archive-%s", account->id),
        .host_subnets = subnets,
        .host_subnet_count = test->cloud_state->subnets ? (size_t)test->cloud_state->subnets : 1,
        .balancer_subnets = balancer_subnets,
        .balancer_networks = balancer_networks,
        .balancer_subnet_count = 1,
        .images = images,
        .image_count = 1};
    return end_call(test);
}

static struct test_instance *instance_by_token(struct test_cloud *cloud, const char *token, size_t index)
{
    for (size_t i = 0; i < cloud->instance_count; i++)
        if (text_equal(cloud->instances[i].token, token) && cloud->instances[i].launch_index == (int)index)
            return &cloud->instances[i];
    return NULL;
}

static struct instance shown(struct test_zone *test, const struct test_instance *actual, struct arena *arena)
{
    size_t index = (size_t)(actual - test->cloud_state->instances);
    return (struct instance){
        .id = arena_strdup(arena, actual->id),
        .hostname = arena_strdup(arena, actual->hostname),
        .state = actual->state,
        .addresses = {arena_format(arena, "2001:db8::%zx:1", index + 1),
                      arena_format(arena, "2001:db8::%zx:2", index + 1)},
        .reason = actual->state == INSTANCE_ENDED ? "the key is disabled" : NULL,
        .token = actual->token[0] ? arena_strdup(arena, actual->token) : NULL,
        .launch_index = actual->launch_index,
        .launched_ms = actual->launched_ms,
        .application = TEST_APPLICATION,
    };
}

static bool is_full(const struct test_cloud *cloud, const struct launch *launch)
{
    char both[48];
    snprintf(both, sizeof both, "%s %s", launch->type, launch->subnet);
    for (size_t i = 0; i < COUNT_OF(cloud->full); i++)
        if (text_equal(cloud->full[i], both) || text_equal(cloud->full[i], launch->type))
            return true;
    return false;
}

static void start(struct test_cloud *cloud, const struct account *account, const struct launch *launch,
                  size_t index)
{
    struct test_instance *actual = &cloud->instances[cloud->instance_count++];
    snprintf(actual->id, sizeof actual->id, "i-%08zx", cloud->instance_count);
    snprintf(actual->hostname, sizeof actual->hostname, "%s",
             launch->host_count == 1 ? launch->hostnames[0] : "");
    snprintf(actual->token, sizeof actual->token, "%s", launch->token);
    snprintf(actual->account, sizeof actual->account, "%s", account->id);
    snprintf(actual->type, sizeof actual->type, "%s", launch->type);
    snprintf(actual->subnet, sizeof actual->subnet, "%s", launch->subnet);
    actual->launch_index = (int)index;
    actual->launched_ms = cloud->now_ms;
    actual->state = INSTANCE_RUNNING;
}

static int launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err)
{
    struct test_zone *test = context;
    struct test_cloud *cloud = test->cloud_state;
    (void)place;
    if (begin_call(test, account, err) < 0)
        return -1;
    cloud->launch_calls++;
    struct test_instance *first = instance_by_token(cloud, launch->token, 0);
    if (!first && cloud->refusal[0])
        return error_code(err, ERROR_CONFLICT, cloud->refusal, "refused");
    if (!first && (is_full(cloud, launch) || (cloud->largest && launch->host_count > (size_t)cloud->largest)))
        return error_code(err, ERROR_CONFLICT, "InsufficientInstanceCapacity", "not here");
    bool otherwise = first && (instance_by_token(cloud, launch->token, launch->host_count) ||
                               !instance_by_token(cloud, launch->token, launch->host_count - 1) ||
                               !text_equal(first->type, launch->type));
    if (otherwise)
        return error_code(err, ERROR_CONFLICT, "IdempotentParameterMismatch", "another launch");
    for (size_t i = 0; i < launch->host_count; i++) {
        if (!first)
            start(cloud, account, launch, i);
        struct test_instance *actual = instance_by_token(cloud, launch->token, i);
        actual->launch_calls++;
        instances[i] = shown(test, actual, arena);
    }
    if (cloud->lose_launches > 0 && cloud->lose_launches--)
        return error_set(err, ERROR_UNAVAILABLE, "no answer");
    return end_call(test);
}

static int list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    (void)owner;
    if (begin_call(test, account, err) < 0)
        return -1;
    *instances = arena_alloc(arena, TEST_INSTANCES_MOST * sizeof **instances);
    *count = 0;
    for (size_t i = 0; i < test->cloud_state->instance_count; i++)
        if (text_equal(test->cloud_state->instances[i].account, account->id) &&
            test->cloud_state->instances[i].launched_ms + test->cloud_state->list_lag_ms <=
                test->cloud_state->now_ms)
            (*instances)[(*count)++] = shown(test, &test->cloud_state->instances[i], arena);
    return end_call(test);
}

static int terminate(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    for (size_t i = 0; i < test->cloud_state->instance_count; i++)
        for (size_t j = 0; j < count; j++)
            if (text_equal(test->cloud_state->instances[i].id, instance_ids[j]))
                test->cloud_state->instances[i].state = INSTANCE_ENDED;
    return end_call(test);
}

static struct test_balancer *balancer_by_name(struct test_cloud *cloud, const char *name)
{
    for (size_t i = 0; i < cloud->balancer_count; i++)
        if (text_equal(cloud->balancers[i].name, name))
            return &cloud->balancers[i];
    return NULL;
}

static int make_balancer(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err)
{
    struct test_zone *test = context;
    struct test_cloud *cloud = test->cloud_state;
    (void)place;
    if (begin_call(test, account, err) < 0)
        return -1;
    struct test_balancer *actual = balancer_by_name(cloud, plan->name);
    if (!actual) {
        actual = &cloud->balancers[cloud->balancer_count++];
        snprintf(actual->name, sizeof actual->name, "%s", plan->name);
        snprintf(actual->account, sizeof actual->account, "%s", account->id);
    }
    actual->exists = actual->group_exists = true;
    actual->made++;
    actual->is_public = plan->settings.is_public;
    actual->is_private = plan->settings.is_private;
    actual->allowed = plan->settings.allowed_arn_count;
    *balancer = (struct balancer){.name = arena_strdup(arena, actual->name),
                                  .arn = arena_format(arena, "arn:lb/%s", plan->name),
                                  .group_arn = arena_strdup(arena, actual->name),
                                  .dns_name = arena_format(arena, "%s.elb.example", plan->name),
                                  .hosted_zone = "Z1"};
    if (actual->is_private) {
        balancer->service_id = "vpce-svc-1";
        balancer->service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-1";
    }
    return end_call(test);
}

static int targets(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **found, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    const struct test_balancer *actual = balancer_by_name(test->cloud_state, group_arn);
    if (!actual->group_exists)
        return error_set(err, ERROR_NOT_FOUND, "target group %s does not exist", group_arn);
    *count = actual->target_count;
    *found = arena_alloc(arena, *count * sizeof **found);
    for (size_t i = 0; i < *count; i++)
        (*found)[i] = (struct balancer_target){actual->targets[i],
                                               test->cloud_state->now_ms - actual->target_since_ms[i] >=
                                                   test->cloud_state->health_lag_ms};
    return end_call(test);
}

static int change_targets(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    struct test_balancer *actual = balancer_by_name(test->cloud_state, group_arn);
    for (size_t i = 0; i < removed_count; i++)
        for (size_t j = 0; j < actual->target_count; j++)
            if (text_equal(actual->targets[j], removed[i])) {
                size_t last = --actual->target_count;
                memmove(actual->targets[j], actual->targets[last], sizeof actual->targets[j]);
                actual->target_since_ms[j] = actual->target_since_ms[last];
            }
    for (size_t i = 0; i < added_count; i++) {
        actual->target_since_ms[actual->target_count] = test->cloud_state->now_ms;
        snprintf(actual->targets[actual->target_count++], sizeof actual->targets[0], "%s", added[i]);
    }
    return end_call(test);
}

/* In two steps, as the real one: the balancer, then its target group. */
static int remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    struct test_balancer *actual = balancer_by_name(test->cloud_state, name);
    *gone = !actual || (!actual->exists && !actual->group_exists);
    if (actual && !actual->exists)
        actual->group_exists = false;
    if (actual)
        actual->exists = false;
    return end_call(test);
}

static int events(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **found, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    (void)owner;
    if (begin_call(test, account, err) < 0)
        return -1;
    *found = arena_alloc(arena, COUNT_OF(test->cloud_state->events) * sizeof **found);
    *count = 0;
    for (size_t i = 0; i < COUNT_OF(test->cloud_state->events); i++) {
        const struct test_event *event = &test->cloud_state->events[i];
        if (event->code[0])
            (*found)[(*count)++] = (struct instance_event){event->instance_id, event->code,
                                                           "degraded hardware", event->not_before_ms};
    }
    return end_call(test);
}

static int list_balancers(void *context, const struct account *account, const char *owner,
                          struct arena *arena, struct balancer **found, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    struct test_cloud *cloud = test->cloud_state;
    (void)owner;
    if (begin_call(test, account, err) < 0)
        return -1;
    *found = arena_alloc(arena, TEST_MOST * sizeof **found);
    *count = 0;
    for (size_t i = 0; i < cloud->balancer_count; i++)
        if (text_equal(cloud->balancers[i].account, account->id) &&
            (cloud->balancers[i].exists || cloud->balancers[i].group_exists))
            (*found)[(*count)++] =
                (struct balancer){.name = cloud->balancers[i].name,
                                  .arn = cloud->balancers[i].exists ? "arn" : NULL,
                                  .group_arn = cloud->balancers[i].group_exists ? "arn" : NULL,
                                  .service_id = cloud->balancers[i].is_private ? "vpce-svc-1" : NULL};
    return end_call(test);
}

static int name_resolves(void *context, const char *name, bool *resolves, struct error *err)
{
    struct test_zone *test = context;
    (void)name;
    (void)err;
    *resolves = !test->cloud_state->unknown_names;
    return 0;
}

static void drop_peer(struct test_zone *test, const char *key)
{
    for (char *at; (at = strstr(test->peer_list, key));) {
        char *end = strchr(at, '\n') + 1;
        memmove(at, end, strlen(end) + 1);
    }
}

static void add_peer(struct test_zone *test, const struct tunnel_peer *peer)
{
    size_t used = strlen(test->peer_list);
    snprintf(test->peer_list + used, sizeof test->peer_list - used, "%s %s\n", peer->public_key,
             peer->address);
}

static int set_peers(void *context, const struct tunnel_peer *peers, size_t count, struct error *err)
{
    struct test_zone *test = context;
    (void)err;
    test->peer_list[0] = '\0';
    for (size_t i = 0; i < count; i++)
        add_peer(test, &peers[i]);
    test->whole_lists++;
    return 0;
}

static int change_peers(void *context, const struct tunnel_peer *peers, size_t count,
                        const char *const *removed, size_t removed_count, struct error *err)
{
    struct test_zone *test = context;
    (void)err;
    for (size_t i = 0; i < removed_count; i++)
        drop_peer(test, removed[i]);
    for (size_t i = 0; i < count; i++)
        add_peer(test, &peers[i]);
    return 0;
}

static int set_peer(void *context, const struct tunnel_peer *peer, struct error *err)
{
    (void)context;
    (void)peer;
    (void)err;
    return 0;
}

static const char *public_key(void *context)
{
    (void)context;
    return TEST_KEY;
}

static int attest(void *context, const struct host_attestation *attestation, struct arena *arena,
                  struct attested *attested, struct error *err)
{
    const struct test_zone *test = context;
    (void)attestation;
    (void)arena;
    if (!test->genuine)
        return error_set(err, ERROR_FORBIDDEN, "not AWS's signature");
    *attested = test->attested;
    return 0;
}

/* After every step of every test the records fit together. From whichever thread: it ends the test's process.
 */
static void check_records(const struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *broken = test->unchecked ? NULL : records_broken_rule(view, arena);
    if (!broken)
        return;
    print_error("the records do not fit together: %s\n", broken);
    abort();
}

static void after_commit(void *context, const struct touched *touched)
{
    struct test_zone *test = context;
    check_records(test);
    step(test);
    schedule_touch(test->zone->schedule, touched);
    polls_look(test->zone->polls, touched);
}

void test_zone_open(struct test_zone *test)
{
    struct error err = {0};
    char path[96];
    snprintf(path, sizeof path, "%s/store", test->directory);
    const struct zone_parts parts = {&test->config,     NULL, &test->cloud, &test->peers, &test->attestor,
                                     &test_environment, false};
    struct zone_parts whole = parts;
    if (store_open_sqlite(path, &test->store, &err) < 0)
        fail_msg("%s", err.message);
    whole.store = test->store;
    if (zone_open(&whole, &test->zone, &err) < 0)
        fail_msg("%s", err.message);
    repository_on_change(test->zone->repository, after_commit, test);
}

void test_zone_close(struct test_zone *test)
{
    account_worker_free(&test->worker);
    zone_close(&test->zone);
    store_close(&test->store);
}

int test_zone_begin(void **state)
{
    struct test_zone *test = memory_alloc(sizeof *test);
    log_open("test", LOG_LEVEL_ERROR, false);
    test->cloud_state =
        mmap(NULL, sizeof *test->cloud_state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test->cloud_state->now_ms = 1767323045000;
    now_of = test->cloud_state;
    snprintf(test->directory, sizeof test->directory, "/dev/shm/zone-test-XXXXXX");
    if (!mkdtemp(test->directory))
        return -1;
    test->arena = arena_new();
    test->config = (struct config){.aws_region = "us-east-1",
                                   .zone = "dev.aws-us-east-1c",
                                   .index = 1,
                                   .limits = limits_default,
                                   .address = "2001:db8:f::1",
                                   .zts_url = "https://zts/zts/v1",
                                   .public_zts_url = "https://nlb:8443/zts/v1",
                                   .bootstrap_url = "https://nlb:443",
                                   .ca_certificates = "CA",
                                   .node_image = "registry.example/vespa:8"};
    test->cloud = (struct cloud){.context = test,
                                 .find_place = find_place,
                                 .launch = launch,
                                 .list = list,
                                 .terminate = terminate,
                                 .events = events,
                                 .make_balancer = make_balancer,
                                 .list_balancers = list_balancers,
                                 .targets = targets,
                                 .change_targets = change_targets,
                                 .remove_balancer = remove_balancer,
                                 .name_resolves = name_resolves};
    test->peers = (struct peers){test, set_peer, set_peers, public_key, change_peers};
    test->attestor = (struct attestor){test, attest};
    test_zone_open(test);
    *state = test;
    return 0;
}

int test_zone_end(void **state)
{
    struct test_zone *test = *state;
    test_zone_close(test);
    tree_remove(test->directory, NULL);
    munmap(test->cloud_state, sizeof *test->cloud_state);
    arena_free(&test->arena);
    free(test);
    return 0;
}

void test_zone_renew(struct test_zone *test)
{
    test_zone_close(test);
    memset(test->cloud_state, 0, sizeof *test->cloud_state);
    test->cloud_state->now_ms = 1767323045000;
    static const char *const files[] = {"store", "store-wal", "store-shm"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(arena_format(test->arena, "%s/%s", test->directory, files[i]));
    test_zone_open(test);
}

int test_in_a_process(struct test_zone *test, void (*what)(struct test_zone *test))
{
    test_zone_close(test); /* a store is one process's at a time */
    pid_t child = fork();
    if (child == 0) {
        test_zone_open(test);
        what(test);
    }
    int status;
    waitpid(child, &status, 0);
    test_zone_open(test);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void test_zone_advance(struct test_zone *test, int64_t milliseconds)
{
    __atomic_add_fetch(&test->cloud_state->now_ms, milliseconds, __ATOMIC_RELAXED);
    if (test->zone)
        zone_ring(test->zone); /* whoever sleeps on a thread sleeps by the test's time */
}

static bool is_silent(const struct test_zone *test, const char *hostname)
{
    for (size_t i = 0; i < COUNT_OF(test->silent) && test->silent[i]; i++)
        if (text_equal(test->silent[i], hostname))
            return true;
    return false;
}

void test_hosts_heard(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_HOST, struct host, host)
        if (!is_silent(test, host->hostname))
            host_heard(test->zone, host->hostname);
}

void test_account_pass(struct test_zone *test)
{
    if (!test->worker)
        test->worker = account_worker_new(test->zone, TEST_ACCOUNT);
    account_worker_pass(test->worker);
}

void test_zone_run(struct test_zone *test, int times)
{
    for (int i = 0; i < times; i++) {
        test_hosts_heard(test);
        schedule_run_due(test->zone->schedule);
        test_zone_advance(test, 1000);
    }
}

char *test_key_of(struct arena *arena, const struct host *host)
{
    return arena_format(arena, "%042lld0=", (long long)host->index);
}

static void change_hosts(struct test_zone *test, enum host_event event)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    view_each(transaction_view(transaction), RECORD_HOST, struct host, host) {
        struct host next = *host;
        if (!next.wireguard_key)
            next.wireguard_key = test_key_of(transaction_arena(transaction), host);
        const struct cause cause = zone_cause(test->zone, transaction, AGENT_HOST, NULL);
        if (host_apply(&next, event, &cause, NULL) == 0)
            transaction_put(transaction, RECORD_HOST, &next);
    }
    struct error err = {0};
    if (transaction_commit(&transaction, &err) < 0)
        fail_msg("%s", err.message);
}

void test_hosts_arrive(struct test_zone *test)
{
    change_hosts(test, HOST_REACHED_US);
}

void test_hosts_drain(struct test_zone *test)
{
    change_hosts(test, HOST_DRAINED);
}

/* As a host that asked for the names in its spec does. */
static void certify(struct test_zone *test, const struct view *view, struct node *node)
{
    const struct load_balancer *balancer =
        view_find(view, RECORD_LOAD_BALANCER, endpoint_id(test->arena, node->application, node->cluster));
    if (!balancer)
        return;
    node->certificate_names = arena_alloc(test->arena, ENDPOINT_NAMES * sizeof *node->certificate_names);
    node->certificate_name_count = endpoint_names(test->arena, balancer, node->certificate_names);
}

void test_nodes_report(struct test_zone *test, const char *status)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    view_each(transaction_view(transaction), RECORD_NODE, struct node, node) {
        struct node next = *node;
        next.service_status = status;
        next.current_image = node->image;
        certify(test, transaction_view(transaction), &next);
        if (node->state == NODE_ACTIVE)
            transaction_put(transaction, RECORD_NODE, &next);
    }
    struct error err = {0};
    if (transaction_commit(&transaction, &err) < 0)
        fail_msg("%s", err.message);
}

const struct application *test_application(struct test_zone *test, const struct view *view)
{
    (void)test;
    return view_find(view, RECORD_APPLICATION, TEST_APPLICATION);
}

size_t test_instances_in(struct test_zone *test, const char *account, enum instance_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < test->cloud_state->instance_count; i++)
        count += text_equal(test->cloud_state->instances[i].account, account) &&
                 test->cloud_state->instances[i].state == state;
    return count;
}
