/* A host with two nodes, as far as one machine without a control plane can show it: real namespaces, real nftables, real
 * containers of the example image, identities of a test authority. Needs root and the image archive, whose directory
 * ENCLAVE_IMAGES names. */
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "host/archive.h"
#include "host/converge.h"
#include "host/firewall.h"
#include "host/spec.h"
#include "identity/athenz.h"
#include "net/http_server.h"
#include "sia/generation.h"
#include "zone/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUFFIX    ".dev.aws-us-east-1c.vespa.enclave.internal"
#define HOST_IP   "2001:db8:1::100"
#define NODE_A_IP "2001:db8:1::100a"
#define NODE_B_IP "2001:db8:1::100b"
#define CLIENT_IP "2001:db8:1::c1"
#define OTHER_IP  "2001:db8:1::bad"
#define IMDS_IP   "fd00:ec2::254"
#define APP       "vespa.tenant.acme.albums"
#define INSTANCE  ".default.albums.acme.aws-us-east-1c.dev.node"

static struct world {
    struct arena *arena;
    char directory[40];
    const char *state, *trust;
    struct authority *authority, *clients;
    char *authority_pem, *clients_pem;
    struct agent *agent;
    int home, outside; /* network namespaces */
} world;

static void must(int result, const struct error *err)
{
    if (result < 0)
        fail_msg("%s", err->message);
}

static int run(const char *const *argv)
{
    struct error err = {0};
    struct process process = {.argv = argv, .timeout_ms = 30000};
    return process_run(&process, world.arena, NULL, &err);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static int enter_own_machine(void)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
        return -1;
    umount2("/sys/fs/cgroup/unified", MNT_DETACH); /* where there is one, crun cannot work beside it */
    return 0;
}

static void make_identity(const char *directory, const char *domain, const char *service, const char *instance_id,
                          const char *dns, const char *address)
{
    struct error err = {0};
    struct names names = {0};
    struct key *key = NULL;
    char *certificate = NULL;
    athenz_service_names(world.arena, domain, service, "vespa.provider_dev_aws-us-east-1c", instance_id, &names);
    size_t count = 0;
    while (names.dns[count])
        count++;
    names.dns[count] = dns;
    names.addresses[0] = address;
    must(key_generate(&key, &err), &err);
    must(authority_issue(world.authority, world.arena, key_public_pem(world.arena, key), &names, 24 * 3600 * 1000,
                         &certificate, &err), &err);
    must(directory_make(directory, 0700, &err), &err);
    must(generation_save(directory, key, certificate, world.authority_pem, &err), &err);
    key_free(&key);
}

static struct agent *make_agent(void)
{
    struct error err = {0};
    struct arena *arena = world.arena;
    struct agent *agent = memory_alloc(sizeof *agent);
    agent->arena = arena_new();
    agent->settings = (struct settings){.state = world.state, .image_directory = getenv("ENCLAVE_IMAGES"),
                                        .rotate_ms = 3600 * 1000, .rotate_bytes = 1 << 20};
    agent->config = (struct host_config){.hostname = "h100" SUFFIX, .tenant = "acme", .zts_url = "https://[::1]:1/zts/v1",
                                         .athenz_provider = "vespa.provider_dev_aws-us-east-1c",
                                         .archive_bucket = "archive"};
    agent->label = "h100";
    pthread_mutex_init(&agent->lock, NULL);
    pthread_cond_init(&agent->changed, NULL);
    const char *identity = agent_path(agent, arena, "identity");
    struct tls_files files = {arena_format(arena, "%s/current/cert.pem", identity),
                              arena_format(arena, "%s/current/key.pem", identity), world.trust};
    must(tls_context_new(&files, TLS_CLIENT_REQUIRED, &agent->tls, &err), &err);
    struct http_client_options options = {.tls = agent->tls, .check_peer = principal_check_peer, .no_proxy = true};
    must(http_client_new(&options, &agent->peers, &err), &err);
    must(archive_new(agent, &agent->archive, &err), &err);
    agent_state_fact(agent, FACT_IDENTITY);
    return agent;
}

