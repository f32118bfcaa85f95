/* Two machines (network namespaces joined by a cable) and the real WireGuard between them. Needs root. */
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "tunnel/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SERVER, HOST, MACHINES };

struct machine {
    char namespace[32], interface[16], directory[64];
    int descriptor;
    const char *inside, *outside, *public_key;
    struct tunnel *tunnel;
};

struct wire {
    struct arena *arena;
    int home;
    char directory[32];
    struct machine machines[MACHINES];
};

static int run(const char *const *argv, int namespace)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    char *output = NULL;
    struct process process = {.argv = argv, .timeout_ms = 20000, .network_namespace = namespace};
    return process_run(&process, arena, &output, &err);
}
#define RUN(namespace, ...) run((const char *const[]){__VA_ARGS__, NULL}, namespace)

static void enter(int descriptor)
{
    assert_int_equal(setns(descriptor, CLONE_NEWNET), 0);
}

static void machine_open(struct wire *wire, struct machine *machine, const char *inside, uint16_t port)
{
    struct error err = {0};
    const char *key_path = arena_format(wire->arena, "%s/key", machine->directory);
    struct tunnel_options options = {machine->interface, key_path, inside, 48, port};
    enter(machine->descriptor);
    if (tunnel_open(&options, &machine->tunnel, &err) < 0)
        fail_msg("%s", err.message);
    enter(wire->home);
    machine->inside = inside;
    char *public_key = NULL;
    assert_int_equal(tunnel_key_ensure(wire->arena, key_path, &public_key, NULL), 0);
    machine->public_key = public_key;
}

static void machine_set_peer(struct wire *wire, struct machine *machine, struct tunnel_peer peer)
{
    struct error err = {0};
    enter(machine->descriptor);
    int result = tunnel_set_peer(machine->tunnel, &peer, &err);
    enter(wire->home);
    if (result < 0)
        fail_msg("%s", err.message);
}

static bool pings(struct machine *from, const char *address)
{
    return RUN(from->descriptor, "ping", "-6", "-n", "-c", "3", "-i", "0.3", "-w", "3", address) == 0;
}

static size_t peer_count(struct wire *wire, struct machine *machine, struct tunnel_peer_state **peers)
{
    size_t count = 0;
    enter(machine->descriptor);
    assert_int_equal(tunnel_peers(machine->tunnel, wire->arena, peers, &count, NULL), 0);
    enter(wire->home);
    return count;
}

static int set_up(void **state)
{
    struct wire *wire = memory_alloc(sizeof *wire);
    wire->arena = arena_new();
    wire->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    strcpy(wire->directory, "/tmp/tunnel-test-XXXXXX");
    assert_non_null(mkdtemp(wire->directory));
    for (int i = 0; i < MACHINES; i++) {
        struct machine *machine = &wire->machines[i];
        snprintf(machine->namespace, sizeof machine->namespace, "tunnel-%d-%d", getpid(), i);
        snprintf(machine->interface, sizeof machine->interface, "wgt%d-%d", i, getpid() % 100000);
        snprintf(machine->directory, sizeof machine->directory, "%s/%d", wire->directory, i);
        assert_int_equal(directory_make(machine->directory, 0700, NULL), 0);
        assert_int_equal(RUN(0, "ip", "netns", "add", machine->namespace), 0);
        const char *path = arena_format(wire->arena, "/run/netns/%s", machine->namespace);
        machine->descriptor = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(machine->descriptor > 0);
        machine->outside = arena_format(wire->arena, "2001:db8:77::%d", i + 1);
    }
    struct machine *server = &wire->machines[SERVER], *host = &wire->machines[HOST];
    assert_int_equal(RUN(server->descriptor, "ip", "link", "add", "cable", "type", "veth", "peer", "name",
                         "cable", "netns", host->namespace),
                     0);
    for (int i = 0; i < MACHINES; i++) {
        const char *address = arena_format(wire->arena, "%s/64", wire->machines[i].outside);
        RUN(wire->machines[i].descriptor, "ip", "address", "add", address, "dev", "cable", "nodad");
        RUN(wire->machines[i].descriptor, "ip", "link", "set", "cable", "up");
    }
    *state = wire;
    return 0;
}

static int tear_down(void **state)
{
    struct wire *wire = *state;
    for (int i = 0; i < MACHINES; i++) {
        struct machine *machine = &wire->machines[i];
        enter(machine->descriptor);
        tunnel_destroy(&machine->tunnel, NULL);
        enter(wire->home);
        close(machine->descriptor);
        RUN(0, "ip", "netns", "delete", machine->namespace);
    }
    tree_remove(wire->directory, NULL);
    close(wire->home);
    arena_free(&wire->arena);
    memory_free(&wire);
    return 0;
}

static void connect_machines(struct wire *wire)
{
    struct machine *server = &wire->machines[SERVER], *host = &wire->machines[HOST];
    machine_open(wire, server, "fd00:ec1a:1::1", TUNNEL_PORT);
    machine_open(wire, host, "fd00:ec1a:1::1:64", 0);
    machine_set_peer(wire, server,
                     (struct tunnel_peer){.public_key = host->public_key, .address = host->inside});
    machine_set_peer(wire, host,
                     (struct tunnel_peer){.public_key = server->public_key,
                                          .address = server->inside,
                                          .endpoint = "[2001:db8:77::1]:51820",
                                          .keepalive = true});
}

