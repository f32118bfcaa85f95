#include "configserver/decide/test_clusters.h"

#include "base/text.h"

static void write_application(struct transaction *transaction, const struct test_shape *shape)
{
    static const char *zones[] = {"use1-az1", "use1-az2", "use1-az3"}, *others[] = {"m7g.large"};
    struct cluster clusters[] = {
        {.id = "web",
         .type = CLUSTER_CONTAINER,
         .count = 1,
         .groups = 1,
         .instance_type = "c6g.large",
         .image = "a:1"},
        {.id = "albums",
         .type = CLUSTER_CONTENT,
         .count = shape->count,
         .groups = shape->groups,
         .disk_gb = shape->disk_gb,
         .instance_type = shape->type,
         .other_types = others,
         .other_type_count = text_equal(shape->type, "m6g.large"),
         .image = shape->image},
    };
    const struct application application = {.id = TEST_APPLICATION,
                                            .tenant = "acme",
                                            .application = "search",
                                            .instance = "default",
                                            .account = TEST_ACCOUNT,
                                            .generation = 1,
                                            .package_hash = "0",
                                            .archive_bucket = "b",
                                            .deleting = shape->deleting,
                                            .clusters = clusters,
                                            .cluster_count = shape->removed ? 1 : 2,
                                            .availability_zones = zones,
                                            .availability_zone_count = 3};
    const struct account account = {TEST_ACCOUNT, "acme", "external"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    transaction_put(transaction, RECORD_APPLICATION, &application);
}

static void commit(struct transaction **transaction)
{
    struct error err = {0};
    if (transaction_commit(transaction, &err) < 0)
        fail_msg("%s", err.message);
}

void test_allocate(struct test_zone *test, const struct test_shape *shape)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    write_application(transaction, shape);
    allocate_application(test->zone, transaction,
                         transaction_find(transaction, RECORD_APPLICATION, TEST_APPLICATION));
    commit(&transaction);
}

void test_change_host(struct test_zone *test, const char *hostname, enum host_event event)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct host next = *(const struct host *)transaction_find(transaction, RECORD_HOST, hostname);
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, "test");
    if (event == HOST_LAUNCHED) {
        next.instance_id = arena_format(test->arena, "i-%lld", (long long)next.index);
        next.address = arena_format(test->arena, "2001:db8::%lld:1", (long long)next.index);
        next.node_address = arena_format(test->arena, "2001:db8::%lld:2", (long long)next.index);
        next.wireguard_key = test_key_of(test->arena, &next);
    }
    if (host_apply(&next, event, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_HOST, &next);
    commit(&transaction);
}

void test_change_node(struct test_zone *test, const char *hostname, enum node_event event)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct node next = *(const struct node *)transaction_find(transaction, RECORD_NODE, hostname);
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, "test");
    if (node_apply(&next, event, &cause, NULL) == 0) {
        if (event == NODE_ACTIVATE) {
            next.service_status = "up";
            next.current_image = next.image;
        }
        transaction_put(transaction, RECORD_NODE, &next);
    }
    commit(&transaction);
}

void test_serve(struct test_zone *test, const struct node *node)
{
    const char *hostname = arena_strdup(test->arena, node->hostname);
    const char *parent = arena_strdup(test->arena, node->parent);
    test_change_host(test, parent, HOST_LAUNCHED);
    test_change_host(test, parent, HOST_REACHED_US);
    test_change_host(test, parent, HOST_ACTIVATE);
    test_change_node(test, hostname, NODE_ACTIVATE);
}