static const char *spec_node(const char *label, const char *type, const char *cluster, const char *address,
                             const char *state)
{
    json_t *clients = json_string(world.clients_pem);
    const char *text = arena_format(
        world.arena,
        "{\"hostname\":\"%s" SUFFIX "\",\"state\":\"%s\",\"tenant\":\"acme\",\"application\":\"albums\","
        "\"instance\":\"default\",\"clusterType\":\"%s\",\"clusterId\":\"%s\",\"index\":0,"
        "\"image\":\"localhost/enclave/album-search:1\",\"address\":\"%s\","
        "\"resources\":{\"vcpu\":2,\"memoryGb\":8,\"diskGb\":50},\"athenzService\":\"default\","
        "\"athenzDomain\":\"" APP "\",\"instanceId\":\"0.%s" INSTANCE "\","
        "\"clientsPem\":%s,\"applicationAddresses\":[\"" NODE_A_IP "\",\"" NODE_B_IP "\"],"
        "\"networks\":[\"" CLIENT_IP "/128\"],"
        "\"content\":[{\"hostname\":\"h100b" SUFFIX "\",\"address\":\"" NODE_B_IP "\"}],\"restartGeneration\":0}",
        label, state, type, cluster, address, cluster, json_text(world.arena, clients));
    json_decref(clients);
    return text;
}

static void want(const char *state_a, const char *state_b)
{
    struct error err = {0};
    const char *text = arena_format(
        world.arena,
        "{\"generation\":1,\"hostname\":\"h100" SUFFIX "\",\"state\":\"active\",\"hostAddress\":\"" HOST_IP "\","
        "\"archiveBucket\":\"archive\",\"nodes\":[%s,%s]}",
        spec_node("h100a", "container", "default", NODE_A_IP, state_a),
        spec_node("h100b", "content", "albums", NODE_B_IP, state_b));
    must(spec_store(world.agent, text, strlen(text), &err), &err);
}

static bool wait_until(const char *status_a, const char *status_b, int64_t patience_ms)
{
    for (int64_t end = clock_monotonic_ms() + patience_ms; clock_monotonic_ms() < end; clock_sleep_ms(50)) {
        struct node_view *views = NULL;
        bool drained = false;
        int matching = 0;
        size_t count = agent_views(world.agent, world.arena, &views, &drained);
        for (size_t i = 0; i < count; i++)
            matching += text_equal(views[i].status, views[i].hostname[4] == 'a' ? status_a : status_b);
        if (matching == 2)
            return true;
    }
    struct node_view *views = NULL;
    bool drained = false;
    size_t count = agent_views(world.agent, world.arena, &views, &drained);
    for (size_t i = 0; i < count; i++)
        print_message("%s is %s: %s\n", views[i].hostname, views[i].status, views[i].message);
    return false;
}

