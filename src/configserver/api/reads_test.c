/* What the reads show of hosts, nodes and load balancers, and whom the filters pass; over plain HTTP, who may
 * read is boundary_test.c's. */
#include "base/text.h"
#include "configserver/api/routes.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/test_callers.h"
#include "net/http_client.h"
#include "net/http_server.h"

#include <stdio.h>
#include <string.h>

#define HOST_NAME   "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define ANOTHER_KEY "hsoHVMTWRkbmYKbZiIvYJ0ZnlB1gkzGzjOvJNOhGMSk="
#define NODE_NAME   "h100a.dev.aws-us-east-1c.vespa.enclave.internal"

struct reads {
    struct test_zone *test;
    struct http_server *server;
    struct http_client *client;
    int port;
};

static int let_in(void *context, struct http_request *request, unsigned who, struct error *err)
{
    (void)context;
    (void)request;
    (void)who;
    (void)err;
    return 0;
}

/* "web" and "albums" with a node each, both serving. */
static int begin(void **state)
{
    void *test;
    if (test_zone_begin(&test) < 0)
        return -1;
    struct reads *reads = memory_alloc(sizeof *reads);
    reads->test = test;
    struct error err;
    struct deployed deployed;
    check(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), &err);
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    test_nodes_report(test, "up");
    test_zone_run(test, 4);
    struct http_listener listener = {.side = SIDE_PUBLIC};
    check(http_listen("127.0.0.1", 0, &listener.socket, &err), &err);
    reads->port = http_socket_port(listener.socket);
    const struct http_server_options options = {.name = "test",
                                                .routes = routes,
                                                .route_count = route_count,
                                                .authorize = let_in,
                                                .context = reads->test->zone};
    check(http_server_start(&options, &listener, 1, &reads->server, &err), &err);
    const struct http_client_options client = {.no_proxy = true};
    check(http_client_new(&client, &reads->client, &err), &err);
    *state = reads;
    return 0;
}

static int end(void **state)
{
    struct reads *reads = *state;
    http_server_stop(&reads->server);
    http_client_free(&reads->client);
    void *test = reads->test;
    test_zone_end(&test);
    free(reads);
    return 0;
}

static json_t *get(struct reads *reads, const char *path)
{
    struct error err;
    struct http_reply reply = {0};
    json_t *answer;
    struct http_call call = {
        .method = HTTP_GET,
        .url = arena_format(reads->test->arena, "http://127.0.0.1:%d%s", reads->port, path)};
    check(http_call(reads->client, &call, reads->test->arena, &reply, &err), &err);
    if (reply.status != 200)
        fail_msg("%s: %d %s", path, reply.status, reply.body);
    check(json_parse(reads->test->arena, reply.body, reply.length, &answer, &err), &err);
    return answer;
}

/* Hostnames of what the query lists, "h100 h100a", sorted as listed. */
static const char *listed(struct reads *reads, const char *query)
{
    json_t *answer = get(reads, arena_format(reads->test->arena, "/nodes/v2/node/%s", query)), *node;
    const char *names = "";
    size_t index;
    json_array_foreach(json_object_get(answer, "nodes"), index, node) {
        const char *name = json_member_text(node, "hostname");
        names = arena_format(reads->test->arena, "%s%s%.*s", names, index ? " " : "", (int)strcspn(name, "."),
                             name);
    }
    return names;
}