static void a_host_that_calls_its_config_server_reaches_it_and_is_reached(void **state)
{
    struct wire *wire = *state;
    connect_machines(wire);
    assert_true(pings(&wire->machines[HOST], wire->machines[SERVER].inside));
    assert_true(pings(&wire->machines[SERVER], wire->machines[HOST].inside));

    struct tunnel_peer_state *peers = NULL;
    assert_int_equal(peer_count(wire, &wire->machines[SERVER], &peers), 1);
    assert_string_equal(peers[0].public_key, wire->machines[HOST].public_key);
    assert_string_equal(peers[0].address, wire->machines[HOST].inside);
    assert_true(peers[0].handshake_ms > clock_now_ms() - 60 * 1000);
    assert_true(peers[0].received_bytes > 0 && peers[0].sent_bytes > 0);
}

static void a_device_that_outlived_its_process_is_taken_over_with_its_peers(void **state)
{
    struct wire *wire = *state;
    struct machine *host = &wire->machines[HOST];
    connect_machines(wire);
    assert_true(pings(host, wire->machines[SERVER].inside));

    tunnel_close(&host->tunnel);
    machine_open(wire, host, host->inside, 0);
    struct tunnel_peer_state *peers = NULL;
    assert_int_equal(peer_count(wire, host, &peers), 1);
    assert_true(pings(host, wire->machines[SERVER].inside));
}

static void a_device_taken_over_with_a_new_address_loses_the_old_one(void **state)
{
    struct wire *wire = *state;
    struct machine *server = &wire->machines[SERVER], *host = &wire->machines[HOST];
    connect_machines(wire);
    tunnel_close(&host->tunnel);
    machine_open(wire, host, "fd00:ec1a:1::1:65", 0);
    assert_false(pings(host, server->inside));
    machine_set_peer(wire, server,
                     (struct tunnel_peer){.public_key = host->public_key, .address = host->inside});
    assert_true(pings(host, server->inside));

    struct tunnel_peer_state *peers = NULL;
    assert_int_equal(peer_count(wire, server, &peers), 1);
    assert_string_equal(peers[0].address, "fd00:ec1a:1::1:65");
}

static void an_address_given_to_another_key_leaves_the_old_peer_without_a_place(void **state)
{
    struct wire *wire = *state;
    struct machine *server = &wire->machines[SERVER], *host = &wire->machines[HOST];
    connect_machines(wire);
    char *other = NULL;
    const char *path = arena_format(wire->arena, "%s/other", wire->directory);
    assert_int_equal(tunnel_key_ensure(wire->arena, path, &other, NULL), 0);
    machine_set_peer(wire, server, (struct tunnel_peer){.public_key = other, .address = host->inside});

    struct tunnel_peer_state *peers = NULL;
    assert_int_equal(peer_count(wire, server, &peers), 1);
    assert_string_equal(peers[0].public_key, other);
    assert_false(pings(host, server->inside));
}

static void setting_all_peers_makes_them_exactly_these(void **state)
{
    struct wire *wire = *state;
    struct machine *server = &wire->machines[SERVER], *host = &wire->machines[HOST];
    connect_machines(wire);
    char *other = NULL;
    const char *path = arena_format(wire->arena, "%s/other", wire->directory);
    assert_int_equal(tunnel_key_ensure(wire->arena, path, &other, NULL), 0);

    struct tunnel_peer wanted[] = {{.public_key = other, .address = "fd00:ec1a:1::1:66"},
                                   {.public_key = host->public_key, .address = host->inside}};
    struct tunnel_peer_state *peers = NULL;
    enter(server->descriptor);
    assert_int_equal(tunnel_set_peers(server->tunnel, wanted, 2, NULL), 0);
    assert_int_equal(tunnel_set_peers(server->tunnel, wanted, 2, NULL), 0);
    enter(wire->home);
    assert_int_equal(peer_count(wire, server, &peers), 2);
    assert_true(pings(host, server->inside));

    enter(server->descriptor);
    assert_int_equal(tunnel_set_peers(server->tunnel, wanted, 1, NULL), 0);
    enter(wire->home);
    assert_int_equal(peer_count(wire, server, &peers), 1);
    assert_string_equal(peers[0].public_key, other);
}

static void a_peer_with_a_name_for_an_endpoint_is_refused(void **state)
{
    struct wire *wire = *state;
    connect_machines(wire);
    struct machine *host = &wire->machines[HOST];
    const char *bad[] = {"example.com:51820", "[2001:db8::1]", "[2001:db8::1]:0", "2001:db8::1:51820",
                         "192.0.2.1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        struct tunnel_peer peer = {wire->machines[SERVER].public_key, "fd00:ec1a:1::1", bad[i], false};
        assert_int_equal(tunnel_set_peer(host->tunnel, &peer, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

int main(void)
{
    if (geteuid() != 0)
        return 77; /* skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_host_that_calls_its_config_server_reaches_it_and_is_reached, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_outlived_its_process_is_taken_over_with_its_peers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_taken_over_with_a_new_address_loses_the_old_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_address_given_to_another_key_leaves_the_old_peer_without_a_place,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(setting_all_peers_makes_them_exactly_these, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_with_a_name_for_an_endpoint_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
