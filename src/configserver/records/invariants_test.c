#include "configserver/records/invariants.h"

#include "base/text.h"
#include "store/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ID      "acme:search:default"
#define ACCOUNT "210987654321"
#define KEY     "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

/* Records that fit together, for a test to change one of. */
struct bench {
    struct memory_tree *tree;
    struct store *store;
    struct repository *repository;
    struct arena *arena;
    struct account account;
    struct application application;
    struct host hosts[2];
    struct node nodes[2];
};

static struct host host_like(const char *name, const char *instance, const char *address)
{
    return (struct host){.hostname = name,
                         .state = HOST_PROVISIONED,
                         .application = ID,
                         .tenant = "acme",
                         .cluster = "web",
                         .account = ACCOUNT,
                         .instance_type = "m6i.large",
                         .instance_id = instance,
                         .address = address,
                         .node_address = address};
}

static struct node node_like(const char *name, const char *parent, int64_t index)
{
    return (struct node){.hostname = name,
                         .parent = parent,
                         .application = ID,
                         .cluster = "web",
                         .index = index,
                         .state = NODE_ACTIVE,
                         .image = "vespa"};
}

static int begin(void **state)
{
    struct bench *bench = memory_alloc(sizeof *bench);
    bench->tree = memory_tree_new();
    bench->arena = arena_new();
    store_open_memory(bench->tree, &bench->store, NULL);
    assert_int_equal(repository_open(bench->store, &bench->repository, NULL), 0);
    assert_int_equal(repository_lead(bench->repository, "test", NULL), 0);
    bench->account = (struct account){ACCOUNT, "acme", "external"};
    bench->application = (struct application){.id = ID,
                                              .tenant = "acme",
                                              .application = "search",
                                              .instance = "default",
                                              .account = ACCOUNT,
                                              .package_hash = "hash",
                                              .archive_bucket = "bucket"};
    bench->hosts[0] = host_like("h1.example", "i-1", "2001:db8::1");
    bench->hosts[1] = host_like("h2.example", "i-2", "2001:db8::2");
    bench->nodes[0] = node_like("h1a.example", "h1.example", 0);
    bench->nodes[1] = node_like("h2a.example", "h2.example", 1);
    *state = bench;
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;
    repository_close(&bench->repository);
    store_close(&bench->store);
    memory_tree_free(&bench->tree);
    arena_free(&bench->arena);
    free(bench);
    return 0;
}

static const char *broken_rule(struct bench *bench)
{
    struct transaction *transaction = transaction_begin(bench->repository);
    transaction_put(transaction, RECORD_ACCOUNT, &bench->account);
    transaction_put(transaction, RECORD_APPLICATION, &bench->application);
    for (size_t i = 0; i < 2; i++) {
        transaction_put(transaction, RECORD_HOST, &bench->hosts[i]);
        transaction_put(transaction, RECORD_NODE, &bench->nodes[i]);
    }
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    VIEW(view, bench->repository);
    return records_broken_rule(view, bench->arena);
}

static void says(struct bench *bench, const char *words)
{
    const char *broken = broken_rule(bench);
    if (!broken || !strstr(broken, words))
        fail_msg("'%s' does not say '%s'", broken ? broken : "", words);
}

static void records_that_fit_together_break_no_rule(void **state)
{
    assert_null(broken_rule(*state));
}

static void an_index_of_a_cluster_is_one_nodes(void **state)
{
    struct bench *bench = *state;
    bench->nodes[1].index = 0;
    says(bench, "an index is one node's");
    bench->nodes[1].state = NODE_FAILED;
    says(bench, "an index is one node's");
    bench->nodes[1].index = 1;
    assert_null(broken_rule(bench));
}

static void an_instance_an_address_and_a_key_are_one_hosts(void **state)
{
    struct bench *bench = *state;
    bench->hosts[1].instance_id = "i-1";
    says(bench, "an instance is one host's");
    bench->hosts[1].instance_id = "i-2";
    bench->hosts[1].node_address = bench->hosts[0].node_address;
    says(bench, "an address is one node's");
    bench->hosts[1].node_address = "2001:db8::2";
    bench->hosts[0].wireguard_key = bench->hosts[1].wireguard_key = KEY;
    says(bench, "a tunnel key is one host's");
}

static void a_node_is_on_a_host_of_its_own(void **state)
{
    struct bench *bench = *state;
    bench->nodes[1].parent = "h1.example";
    says(bench, "a host has one node");
    bench->nodes[1].parent = "h3.example";
    says(bench, "a node is on a host");
    bench->nodes[1].parent = "h2.example";
    bench->hosts[1].cluster = "other";
    says(bench, "a host is its node's alone");
}

static void everything_is_an_applications_in_its_tenants_account(void **state)
{
    struct bench *bench = *state;
    bench->account.tenant = "globex";
    says(bench, "in its tenant's account");
    bench->account.tenant = "acme";
    bench->hosts[0].account = "333333333333";
    says(bench, "in its application's account");
    bench->hosts[0].account = ACCOUNT;
    bench->nodes[0].application = bench->hosts[0].application = "acme:other:default";
    says(bench, "an application's");
}

static void put_load_balancer(struct bench *bench, enum load_balancer_state state, const char *account)
{
    const struct load_balancer balancer = {.id = ID ":web",
                                           .application = ID,
                                           .cluster = "web",
                                           .account = account,
                                           .name = "vespa-1",
                                           .state = (int)state};
    struct transaction *transaction = transaction_begin(bench->repository);
    transaction_put(transaction, RECORD_LOAD_BALANCER, &balancer);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

static void a_load_balancer_is_for_a_container_cluster_in_the_applications_account(void **state)
{
    struct bench *bench = *state;
    struct cluster cluster = {.id = "web", .count = 2, .groups = 1, .instance_type = "t", .image = "vespa"};
    assert_null(broken_rule(bench));
    put_load_balancer(bench, LOAD_BALANCER_WANTED, ACCOUNT);
    says(bench, "a load balancer is for a container cluster");
    bench->application.clusters = &cluster;
    bench->application.cluster_count = 1;
    assert_null(broken_rule(bench));
    cluster.type = CLUSTER_CONTENT;
    says(bench, "a load balancer is for a container cluster");
    put_load_balancer(bench, LOAD_BALANCER_REMOVING, ACCOUNT);
    assert_null(broken_rule(bench));
    put_load_balancer(bench, LOAD_BALANCER_REMOVING, "333333333333");
    says(bench, "a load balancer is an application's");
}

int main(void)
{
#define RULE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        RULE(records_that_fit_together_break_no_rule),
        RULE(an_index_of_a_cluster_is_one_nodes),
        RULE(an_instance_an_address_and_a_key_are_one_hosts),
        RULE(a_node_is_on_a_host_of_its_own),
        RULE(a_load_balancer_is_for_a_container_cluster_in_the_applications_account),
        RULE(everything_is_an_applications_in_its_tenants_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