static void filters_pass_what_they_name(void **state)
{
    struct reads *reads = *state;
    static const struct {
        const char *query, *names;
    } cases[] = {
        {"", "h100 h101 h100a h101a"},
        {"?type=host", "h100 h101"},
        {"?type=tenant", "h100a h101a"},
        {"?application=acme.search.default", "h100 h101 h100a h101a"},
        {"?application=acme:search:default&type=tenant", "h100a h101a"},
        {"?application=acme.other.default", ""},
        {"?clusterId=albums", "h101 h101a"},
        {"?clusterType=container", "h100a"},
        {"?parentHost=" HOST_NAME, "h100a"},
        {"?hostname=" NODE_NAME "," HOST_NAME, "h100 h100a"},
        {"?state=active&clusterId=web", "h100 h100a"},
        {"?state=wanted%20reserved", ""},
        {"?enclave=false", ""},
        {"?enclave=true&type=host", "h100 h101"},
        {"?flavor=c6a.large,m6a.large", "h100"},
        {"?flavor=x1.large", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(listed(reads, cases[i].query), cases[i].names);
}

static void change_host(struct reads *reads, void (*change)(struct host *host))
{
    struct error err;
    cleanup(transaction_end) struct transaction *transaction =
        transaction_begin(reads->test->zone->repository);
    struct host host = *(const struct host *)transaction_find(transaction, RECORD_HOST, HOST_NAME);
    change(&host);
    transaction_put(transaction, RECORD_HOST, &host);
    if (host.state >= HOST_DEPROVISIONED)
        transaction_remove(transaction, RECORD_NODE, NODE_NAME);
    check(transaction_commit(&transaction, &err), &err);
}

static void mark_leaving(struct host *host)
{
    host->want_to_retire = true;
    host->wish_reason = "AWS retires it";
    host->trouble = "no capacity";
    host->refusals = 3;
    host->launch_after = 1LL << 42;
    host->down_since = 1000;
    host->suspended_since = 2000;
}

static void a_host_shows_what_is_wanted_and_why_it_waits(void **state)
{
    struct reads *reads = *state;
    json_t *quiet = get(reads, "/nodes/v2/node/" HOST_NAME);
    assert_string_equal(json_member_text(quiet, "state"), "active");
    assert_string_equal(json_member_text(quiet, "type"), "host");
    assert_string_equal(json_member_text(quiet, "cloudAccount"), "aws:" TEST_ACCOUNT);
    assert_string_equal(json_member_text(quiet, "orchestratorStatus"), "NO_REMARKS");
    assert_string_equal(json_member_text(json_object_get(quiet, "resources"), "storageType"), "remote");
    assert_string_equal(json_string_value(json_array_get(json_object_get(quiet, "additionalHostnames"), 0)),
                        NODE_NAME);
    assert_false(json_is_true(json_object_get(quiet, "wantToRetire")));
    static const char *const unsaid[] = {
        "wishReason",  "trouble",          "downSinceMillis", "suspendedSinceMillis",
        "launchAfter", "capacityRefusals", "hostTTL"};
    for (size_t i = 0; i < COUNT_OF(unsaid); i++)
        assert_null(json_object_get(quiet, unsaid[i]));
    json_t *first = json_array_get(json_object_get(quiet, "history"), 0);
    assert_string_equal(json_member_text(first, "event"), "wanted");
    assert_string_equal(json_member_text(first, "agent"), "allocator");
    assert_string_equal(json_member_text(first, "reason"), "cluster web is to have 1 node");

    change_host(reads, mark_leaving);
    json_t *leaving = get(reads, "/nodes/v2/node/" HOST_NAME);
    assert_true(json_is_true(json_object_get(leaving, "wantToRetire")));
    assert_true(json_is_true(json_object_get(leaving, "down")));
    assert_string_equal(json_member_text(leaving, "wishReason"), "AWS retires it");
    assert_string_equal(json_member_text(leaving, "trouble"), "no capacity");
    assert_string_equal(json_member_text(leaving, "orchestratorStatus"), "ALLOWED_TO_BE_DOWN");
    assert_int_equal(json_integer_value(json_object_get(leaving, "capacityRefusals")), 3);
    assert_int_equal(json_integer_value(json_object_get(leaving, "suspendedSinceMillis")), 2000);
    assert_int_equal(json_integer_value(json_object_get(leaving, "launchAfter")), 1LL << 42);
}

/* The original's members, as far as there is such a thing here: hosts are no application's nodes, nothing is
 * rebuilt or upgraded in place, and types do not change under a host. */
static void every_member_of_the_originals_is_there(void **state)
{
    struct reads *reads = *state;
    static const struct {
        const char *path, *list, *members;
    } cases[] = {
        {"/nodes/v2/node/" HOST_NAME, NULL,
         "url id state type hostname flavor exclusiveTo cpuCores resources realResources cost environment "
         "rebootGeneration currentRebootGeneration failCount wantToRetire wantToDeprovision down history log "
         "ipAddresses additionalIpAddresses additionalHostnames cloudAccount wireguard"},
        {"/nodes/v2/node/" NODE_NAME, NULL,
         "url id state type hostname parentHostname environment owner membership wantedDockerImage "
         "restartGeneration currentRestartGeneration wantToRetire down requestedResources "
         "orchestratorStatus archiveUri ipAddresses cloudAccount history log"},
        {"/loadbalancers/v1/", "loadBalancers",
         "id idSeed state changedAt tenant application instance cluster hostname dnsZone networks ports "
         "reals settings public cloudAccount"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *answer = get(reads, cases[i].path);
        if (cases[i].list)
            answer = json_array_get(json_object_get(answer, cases[i].list), 0);
        char **names;
        size_t count = text_split(reads->test->arena, cases[i].members, ' ', &names);
        for (size_t j = 0; j < count; j++)
            if (!json_object_get(answer, names[j]))
                fail_msg("%s has no member '%s'", cases[i].path, names[j]);
    }
    struct error err = {0};
    check(host_admit_key(reads->test->zone, HOST_NAME, ANOTHER_KEY, &err), &err);
    json_t *host = get(reads, "/nodes/v2/node/" HOST_NAME), *tunnel = json_object_get(host, "wireguard");
    assert_string_equal(json_member_text(tunnel, "key"), ANOTHER_KEY);
    assert_int_equal(json_integer_value(json_object_get(tunnel, "timestamp")),
                     reads->test->cloud_state->now_ms);
    json_t *machine = json_object_get(host, "realResources");
    assert_true(json_number_value(json_object_get(machine, "vcpu")) ==
                json_number_value(json_object_get(host, "cpuCores")));
    assert_string_equal(json_member_text(machine, "architecture"), "x86_64");
}

static void flap(struct host *host)
{
    static struct event events[EVENTS_KEPT];
    for (int i = 0; i < 14; i++)
        events[i] = (struct event){i == 0 ? "launched" : i % 2 ? "down" : "up", 100 + i, "health", NULL};
    host->history = events;
    host->history_count = 14;
}

static void history_has_the_last_of_each_kind_and_the_log_the_last_of_any(void **state)
{
    struct reads *reads = *state;
    change_host(reads, flap);
    json_t *host = get(reads, "/nodes/v2/node/" HOST_NAME), *history = json_object_get(host, "history"),
           *log = json_object_get(host, "log");
    assert_int_equal(json_array_size(history), 3);
    assert_string_equal(json_member_text(json_array_get(history, 0), "event"), "launched");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(history, 2), "at")), 113);
    assert_int_equal(json_array_size(log), HISTORY_RECENT);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(log, 0), "at")), 104);
}

