/* A host with two nodes, as far as one machine without a control plane can show it: real namespaces, real
 * nftables, real containers of the example image, identities of a test authority. Needs root and the image
 * archive, whose directory ENCLAVE_IMAGES names. */
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "host/archive.h"
#include "host/converge.h"
#include "host/firewall.h"
#include "host/spec.h"
#include "host/test_machine.h"
#include "identity/athenz.h"
#include "net/http_server.h"
#include "zone/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define NODE_A_IP "2001:db8:1::100a"
#define NODE_B_IP "2001:db8:1::100b"
#define OTHER_IP  "2001:db8:1::bad"
#define IMDS_IP   "fd00:ec2::254"

static struct test_machine machine;
static struct agent *agent;

#define RUN(...)      TEST_RUN(&machine, __VA_ARGS__)
#define connects(...) test_connects(&machine, __VA_ARGS__)

static atomic_bool refuses;   /* the config servers' answer to who wants to be down */
static atomic_int gone, back; /* how often it was asked */

static int answer(struct agent *asker, const char *hostname, bool down, struct error *err)
{
    (void)asker;
    (void)hostname;
    atomic_fetch_add(down ? &gone : &back, 1);
    return down && atomic_load(&refuses) ? error_set(err, ERROR_CONFLICT, "it is the last that serves") : 0;
}

static struct agent *make_agent(void)
{
    struct error err = {0};
    struct arena *arena = machine.arena;
    struct agent *made = memory_alloc(sizeof *made);
    made->arena = arena_new();
    made->settings = (struct settings){.state = machine.state,
                                       .image_directory = getenv("ENCLAVE_IMAGES"),
                                       .rotate_ms = 3600 * 1000,
                                       .rotate_bytes = 1 << 20};
    made->config = (struct host_config){.hostname = "h100" TEST_SUFFIX,
                                        .tenant = "acme",
                                        .zts_url = "https://[::1]:1/zts/v1",
                                        .athenz_provider = "vespa.provider_dev_aws-us-east-1c",
                                        .archive_bucket = "archive"};
    made->label = "h100";
    made->ask = answer;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    const char *identity = agent_path(made, arena, "identity");
    struct tls_files files = {arena_format(arena, "%s/current/cert.pem", identity),
                              arena_format(arena, "%s/current/key.pem", identity), machine.trust};
    test_must(tls_context_new(&files, TLS_CLIENT_REQUIRED, &made->tls, &err), &err);
    struct http_client_options options = {
        .tls = made->tls, .check_peer = principal_check_peer, .no_proxy = true};
    test_must(http_client_new(&options, &made->peers, &err), &err);
    test_must(archive_new(made, &made->archive, &err), &err);
    agent_state_fact(made, FACT_IDENTITY);
    return made;
}

static void want(const char *state_a, const char *state_b, int restart_generation)
{
    struct error err = {0};
    const char *text = arena_format(
        machine.arena,
        "{\"generation\":1,\"hostname\":\"h100" TEST_SUFFIX
        "\",\"state\":\"active\",\"hostAddress\":\"" TEST_HOST_IP "\","
        "\"archiveBucket\":\"archive\",\"nodes\":[%s,%s]}",
        test_node_spec(&machine, "h100a", "container", "default", NODE_A_IP, state_a, restart_generation),
        test_node_spec(&machine, "h100b", "content", "albums", NODE_B_IP, state_b, 0));
    test_must(spec_store(agent, text, strlen(text), &err), &err);
}

static bool wait_until(const char *status_a, const char *status_b, int64_t patience_ms)
{
    for (int64_t end = clock_monotonic_ms() + patience_ms; clock_monotonic_ms() < end; clock_sleep_ms(50)) {
        struct node_view *views = NULL;
        bool drained = false;
        int matching = 0;
        size_t count = agent_views(agent, machine.arena, &views, &drained);
        for (size_t i = 0; i < count; i++)
            matching += text_equal(views[i].status, views[i].hostname[4] == 'a' ? status_a : status_b);
        if (matching == 2)
            return true;
    }
    struct node_view *views = NULL;
    bool drained = false;
    size_t count = agent_views(agent, machine.arena, &views, &drained);
    for (size_t i = 0; i < count; i++)
        print_message("%s is %s: %s\n", views[i].hostname, views[i].status, views[i].message);
    return false;
}

