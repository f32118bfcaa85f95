#include "configserver/maintain/test_situation.h"

#include "base/text.h"

#include <string.h>

static void commit(struct transaction **transaction)
{
    struct error err = {0};
    if (transaction_commit(transaction, &err) < 0)
        fail_msg("%s", err.message);
}

static void write_application(struct test_zone *test, struct transaction *transaction,
                              const struct situation *situation)
{
    struct cluster cluster = {.id = "c",
                              .type = situation->content ? CLUSTER_CONTENT : CLUSTER_CONTAINER,
                              .count = situation->target,
                              .groups = situation->groups,
                              .instance_type = "m7i.large",
                              .image = "v"};
    const struct application application = {
        .id = situation->application ? situation->application : TEST_APPLICATION,
        .tenant = "acme",
        .application = "search",
        .instance = "default",
        .account = situation->account ? situation->account : TEST_ACCOUNT,
        .generation = 1,
        .deployed_at = zone_now_ms(test->zone),
        .package_hash = "0",
        .archive_bucket = "b",
        .clusters = &cluster,
        .cluster_count = situation->target > 0,
    };
    const struct account account = {application.account, application.tenant, "external"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    transaction_put(transaction, RECORD_APPLICATION, &application);
}

/* What each letter is, beside an active node that is up on an active host. */
static void apply_letter(char letter, int64_t since, struct host *host, struct node *node)
{
    bool down = strchr("dRfMSg", letter);
    node->state = letter == 'n' ? NODE_RESERVED : letter == 'i' ? NODE_INACTIVE : NODE_ACTIVE;
    if (letter == 'n')
        host->state = HOST_PROVISIONED;
    if (strchr("nsiSg", letter))
        node->service_status = NULL;
    if (!strchr("nsSg", letter))
        node->first_up_at = 1;
    if (letter == 'i')
        node->state_since = since;
    if (down) {
        node->service_status = node->first_up_at ? "down" : NULL;
        node->down_since = host->down_since = since;
    }
    node->reached = strchr("lLMP", letter);
    node->parting_since = strchr("pP", letter) ? since : 0;
    if (strchr("rmRLMpP", letter)) {
        node->retired = true;
        node->retired_since = since;
    }
    node->data_moved = letter == 'm';
    host->want_to_fail = strchr("fFg", letter);
    node->suspended_since = letter == 'x' ? since : 0;
    if (letter == 'b')
        node->reports =
            json_pack("{s:{s:s,s:s}}", "disk", "type", "HARD_FAIL", "description", "it is broken");
}

static void write_balancer(struct test_zone *test, struct transaction *transaction)
{
    const struct load_balancer balancer = {
        .id = TEST_APPLICATION ":c",
        .application = TEST_APPLICATION,
        .cluster = "c",
        .account = TEST_ACCOUNT,
        .name = "vespa-c",
        .state = LOAD_BALANCER_ACTIVE,
        .state_since = zone_now_ms(test->zone),
        .arn = "arn",
        .group_arn = "arn",
        .dns_name = "c.example",
        .announced = true,
    };
    transaction_put(transaction, RECORD_LOAD_BALANCER, &balancer);
}

static void write_node(struct test_zone *test, struct transaction *transaction,
                       const struct situation *situation, char letter, int64_t index, int64_t group)
{
    int64_t now = zone_now_ms(test->zone);
    int number = (int)(index + (situation->first_host ? situation->first_host : 100));
    struct host host = {
        .hostname = zone_hostname(test->arena, &test->zone->id, number),
        .index = number,
        .state = HOST_ACTIVE,
        .state_since = 1,
        .application = situation->application ? situation->application : TEST_APPLICATION,
        .tenant = "acme",
        .cluster = "c",
        .account = situation->account ? situation->account : TEST_ACCOUNT,
        .instance_type = "m7i.large",
        .instance_id = arena_format(test->arena, "i-%08x", number),
        .address = arena_format(test->arena, "2001:db8::%x:1", number),
        .node_address = arena_format(test->arena, "2001:db8::%x:2", number),
        .wireguard_key = arena_format(test->arena, "%042d0=", number),
    };
    struct node node = {
        .hostname = zone_node_hostname(test->arena, &test->zone->id, number),
        .parent = host.hostname,
        .application = host.application,
        .cluster = "c",
        .cluster_type = situation->content ? CLUSTER_CONTENT : CLUSTER_CONTAINER,
        .index = index,
        .group = group,
        .state_since = 1,
        .image = "v",
        .current_image = "v",
        .service_status = "up",
    };
    apply_letter(letter, now - situation->ago_ms, &host, &node);
    transaction_put(transaction, RECORD_HOST, &host);
    transaction_put(transaction, RECORD_NODE, &node);
    json_decref(node.reports);
}

void situation_make(struct test_zone *test, const struct situation *situation)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    write_application(test, transaction, situation);
    if (situation->announced)
        write_balancer(test, transaction);
    int64_t index = 0, group = 0;
    for (const char *at = situation->nodes; *at; at++) {
        if (*at == '|')
            group++;
        else if (*at != ' ')
            write_node(test, transaction, situation, *at, index++, group);
    }
    commit(&transaction);
}

void situation_step(struct test_zone *test, application_step *step)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct application *application =
        transaction_find(transaction, RECORD_APPLICATION, TEST_APPLICATION);
    assert_non_null(application);
    step(test->zone, transaction, application);
    commit(&transaction);
}

const char *situation_states(struct test_zone *test)
{
    static const char letters[] = {'n', 'u', 'I', 'F', 'P', 'D', '-'};
    VIEW(view, test->zone->repository);
    char *shown = arena_alloc(test->arena, view_count(view, RECORD_NODE) + 1);
    size_t at = 0;
    view_each(view, RECORD_NODE, struct node, node)
        shown[at++] = node->parting_since ? 'p' : letters[node->state];
    return shown;
}

const struct host *situation_host(struct test_zone *test, const struct view *view, int nth)
{
    return view_find(view, RECORD_HOST, zone_hostname(test->arena, &test->zone->id, 100 + nth));
}

const struct node *situation_node(struct test_zone *test, const struct view *view, int nth)
{
    return view_find(view, RECORD_NODE, zone_node_hostname(test->arena, &test->zone->id, 100 + nth));
}

void situation_change_host(struct test_zone *test, int nth, void (*change)(struct host *host))
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct host next = *situation_host(test, transaction_view(transaction), nth);
    const struct node *node = view_of(transaction_view(transaction), NODE_OF_HOST, next.hostname, 0);
    change(&next);
    transaction_put(transaction, RECORD_HOST, &next);
    if (node && next.state >= HOST_DEPROVISIONED) /* its node went before */
        transaction_remove(transaction, RECORD_NODE, node->hostname);
    commit(&transaction);
}
