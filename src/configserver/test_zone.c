#include "configserver/test_zone.h"

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
    test_cloud_step(test);
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
    test->cloud = test_cloud_calls(test);
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