static int set_up(void **unused)
{
    (void)unused;
    test_machine_open(&machine);
    test_identity(&machine, arena_format(machine.arena, "%s/identity", machine.state), "vespa.tenant.acme",
                  "tenant-host", "i-1", "h100" TEST_SUFFIX, TEST_HOST_IP);
    test_identity(&machine, arena_format(machine.arena, "%s/nodes/h100a/sia", machine.state), TEST_APP,
                  "default", "0.default" TEST_INSTANCE, "h100a" TEST_SUFFIX, NODE_A_IP);
    test_identity(&machine, arena_format(machine.arena, "%s/nodes/h100b/sia", machine.state), TEST_APP,
                  "default", "0.albums" TEST_INSTANCE, "h100b" TEST_SUFFIX, NODE_B_IP);
    RUN("ip", "address", "add", NODE_A_IP "/128", "dev", "ens5", "nodad"); /* as EC2's DHCP would */
    RUN("ip", "address", "add", NODE_B_IP "/128", "dev", "ens5", "nodad");
    RUN("ip", "address", "add", IMDS_IP "/128", "dev", "lo", "nodad");
    agent = make_agent();
    want("active", "active", 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, converge_thread, agent), 0);
    assert_true(wait_until("up", "up", 60 * 1000));
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_machine_close(&machine);
    return 0;
}

/* An HTTPS client outside, in a thread of its own because a namespace is a thread's. */
struct visit {
    const char *certificate, *key; /* NULL: without */
    struct http_call call;
    struct http_reply reply;
    struct error err;
    int result;
};

static void *visit_outside(void *context)
{
    struct visit *visit = context;
    struct http_client *client = NULL;
    struct tls_context *tls = NULL;
    struct tls_files files = {visit->certificate, visit->key, machine.trust};
    struct http_client_options options = {
        .check_peer = principal_check_peer, .context = (void *)TEST_APP ".default", .no_proxy = true};
    visit->result = setns(machine.outside, CLONE_NEWNET);
    if (visit->result == 0 &&
        (visit->result = tls_context_new(&files, TLS_CLIENT_NONE, &tls, &visit->err)) == 0) {
        options.tls = tls;
        visit->call.timeout_ms = 3000;
        visit->call.connect_timeout_ms = 2000;
        if ((visit->result = http_client_new(&options, &client, &visit->err)) == 0)
            visit->result = http_call(client, &visit->call, machine.arena, &visit->reply, &visit->err);
    }
    http_client_free(&client);
    tls_context_free(&tls);
    return NULL;
}

static void go(struct visit *visit, enum http_method method, const char *path, const char *body)
{
    pthread_t thread;
    visit->call =
        (struct http_call){.method = method,
                           .url = arena_format(machine.arena, "https://[" NODE_A_IP "]:4443%s", path),
                           .body = body,
                           .body_length = body ? strlen(body) : 0};
    assert_int_equal(pthread_create(&thread, NULL, visit_outside, visit), 0);
    pthread_join(thread, NULL);
}

static struct visit with_client_certificate(void)
{
    struct error err = {0};
    struct key *key = NULL;
    char *certificate = NULL;
    struct names names = {.common_name = "acme's laptop"};
    struct visit visit = {.certificate = arena_format(machine.arena, "%s/client.pem", machine.directory),
                          .key = arena_format(machine.arena, "%s/client.key", machine.directory)};
    test_must(key_generate(&key, &err), &err);
    test_must(authority_issue(machine.clients, machine.arena, key_public_pem(machine.arena, key), &names,
                              3600 * 1000, &certificate, &err),
              &err);
    test_must(key_save(key, visit.key, &err), &err);
    test_must(file_write(visit.certificate, certificate, strlen(certificate), 0644, &err), &err);
    key_free(&key);
    return visit;
}

static void an_album_that_was_put_is_found_by_a_client_of_the_application(void **unused)
{
    (void)unused;
    struct visit client = with_client_certificate();
    go(&client, HTTP_POST, "/document/v1/music/album/docid/1",
       "{\"fields\":{\"title\":\"Dreams \\\"loud\\\"\",\"year\":2015}}");
    test_must(client.result, &client.err);
    assert_int_equal(client.reply.status, 200);
    go(&client, HTTP_GET, "/search/?query=dreams", NULL);
    test_must(client.result, &client.err);
    assert_int_equal(client.reply.status, 200);
    assert_non_null(strstr(client.reply.body, "\"totalCount\":1"));
    assert_non_null(strstr(client.reply.body, "id:music:album::1"));
    go(&client, HTTP_DELETE, "/document/v1/music/album/docid/1", NULL);
    assert_int_equal(client.reply.status, 200);
    go(&client, HTTP_GET, "/document/v1/music/album/docid/1", NULL);
    assert_int_equal(client.reply.status, 404);
}

