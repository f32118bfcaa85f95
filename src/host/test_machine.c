#include "host/test_machine.h"

#include "base/file.h"
#include "base/process.h"
#include "base/record.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "sia/generation.h"

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
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void test_must(int result, const struct error *err)
{
    if (result < 0)
        fail_msg("%s", err->message);
}

int test_run(struct test_machine *machine, const char *const *argv)
{
    struct error err = {0};
    struct process process = {.argv = argv, .timeout_ms = 30000};
    return process_run(&process, machine->arena, NULL, &err);
}

static void make_authorities(struct test_machine *machine)
{
    struct error err = {0};
    struct key *key = NULL, *client_key = NULL;
    test_must(authority_create(machine->arena, "test authority", 1, &key, &machine->authority_pem, &err),
              &err);
    test_must(authority_open(machine->authority_pem, key, &machine->authority, &err), &err);
    test_must(file_write(machine->trust, machine->authority_pem, strlen(machine->authority_pem), 0644, &err),
              &err);
    test_must(authority_create(machine->arena, "acme's clients", 1, &client_key, &machine->clients_pem, &err),
              &err);
    test_must(authority_open(machine->clients_pem, client_key, &machine->clients, &err), &err);
    key_free(&key);
    key_free(&client_key);
}

int test_machine_run(int (*tests)(void))
{
    if (unshare(CLONE_NEWPID) < 0)
        return 1;
    pid_t first = fork();
    if (first == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(tests());
    }
    int status = 0;
    waitpid(first, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Mounts and network of our own, and one cable to the outside: our interface as EC2 gives it. */
static void make_network(struct test_machine *machine)
{
    assert_int_equal(unshare(CLONE_NEWNS | CLONE_NEWNET), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
    assert_int_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
    umount2("/sys/fs/cgroup/unified", MNT_DETACH); /* where there is one, crun cannot work beside it */
    machine->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(TEST_RUN(machine, "ip", "netns", "add", "outside"), 0);
    machine->outside = open("/run/netns/outside", O_RDONLY | O_CLOEXEC);
    TEST_RUN(machine, "ip", "link", "set", "lo", "up");
    TEST_RUN(machine, "ip", "link", "add", "ens5", "type", "veth", "peer", "name", "vpc", "netns", "outside");
    TEST_RUN(machine, "ip", "link", "set", "ens5", "up");
    TEST_RUN(machine, "ip", "-n", "outside", "link", "set", "vpc", "up");
    TEST_RUN(machine, "ip", "-n", "outside", "link", "set", "lo", "up");
    TEST_RUN(machine, "ip", "-n", "outside", "address", "add", TEST_OUTSIDE "/64", "dev", "vpc", "nodad");
    TEST_RUN(machine, "ip", "address", "add", TEST_HOST_IP "/64", "dev", "ens5", "nodad");
}

void test_machine_open(struct test_machine *machine)
{
    struct error err = {0};
    machine->arena = arena_new();
    strcpy(machine->directory, "/tmp/host-test-XXXXXX");
    assert_non_null(mkdtemp(machine->directory));
    assert_int_equal(chmod(machine->directory, 0711), 0);
    machine->state = arena_format(machine->arena, "%s/state", machine->directory);
    machine->trust = arena_format(machine->arena, "%s/ca.pem", machine->directory);
    test_must(directory_make(arena_format(machine->arena, "%s/nodes", machine->state), 0711, &err), &err);
    make_authorities(machine);
    make_network(machine);
}

void test_machine_close(struct test_machine *machine)
{
    const char *storage = arena_format(machine->arena, "%s/containers", machine->state);
    const char *conf = arena_format(machine->arena, "CONTAINERS_CONF=%s/containers.conf", machine->state);
    TEST_RUN(machine, "env", conf, "podman", "--root", storage, "--runroot", "/run/enclave/containers",
             "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "rm",
             "--all", "--force", "--time", "0");
    TEST_RUN(machine, "sh", "-c", "ip -all netns delete");
    TEST_RUN(machine, "umount", "--recursive", storage);
    tree_remove(machine->directory, NULL);
}

void test_identity(struct test_machine *machine, const char *directory, const char *domain,
                   const char *service, const char *instance_id, const char *dns, const char *address)
{
    struct error err = {0};
    struct names names = {0};
    struct key *key = NULL;
    char *certificate = NULL;
    athenz_service_names(machine->arena, domain, service, TEST_PROVIDER, instance_id, &names);
    names.dns[0] = dns;
    names.addresses[0] = address;
    test_must(key_generate(&key, &err), &err);
    test_must(authority_issue(machine->authority, machine->arena, key_public_pem(machine->arena, key), &names,
                              24 * 3600 * 1000, &certificate, &err),
              &err);
    test_must(directory_make(directory, 0700, &err), &err);
    test_must(generation_save(directory, key, certificate, machine->authority_pem, &err), &err);
    key_free(&key);
}

static int try_connect(const char *path, const char *address, uint16_t port)
{
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    inet_pton(AF_INET6, address, &to.sin6_addr);
    int tcp = setns(namespace, CLONE_NEWNET) == 0 ? socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0) : -1;
    if (tcp < 0 || (connect(tcp, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS))
        return 1;
    struct pollfd ready = {.fd = tcp, .events = POLLOUT};
    int failed = 1;
    socklen_t length = sizeof failed;
    if (poll(&ready, 1, 700) == 1)
        getsockopt(tcp, SOL_SOCKET, SO_ERROR, &failed, &length);
    return failed ? 1 : 0;
}

bool test_connects(struct test_machine *machine, const char *namespace, const char *address, uint16_t port)
{
    const char *path = arena_format(machine->arena, "/run/netns/%s", namespace);
    pid_t child = fork();
    if (child == 0)
        _exit(try_connect(path, address, port));
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *test_node_spec(struct test_machine *machine, const char *label, const char *type,
                           const char *cluster, const char *address, const char *state,
                           int restart_generation)
{
    json_t *clients = json_string(machine->clients_pem);
    const char *text = arena_format(
        machine->arena,
        "{\"hostname\":\"%s" TEST_SUFFIX "\",\"state\":\"%s\",\"tenant\":\"acme\",\"application\":\"albums\","
        "\"instance\":\"default\",\"clusterType\":\"%s\",\"clusterId\":\"%s\",\"index\":0,"
        "\"image\":\"localhost/enclave/album-search:1\",\"address\":\"%s\","
        "\"resources\":{\"vcpu\":2,\"memoryGb\":8,\"diskGb\":50},\"athenzService\":\"default\","
        "\"athenzDomain\":\"" TEST_APP "\",\"instanceId\":\"0.%s" TEST_INSTANCE "\",\"clientsPem\":%s,"
        "\"applicationAddresses\":[\"2001:db8:1::100a\",\"2001:db8:1::100b\"],\"networks\":[\"" TEST_OUTSIDE
        "/128\"],"
        "\"content\":[{\"hostname\":\"h100b" TEST_SUFFIX
        "\",\"address\":\"2001:db8:1::100b\"}],\"restartGeneration\":%d}",
        label, state, type, cluster, address, cluster, json_text(machine->arena, clients),
        restart_generation);
    json_decref(clients);
    return text;
}