/* Can a process in this namespace connect? */
static bool connects(const char *namespace, const char *address, uint16_t port)
{
    pid_t child = fork();
    if (child == 0) {
        int fd = open(arena_format(world.arena, "/run/netns/%s", namespace), O_RDONLY);
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        inet_pton(AF_INET6, address, &to.sin6_addr);
        int tcp = setns(fd, CLONE_NEWNET) == 0 ? socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0) : -1;
        if (tcp < 0 || (connect(tcp, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS))
            _exit(1);
        struct pollfd ready = {.fd = tcp, .events = POLLOUT};
        int failed = 1;
        socklen_t length = sizeof failed;
        if (poll(&ready, 1, 700) == 1)
            getsockopt(tcp, SOL_SOCKET, SO_ERROR, &failed, &length);
        _exit(failed ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int set_up(void **unused)
{
    (void)unused;
    struct error err = {0};
    world.arena = arena_new();
    strcpy(world.directory, "/tmp/host-test-XXXXXX");
    assert_non_null(mkdtemp(world.directory));
    assert_int_equal(chmod(world.directory, 0711), 0);
    assert_int_equal(enter_own_machine(), 0);
    world.state = arena_format(world.arena, "%s/state", world.directory);
    world.trust = arena_format(world.arena, "%s/ca.pem", world.directory);
    must(directory_make(arena_format(world.arena, "%s/nodes", world.state), 0711, &err), &err);

    struct key *key = NULL, *client_key = NULL;
    must(authority_create(world.arena, "test authority", 1, &key, &world.authority_pem, &err), &err);
    must(authority_open(world.authority_pem, key, &world.authority, &err), &err);
    must(file_write(world.trust, world.authority_pem, strlen(world.authority_pem), 0644, &err), &err);
    must(authority_create(world.arena, "acme's clients", 1, &client_key, &world.clients_pem, &err), &err);
    must(authority_open(world.clients_pem, client_key, &world.clients, &err), &err);
    make_identity(arena_format(world.arena, "%s/identity", world.state), "vespa.tenant.acme", "tenant-host", "i-1",
                  "h100" SUFFIX, HOST_IP);
    make_identity(arena_format(world.arena, "%s/nodes/h100a/sia", world.state), APP, "default",
                  "0.default" INSTANCE, "h100a" SUFFIX, NODE_A_IP);
    make_identity(arena_format(world.arena, "%s/nodes/h100b/sia", world.state), APP, "default",
                  "0.albums" INSTANCE, "h100b" SUFFIX, NODE_B_IP);

    /* The VPC: an outside with the clients, and our interface with both addresses, as EC2 gives them. */
    world.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(RUN("ip", "netns", "add", "outside"), 0);
    world.outside = open("/run/netns/outside", O_RDONLY | O_CLOEXEC);
    RUN("ip", "link", "set", "lo", "up");
    RUN("ip", "link", "add", "ens5", "type", "veth", "peer", "name", "vpc", "netns", "outside");
    RUN("ip", "link", "set", "ens5", "up");
    RUN("ip", "-n", "outside", "link", "set", "vpc", "up");
    RUN("ip", "-n", "outside", "address", "add", CLIENT_IP "/64", "dev", "vpc", "nodad");
    RUN("ip", "address", "add", HOST_IP "/64", "dev", "ens5", "nodad");
    RUN("ip", "address", "add", NODE_A_IP "/128", "dev", "ens5", "nodad");
    RUN("ip", "address", "add", NODE_B_IP "/128", "dev", "ens5", "nodad");
    RUN("ip", "address", "add", IMDS_IP "/128", "dev", "lo", "nodad");

    world.agent = make_agent();
    want("active", "active");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, converge_thread, world.agent), 0);
    assert_true(wait_until("up", "up", 60 * 1000));
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    podman(world.agent, world.arena, PODMAN_ARGUMENTS("rm", "--all", "--force", "--time", "0"), 60000, NULL, NULL);
    RUN("ip", "netns", "delete", "node-h100a");
    RUN("ip", "netns", "delete", "node-h100b");
    RUN("ip", "netns", "delete", "outside");
    RUN("umount", "--recursive", arena_format(world.arena, "%s/containers/vfs", world.state));
    RUN("umount", "--recursive", arena_format(world.arena, "%s/containers", world.state));
    tree_remove(world.directory, NULL);
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
    struct tls_files files = {visit->certificate, visit->key, world.trust};
    struct http_client_options options = {.check_peer = principal_check_peer, .context = (void *)APP ".default",
                                          .no_proxy = true};
    visit->result = setns(world.outside, CLONE_NEWNET);
    if (visit->result == 0 && (visit->result = tls_context_new(&files, TLS_CLIENT_NONE, &tls, &visit->err)) == 0) {
        options.tls = tls;
        visit->call.timeout_ms = 3000;
        visit->call.connect_timeout_ms = 2000;
        if ((visit->result = http_client_new(&options, &client, &visit->err)) == 0)
            visit->result = http_call(client, &visit->call, world.arena, &visit->reply, &visit->err);
    }
    http_client_free(&client);
    tls_context_free(&tls);
    return NULL;
}

static void go(struct visit *visit, enum http_method method, const char *path, const char *body)
{
    pthread_t thread;
    visit->call = (struct http_call){.method = method, .url = arena_format(world.arena, "https://[" NODE_A_IP "]:4443%s", path),
                                     .body = body, .body_length = body ? strlen(body) : 0};
    assert_int_equal(pthread_create(&thread, NULL, visit_outside, visit), 0);
    pthread_join(thread, NULL);
}

static struct visit with_client_certificate(void)
{
    struct error err = {0};
    struct key *key = NULL;
    char *certificate = NULL;
    struct names names = {.common_name = "acme's laptop"};
    struct visit visit = {.certificate = arena_format(world.arena, "%s/client.pem", world.directory),
                          .key = arena_format(world.arena, "%s/client.key", world.directory)};
    must(key_generate(&key, &err), &err);
    must(authority_issue(world.clients, world.arena, key_public_pem(world.arena, key), &names, 3600 * 1000, &certificate,
                         &err), &err);
    must(key_save(key, visit.key, &err), &err);
    must(file_write(visit.certificate, certificate, strlen(certificate), 0644, &err), &err);
    key_free(&key);
    return visit;
}

static void an_album_that_was_put_is_found_by_a_client_of_the_application(void **unused)
{
    (void)unused;
    struct visit client = with_client_certificate();
    go(&client, HTTP_POST, "/document/v1/music/album/docid/1", "{\"fields\":{\"title\":\"Dreams \\\"loud\\\"\",\"year\":2015}}");
    must(client.result, &client.err);
    assert_int_equal(client.reply.status, 200);
    go(&client, HTTP_GET, "/search/?query=dreams", NULL);
    must(client.result, &client.err);
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
    must(stranger.result, &stranger.err);
    assert_int_equal(stranger.reply.status, 200);
    go(&stranger, HTTP_GET, "/search/?query=dreams", NULL);
    must(stranger.result, &stranger.err);
    assert_int_equal(stranger.reply.status, 401);
}

static void a_host_of_the_tenant_may_ask_how_a_node_is_but_not_for_documents(void **unused)
{
    (void)unused;
    const char *identity = arena_format(world.arena, "%s/identity/current", world.state);
    struct visit host = {.certificate = arena_format(world.arena, "%s/cert.pem", identity),
                         .key = arena_format(world.arena, "%s/key.pem", identity)};
    go(&host, HTTP_GET, "/state/v1/health", NULL);
    must(host.result, &host.err);
    assert_int_equal(host.reply.status, 200);
    go(&host, HTTP_GET, "/search/?query=dreams", NULL);
    must(host.result, &host.err);
    assert_int_equal(host.reply.status, 403);
}

static void only_the_load_balancers_network_and_the_application_reach_a_node(void **unused)
{
    (void)unused;
    assert_true(connects("outside", NODE_A_IP, 4443));
    assert_true(connects("node-h100a", NODE_B_IP, 4443));
    RUN("ip", "-n", "outside", "address", "delete", CLIENT_IP "/64", "dev", "vpc");
    RUN("ip", "-n", "outside", "address", "add", OTHER_IP "/64", "dev", "vpc", "nodad");
    bool other = connects("outside", NODE_A_IP, 4443);
    RUN("ip", "-n", "outside", "address", "delete", OTHER_IP "/64", "dev", "vpc");
    RUN("ip", "-n", "outside", "address", "add", CLIENT_IP "/64", "dev", "vpc", "nodad");
    assert_false(other);
}

static void a_node_reaches_neither_the_host_nor_metadata_nor_anyone_outside(void **unused)
{
    (void)unused;
    struct error err = {0};
    int host = -1, metadata = -1, outside = -1;
    must(http_listen(HOST_IP, 7777, &host, &err), &err);
    must(http_listen(IMDS_IP, 80, &metadata, &err), &err);
    setns(world.outside, CLONE_NEWNET);
    must(http_listen(CLIENT_IP, 7777, &outside, &err), &err);
    setns(world.home, CLONE_NEWNET);
    assert_false(connects("node-h100a", HOST_IP, 7777));
    assert_false(connects("node-h100a", "fe80::1", 7777));
    assert_false(connects("node-h100a", IMDS_IP, 80));
    assert_false(connects("node-h100a", CLIENT_IP, 7777));
    assert_false(connects("outside", HOST_IP, 7777));

    /* The wall is the firewall: without it they would be reached. */
    assert_int_equal(RUN("nft", "delete", "table", "inet", "enclave"), 0);
    bool open_host = connects("node-h100a", HOST_IP, 7777), open_metadata = connects("node-h100a", IMDS_IP, 80);
    struct host_spec spec = {0};
    must(spec_load(world.agent, world.arena, &spec, &err), &err);
    struct firewall firewall = {.spec = &spec, .tunnel_interface = TUNNEL_INTERFACE};
    must(firewall_load(firewall_text(world.arena, &firewall), &err), &err);
    assert_true(open_host && open_metadata);
    assert_false(connects("node-h100a", HOST_IP, 7777));
    close(host);
    close(metadata);
    close(outside);
}

static void a_firewall_that_cannot_be_loaded_leaves_the_old_one_standing(void **unused)
{
    (void)unused;
    struct error err = {0};
    assert_int_equal(firewall_load("table inet enclave\ndelete table inet enclave\ntable inet enclave { chain x { nonsense } }\n",
                                   &err), -1);
    assert_false(connects("node-h100a", HOST_IP, 22));
    assert_int_equal(RUN("nft", "list", "chain", "inet", "enclave", "input"), 0);
}

static void an_agent_that_begins_anew_takes_the_containers_over(void **unused)
{
    (void)unused;
    struct node_view *before = NULL, *after = NULL;
    bool drained = false;
    assert_int_equal(agent_views(world.agent, world.arena, &before, &drained), 2);
    world.agent = make_agent(); /* the old one's thread stays: two agents that want the same do the same */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, converge_thread, world.agent), 0);
    assert_true(wait_until("up", "up", 30 * 1000));
    assert_int_equal(agent_views(world.agent, world.arena, &after, &drained), 2);
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
    assert_int_equal(agent_views(world.agent, world.arena, &views, &drained), 2);
    int64_t old = views[0].pid;
    assert_int_equal(kill((pid_t)old, SIGKILL), 0);
    for (int i = 0; i < 200 && views[0].pid == old; i++) {
        clock_sleep_ms(100);
        agent_views(world.agent, world.arena, &views, &drained);
    }
    assert_true(views[0].pid != old);
    assert_true(wait_until("up", "up", 30 * 1000));
}

int main(void)
{
    if (geteuid() != 0 || !getenv("ENCLAVE_IMAGES"))
        return 77; /* skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_album_that_was_put_is_found_by_a_client_of_the_application),
        cmocka_unit_test(without_a_client_certificate_only_the_status_page_answers),
        cmocka_unit_test(a_host_of_the_tenant_may_ask_how_a_node_is_but_not_for_documents),
        cmocka_unit_test(only_the_load_balancers_network_and_the_application_reach_a_node),
        cmocka_unit_test(a_node_reaches_neither_the_host_nor_metadata_nor_anyone_outside),
        cmocka_unit_test(a_firewall_that_cannot_be_loaded_leaves_the_old_one_standing),
        cmocka_unit_test(an_agent_that_begins_anew_takes_the_containers_over),
        cmocka_unit_test(a_container_whose_process_ends_is_started_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