static void a_filter_that_is_none_passes_nobody(void **state)
{
    struct reads *reads = *state;
    static const char *const paths[] = {"/nodes/v2/node/?applicaton=a.b.c", "/nodes/v2/node/?osVersion=9",
                                        "/nodes/v2/state/active?hostnames=x",
                                        "/loadbalancers/v1/?aplication=a.b.c"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct error err = {0};
        struct http_reply reply = {0};
        struct http_call call = {
            .method = HTTP_GET,
            .url = arena_format(reads->test->arena, "http://127.0.0.1:%d%s", reads->port, paths[i])};
        check(http_call(reads->client, &call, reads->test->arena, &reply, &err), &err);
        assert_int_equal(reply.status, 400);
        assert_non_null(strstr(reply.body, "there is no filter"));
    }
}

static void a_node_shows_its_place_and_whose_it_is(void **state)
{
    struct reads *reads = *state;
    json_t *node = get(reads, "/nodes/v2/node/" NODE_NAME), *membership = json_object_get(node, "membership");
    assert_string_equal(json_member_text(node, "id"), "0.web.default.search.acme.aws-us-east-1c.dev.node");
    assert_string_equal(json_member_text(node, "parentHostname"), HOST_NAME);
    assert_string_equal(json_member_text(node, "serviceStatus"), "up");
    assert_string_equal(json_member_text(json_object_get(node, "owner"), "application"), "search");
    assert_string_equal(json_member_text(membership, "clustertype"), "container");
    assert_string_equal(json_member_text(membership, "group"), "0");
    assert_true(json_is_false(json_object_get(membership, "retired")));
    assert_true(text_ends(json_member_text(node, "archiveUri"), "/acme/search/default/web/h100/"));
    assert_true(json_array_size(json_object_get(node, "history")) > 0);
}