static void without_a_client_certificate_only_the_status_page_answers(void **unused)
{
    (void)unused;
    struct visit stranger = {0};
    go(&stranger, HTTP_GET, "/status.html", NULL);
    test_must(stranger.result, &stranger.err);
    assert_int_equal(stranger.reply.status, 200);
    go(&stranger, HTTP_GET, "/search/?query=dreams", NULL);
    test_must(stranger.result, &stranger.err);
    assert_int_equal(stranger.reply.status, 401);
}

static void a_host_of_the_tenant_may_ask_how_a_node_is_but_not_for_documents(void **unused)
{
    (void)unused;
    const char *identity = arena_format(machine.arena, "%s/identity/current", machine.state);
    struct visit host = {.certificate = arena_format(machine.arena, "%s/cert.pem", identity),
                         .key = arena_format(machine.arena, "%s/key.pem", identity)};
    go(&host, HTTP_GET, "/state/v1/health", NULL);
    test_must(host.result, &host.err);
    assert_int_equal(host.reply.status, 200);
    go(&host, HTTP_GET, "/search/?query=dreams", NULL);
    test_must(host.result, &host.err);
    assert_int_equal(host.reply.status, 403);
}

static void only_the_load_balancers_network_and_the_application_reach_a_node(void **unused)
{
    (void)unused;
    assert_true(connects("outside", NODE_A_IP, 4443));
    assert_true(connects("node-h100a", NODE_B_IP, 4443));
    RUN("ip", "-n", "outside", "address", "delete", TEST_OUTSIDE "/64", "dev", "vpc");
    RUN("ip", "-n", "outside", "address", "add", OTHER_IP "/64", "dev", "vpc", "nodad");
    bool other = connects("outside", NODE_A_IP, 4443);
    RUN("ip", "-n", "outside", "address", "delete", OTHER_IP "/64", "dev", "vpc");
    RUN("ip", "-n", "outside", "address", "add", TEST_OUTSIDE "/64", "dev", "vpc", "nodad");
    assert_false(other);
}

static void a_node_reaches_neither_the_host_nor_metadata_nor_anyone_outside(void **unused)
{
    (void)unused;
    struct error err = {0};
    int host = -1, metadata = -1, outside = -1;
    test_must(http_listen(TEST_HOST_IP, 7777, &host, &err), &err);
    test_must(http_listen(IMDS_IP, 80, &metadata, &err), &err);
    setns(machine.outside, CLONE_NEWNET);
    test_must(http_listen(TEST_OUTSIDE, 7777, &outside, &err), &err);
    setns(machine.home, CLONE_NEWNET);
    assert_false(connects("node-h100a", TEST_HOST_IP, 7777));
    assert_false(connects("node-h100a", "fe80::1", 7777));
    assert_false(connects("node-h100a", IMDS_IP, 80));
    assert_false(connects("node-h100a", TEST_OUTSIDE, 7777));
    assert_false(connects("outside", TEST_HOST_IP, 7777));

    /* The wall is the firewall: without it they would be reached. */
    assert_int_equal(RUN("nft", "delete", "table", "inet", "enclave"), 0);
    bool open_host = connects("node-h100a", TEST_HOST_IP, 7777),
         open_metadata = connects("node-h100a", IMDS_IP, 80);
    struct host_spec spec = {0};
    test_must(spec_load(agent, machine.arena, &spec, &err), &err);
    struct firewall firewall = {.spec = &spec, .tunnel_interface = TUNNEL_INTERFACE};
    test_must(firewall_load(firewall_text(machine.arena, &firewall), &err), &err);
    assert_true(open_host && open_metadata);
    assert_false(connects("node-h100a", TEST_HOST_IP, 7777));
    close(host);
    close(metadata);
    close(outside);
}

static void a_firewall_that_cannot_be_loaded_leaves_the_old_one_standing(void **unused)
{
    (void)unused;
    struct error err = {0};
    assert_int_equal(
        firewall_load(
            "table inet enclave\ndelete table inet enclave\ntable inet enclave { chain x { nonsense } }\n",
            &err),
        -1);
    assert_false(connects("node-h100a", TEST_HOST_IP, 22));
    assert_int_equal(RUN("nft", "list", "chain", "inet", "enclave", "input"), 0);
}