static void a_load_balancer_shows_its_settings_and_its_nodes(void **state)
{
    struct reads *reads = *state;
    json_t *all = get(reads, "/loadbalancers/v1/?application=acme.search.default");
    json_t *balancer = json_array_get(json_object_get(all, "loadBalancers"), 0);
    assert_int_equal(json_array_size(json_object_get(all, "loadBalancers")), 1);
    assert_string_equal(json_member_text(balancer, "id"), TEST_APPLICATION ":web");
    assert_string_equal(json_member_text(balancer, "state"), "active");
    json_t *real = json_array_get(json_object_get(balancer, "reals"), 0);
    assert_string_equal(json_member_text(real, "hostname"), NODE_NAME);
    assert_int_equal(json_integer_value(json_object_get(real, "port")), 4443);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(balancer, "ports"), 0)), 443);
    json_t *methods = json_object_get(json_object_get(balancer, "settings"), "authMethods");
    assert_string_equal(json_string_value(json_array_get(methods, 0)), "mtls");
    assert_true(json_is_true(json_object_get(balancer, "public")));
    assert_int_equal(
        json_array_size(json_object_get(get(reads, "/loadbalancers/v1/?application=a.b.c"), "loadBalancers")),
        0);
}

static void the_zone_shows_states_applications_and_costs(void **state)
{
    struct reads *reads = *state;
    json_t *active = json_object_get(json_object_get(get(reads, "/nodes/v2/state/"), "states"), "active");
    assert_int_equal(json_integer_value(json_object_get(active, "hosts")), 2);
    assert_int_equal(json_integer_value(json_object_get(active, "nodes")), 2);
    assert_int_equal(json_array_size(json_object_get(get(reads, "/nodes/v2/state/active"), "nodes")), 4);
    json_t *list = json_object_get(get(reads, "/nodes/v2/application/"), "applications");
    assert_string_equal(json_member_text(json_array_get(list, 0), "id"), TEST_APPLICATION);
    json_t *web = json_object_get(
        json_object_get(get(reads, "/nodes/v2/application/acme.search.default"), "clusters"), "web");
    assert_int_equal(json_integer_value(json_object_get(web, "activeNodes")), 1);
    json_t *stats = get(reads, "/nodes/v2/stats");
    assert_true(json_number_value(json_object_get(stats, "totalCost")) > 0);
    assert_int_equal(json_integer_value(json_object_get(stats, "hosts")), 2);
    json_t *server = json_array_get(json_object_get(get(reads, "/nodes/v2/wireguard"), "configservers"), 0);
    assert_non_null(json_member_text(json_object_get(server, "wireguard"), "key"));
}

/* "h101a", of the list's nth. */
static const char *trusted(struct reads *reads, json_t *acl, size_t nth)
{
    const char *name =
        json_member_text(json_array_get(json_object_get(acl, "trustedNodes"), nth), "hostname");
    return arena_strndup(reads->test->arena, name, strcspn(name, "."));
}

static void an_acl_is_what_the_hosts_spec_says(void **state)
{
    struct reads *reads = *state;
    json_t *node = get(reads, "/nodes/v2/acl/" NODE_NAME), *nodes = json_object_get(node, "trustedNodes"),
           *network = json_array_get(json_object_get(node, "trustedNetworks"), 0);
    assert_int_equal(json_array_size(nodes), 2); /* itself and the content node */
    assert_string_equal(trusted(reads, node, 0), "h100a");
    assert_string_equal(trusted(reads, node, 1), "h101a");
    assert_string_equal(json_member_text(json_array_get(nodes, 1), "trustedBy"), NODE_NAME);
    assert_string_equal(json_member_text(network, "network"), "2001:db8:0:8::/64");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(network, "ports"), 0)), 4443);
    assert_int_equal(json_array_size(json_object_get(node, "trustedPorts")), 0);
    assert_int_equal(json_array_size(json_object_get(node, "trustedUdpPorts")), 0);
    json_t *host = get(reads, "/nodes/v2/acl/" HOST_NAME);
    assert_int_equal(json_array_size(json_object_get(host, "trustedNodes")), 1); /* the config server */
    assert_int_equal(json_array_size(json_object_get(host, "trustedNetworks")), 0);
    json_t *both = get(reads, "/nodes/v2/acl/" HOST_NAME "?children=true");
    assert_int_equal(json_array_size(json_object_get(both, "trustedNodes")), 3);
}

static void archives_are_the_accounts(void **state)
{
    struct reads *reads = *state;
    json_t *archives = json_object_get(get(reads, "/nodes/v2/archive/"), "archives");
    assert_int_equal(json_array_size(archives), 1);
    assert_string_equal(json_member_text(json_array_get(archives, 0), "account"), "aws:" TEST_ACCOUNT);
    assert_string_equal(json_member_text(json_array_get(archives, 0), "uri"),
                        "s3://archive-" TEST_ACCOUNT "/");
}

/* Larger than what clients take when nobody says otherwise: a few hosts that have much to say. */
static void a_large_zone_is_listed_whole(void **state)
{
    enum { MANY = 2000, EACH = 9 };
    struct reads *reads = *state;
    struct arena *arena = reads->test->arena;
    char *reason = arena_alloc(arena, 1001);
    memset(reason, 'r', 1000);
    struct event history[EACH];
    for (int i = 0; i < EACH; i++)
        history[i] = (struct event){"down", 1000 + i, "health", reason};
    struct error err = {0};
    for (int i = 0; i < MANY; i += 200) { /* a write has its limit */
        struct transaction *transaction = transaction_begin(reads->test->zone->repository);
        struct host host = *(const struct host *)transaction_find(transaction, RECORD_HOST, HOST_NAME);
        host.state = HOST_WANTED;
        host.instance_id = host.address = host.node_address = host.wireguard_key = NULL;
        host.history = history;
        host.history_count = EACH;
        for (int j = i; j < i + 200; j++) {
            host.hostname = arena_format(arena, "h%d.x", 1000 + j);
            transaction_put(transaction, RECORD_HOST, &host);
        }
        check(transaction_commit(&transaction, &err), &err);
    }
    struct http_reply reply = {0};
    json_t *answer;
    struct http_call call = {
        .method = HTTP_GET,
        .url = arena_format(arena, "http://127.0.0.1:%d/nodes/v2/node/?recursive=true", reads->port),
        .answer_limit = ZONE_ANSWER_LARGEST};
    check(http_call(reads->client, &call, arena, &reply, &err), &err);
    assert_true(reply.length > 16 << 20);
    check(json_parse(arena, reply.body, reply.length, &answer, &err), &err);
    assert_int_equal(json_array_size(json_object_get(answer, "nodes")), MANY + 4);
}

static void mark_deprovisioned(struct host *host)
{
    host->state = HOST_DEPROVISIONED;
}

static void a_deprovisioned_host_is_listed_when_asked_for(void **state)
{
    struct reads *reads = *state;
    change_host(reads, mark_deprovisioned);
    assert_string_equal(listed(reads, "?type=host"), "h101");
    assert_string_equal(listed(reads, "?type=host&includeDeprovisioned=true"), "h100 h101");
    assert_string_equal(listed(reads, "?type=host&application=acme.search.default&includeDeprovisioned=true"),
                        "h100 h101");
    assert_string_equal(listed(reads, "?state=deprovisioned"), "h100");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(filters_pass_what_they_name),
        TEST(a_host_shows_what_is_wanted_and_why_it_waits),
        TEST(every_member_of_the_originals_is_there),
        TEST(history_has_the_last_of_each_kind_and_the_log_the_last_of_any),
        TEST(a_filter_that_is_none_passes_nobody),
        TEST(a_node_shows_its_place_and_whose_it_is),
        TEST(a_load_balancer_shows_its_settings_and_its_nodes),
        TEST(the_zone_shows_states_applications_and_costs),
        TEST(an_acl_is_what_the_hosts_spec_says),
        TEST(archives_are_the_accounts),
        TEST(a_large_zone_is_listed_whole),
        TEST(a_deprovisioned_host_is_listed_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