static void an_agent_that_begins_anew_takes_the_containers_over(void **unused)
{
    (void)unused;
    struct node_view *before = NULL, *after = NULL;
    bool drained = false;
    assert_int_equal(agent_views(agent, machine.arena, &before, &drained), 2);
    agent = make_agent(); /* the old one's thread stays: two agents that want the same do the same */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, converge_thread, agent), 0);
    assert_true(wait_until("up", "up", 30 * 1000));
    assert_int_equal(agent_views(agent, machine.arena, &after, &drained), 2);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (text_equal(before[i].hostname, after[j].hostname))
                assert_int_equal(before[i].pid, after[j].pid);
}

static void a_container_whose_process_ends_is_started_again(void **unused)
{
    (void)unused;
    struct node_view *views = NULL;
    bool drained = false;
    assert_int_equal(agent_views(agent, machine.arena, &views, &drained), 2);
    int64_t old = views[0].pid;
    assert_int_equal(kill((pid_t)old, SIGKILL), 0);
    for (int i = 0; i < 200 && views[0].pid == old; i++) {
        clock_sleep_ms(100);
        agent_views(agent, machine.arena, &views, &drained);
    }
    assert_true(views[0].pid != old);
    assert_true(wait_until("up", "up", 30 * 1000));
}

static struct node_view view_of(const char *label)
{
    struct node_view *views = NULL;
    bool drained = false;
    size_t count = agent_views(agent, machine.arena, &views, &drained);
    for (size_t i = 0; i < count; i++)
        if (text_starts(views[i].hostname, label))
            return views[i];
    return (struct node_view){0};
}

static void a_raised_restart_generation_starts_the_container_anew_when_it_can_be_missed(void **unused)
{
    (void)unused;
    int64_t old = view_of("h100a").pid, other = view_of("h100b").pid;
    atomic_store(&refuses, true);
    want("active", "active", 1);
    for (int i = 0; i < 100 && atomic_load(&gone) == 0; i++)
        clock_sleep_ms(100);
    clock_sleep_ms(2500); /* a pass or more */
    assert_true(atomic_load(&gone) > 0);
    assert_int_equal(view_of("h100a").pid, old);
    assert_int_equal(view_of("h100a").restart_generation, 0);
    assert_true(view_of("h100a").up); /* it goes on until it may be missed */
    assert_int_equal(atomic_load(&back), 0);
    atomic_store(&refuses, false);
    for (int i = 0; i < 300 && (view_of("h100a").restart_generation != 1 || !view_of("h100a").up); i++)
        clock_sleep_ms(100);
    assert_int_equal(view_of("h100a").restart_generation, 1);
    assert_true(view_of("h100a").pid != old);
    assert_int_equal(view_of("h100b").pid, other);
    for (int i = 0; i < 50 && atomic_load(&back) == 0; i++)
        clock_sleep_ms(100);
    assert_int_equal(atomic_load(&back), 1);
}

static void a_node_that_is_made_inactive_stops_and_keeps_its_data(void **unused)
{
    (void)unused;
    want("active", "inactive", 1);
    assert_true(wait_until("up", "stopped", 40 * 1000));
    assert_true(
        file_exists(arena_format(machine.arena, "%s/nodes/h100b/data/documents.sqlite", machine.state)));
    want("active", "active", 1);
    assert_true(wait_until("up", "up", 40 * 1000));
}

static int story(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_album_that_was_put_is_found_by_a_client_of_the_application),
        cmocka_unit_test(without_a_client_certificate_only_the_status_page_answers),
        cmocka_unit_test(a_host_of_the_tenant_may_ask_how_a_node_is_but_not_for_documents),
        cmocka_unit_test(only_the_load_balancers_network_and_the_application_reach_a_node),
        cmocka_unit_test(a_node_reaches_neither_the_host_nor_metadata_nor_anyone_outside),
        cmocka_unit_test(a_firewall_that_cannot_be_loaded_leaves_the_old_one_standing),
        cmocka_unit_test(a_container_whose_process_ends_is_started_again),
        cmocka_unit_test(a_raised_restart_generation_starts_the_container_anew_when_it_can_be_missed),
        cmocka_unit_test(a_node_that_is_made_inactive_stops_and_keeps_its_data),
        cmocka_unit_test(an_agent_that_begins_anew_takes_the_containers_over),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

int main(void)
{
    if (geteuid() != 0 || !getenv("ENCLAVE_IMAGES"))
        return 77; /* skipped */
    return test_machine_run(story);
}
