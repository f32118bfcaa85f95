/* A node's container, by podman(1) with crun: read-only root, no capability, a user namespace whose root is
 * nobody on the machine, the node's own network namespace. A label names the version of everything it was
 * started with; another version wanted, or no running process, and it is started anew. */
#include "host/maintenance.h"
#include "host/node.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "identity/key.h"
#include "zone/node_config.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    INSPECT_TIMEOUT_MS = 60 * 1000,
    START_TIMEOUT_MS = 2 * 60 * 1000,
    REMOVE_TIMEOUT_MS = 2 * 60 * 1000,
    REMOVE_TRIES = 4,
    REMOVE_PAUSE_MS = 150,
    START_PAUSE_MS = 1000, /* doubled with each start that did not come up */
    START_PAUSE_MOST_MS = 60 * 1000,
    ASK_PAUSE_MS = 5000, /* after "not now" */
    ARGUMENTS_MOST = 80,
    FILES_MOST = 65536,
    PROCESSES_MOST = 4096,
};

#define STOP_GRACE_S  "20"
#define LABEL_VERSION "enclave.version"
#define LABEL_RESTART "enclave.restart"
#define LABEL_IMAGE   "enclave.image"

/* podman's defaults set kernel switches in the network namespace, which a container that does not own it may
 * not. */
static const char containers_conf[] = "[containers]\ndefault_sysctls = []\n";

int podman(struct agent *agent, struct arena *arena, const char *const *arguments, int timeout_ms,
           char **output, struct error *err)
{
    const char *conf = agent_path(agent, arena, "containers.conf");
    if (!file_exists(conf) && file_write(conf, containers_conf, sizeof containers_conf - 1, 0644, err) < 0)
        return -1;
    /* clang-format off */
    const char *argv[ARGUMENTS_MOST] = {
        "podman",
        "--root",           agent_path(agent, arena, "containers"),
        "--runroot",        "/run/enclave/containers",
        "--storage-driver", "vfs",
        "--cgroup-manager", "cgroupfs",
        "--events-backend", "file",
    };
    /* clang-format on */
    size_t count = 11;
    while (*arguments && count < COUNT_OF(argv) - 1)
        argv[count++] = *arguments++;
    struct process process = {
        .argv = argv,
        .environment = PODMAN_ARGUMENTS(arena_format(arena, "CONTAINERS_CONF=%s", conf), "HOME=/root"),
        .timeout_ms = timeout_ms,
    };
    return process_run(&process, arena, output, err);
}

static char *wanted_version(const struct node_pass *pass)
{
    const struct node_spec *spec = pass->spec;
    const char *parts = arena_format(pass->arena, "%s\n%s\n%lld\n%s", spec->image, spec->address,
                                     (long long)spec->restart_generation, spec->instance_id);
    return arena_strndup(pass->arena, sha256_hex(pass->arena, parts, strlen(parts)), 16);
}

static void forget(struct node *node)
{
    if (node->container >= 0)
        close(node->container);
    node->container = -1;
    node->container_pid = 0;
}

/* The descriptor of a process becomes readable when it ends, and never means another process. */
static bool lives(const struct node *node)
{
    struct pollfd end = {.fd = node->container, .events = POLLIN};
    return node->container >= 0 && poll(&end, 1, 0) == 0;
}

struct container_state {
    char status[32], version[32], image[600];
    long long pid, restart;
};

/* -1: there is no such container. */
static int inspect(struct node_pass *pass, struct container_state *state)
{
    *state = (struct container_state){.restart = -1};
    char *output = NULL;
    if (podman(pass->agent, pass->arena,
               PODMAN_ARGUMENTS("container", "inspect", "--format",
                                "{{.State.Status}} {{.State.Pid}} "
                                "{{index .Config.Labels \"" LABEL_VERSION "\"}} "
                                "{{index .Config.Labels \"" LABEL_RESTART "\"}} "
                                "{{index .Config.Labels \"" LABEL_IMAGE "\"}}",
                                pass->paths.label),
               INSPECT_TIMEOUT_MS, &output, NULL) < 0)
        return -1;
    sscanf(output, "%31s %lld %31s %lld %599s", state->status, &state->pid, state->version, &state->restart,
           state->image);
    return 0;
}

static void adopt(struct node *node, const struct container_state *state)
{
    forget(node);
    node->container = (int)syscall(SYS_pidfd_open, (pid_t)state->pid, 0);
    node->container_pid = state->pid;
    node->restart_generation = state->restart;
    free(node->version);
    node->version = memory_strdup(state->version);
    free(node->running);
    node->running = memory_strdup(state->image);
}

/* What we want, or less where we ourselves may not have that much. */
static char *limit(struct arena *arena, const char *name, __rlimit_resource_t resource, rlim_t wanted)
{
    struct rlimit ours = {.rlim_max = wanted};
    getrlimit(resource, &ours);
    unsigned long long most = wanted < ours.rlim_max ? wanted : ours.rlim_max;
    return arena_format(arena, "%s=%llu:%llu", name, most, most);
}

static int start(struct node_pass *pass, const char *version, struct error *err)
{
    const struct node_spec *spec = pass->spec;
    const struct node_paths *paths = &pass->paths;
    struct arena *arena = pass->arena;
    const char *ids = arena_format(arena, "0:%d:%d", CONTAINER_FIRST_ID, CONTAINER_IDS);
    /* clang-format off */
    const char *arguments[] = {
        "run", "--detach", "--name", paths->label, "--hostname", paths->label,
        "--label", arena_format(arena, LABEL_VERSION "=%s", version),
        "--label", arena_format(arena, LABEL_RESTART "=%lld", (long long)spec->restart_generation),
        "--label", arena_format(arena, LABEL_IMAGE "=%s", spec->image),
        "--cgroups=disabled", arena_format(arena, "--network=ns:/run/netns/%s", paths->network_namespace),
        "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges",
        "--uidmap", ids, "--gidmap", ids, "--ulimit", limit(arena, "nofile", RLIMIT_NOFILE, FILES_MOST),
        "--ulimit", limit(arena, "nproc", RLIMIT_NPROC, PROCESSES_MOST),
        "--no-hosts", "--pull", "never", "--log-driver", "k8s-file", "--log-opt", "max-size=1mb",
        "--log-opt", arena_format(arena, "path=%s/console.log", paths->base),
        "--volume", arena_format(arena, "%s:%s:rw", paths->data, NODE_DATA_DIRECTORY),
        "--volume", arena_format(arena, "%s:%s:rw", paths->logs, NODE_LOG_DIRECTORY),
        "--volume", arena_format(arena, "%s:%s:ro", paths->identity, NODE_IDENTITY_DIRECTORY),
        "--volume", arena_format(arena, "%s:%s:ro", paths->etc, NODE_CONFIG_DIRECTORY),
        spec->image, NULL,
    };
    /* clang-format on */
    return podman(pass->agent, arena, arguments, START_TIMEOUT_MS, NULL, err);
}

/* One that ends again and again is started ever more rarely. */
static int wait_for_turn(struct node *node, struct error *err)
{
    int64_t now = clock_monotonic_ms();
    if (now < node->next_start_ms)
        return error_set(err, ERROR_UNAVAILABLE, "the container ended; it is started again in %lld s",
                         (long long)(node->next_start_ms - now + 999) / 1000);
    int64_t pause = START_PAUSE_MS;
    for (int i = 0; i < node->starts && pause < START_PAUSE_MOST_MS; i++)
        pause *= 2;
    node->next_start_ms = now + (pause < START_PAUSE_MOST_MS ? pause : START_PAUSE_MOST_MS);
    node->starts++;
    return 0;
}

/* What runs, taken over; `*exists` also when it does not run. */
static bool find_running(struct node_pass *pass, bool *exists)
{
    struct container_state state;
    *exists = inspect(pass, &state) == 0;
    if (!*exists || !text_equal(state.status, "running"))
        return false;
    adopt(pass->node, &state);
    return lives(pass->node);
}

/* Another version is wanted of a container that serves: not before it can be missed. Until then it goes on.
 */
static bool may_be_replaced(struct node_pass *pass)
{
    struct node *node = pass->node;
    struct error err = {0};
    int64_t now = clock_monotonic_ms();
    if (now < node->next_ask_ms)
        return false;
    if (maintenance_begin(pass, &err) == 0)
        return true;
    node->next_ask_ms = now + ASK_PAUSE_MS;
    if (err.kind == ERROR_CONFLICT) /* any other answer may have been lost on its way */
        unlink(pass->paths.suspended);
    log_info("container is not replaced yet", "node", node->hostname, "why", err.message, NULL);
    return false;
}

static int replace_container(struct node_pass *pass, const char *version, bool exists, struct error *err)
{
    struct node *node = pass->node;
    if (node->status != NODE_STARTING)
        node_happen(node, NODE_BEGIN, "the container is started");
    if (wait_for_turn(node, err) < 0)
        return -1;
    if (exists && node_container_remove(pass, err) < 0)
        return -1;
    log_info("container starts", "node", node->hostname, "image", pass->spec->image, NULL);
    if (start(pass, version, err) < 0 || !find_running(pass, &exists))
        return error_context(err, "start the container of %s", node->hostname);
    return 0;
}

int node_container_run(struct node_pass *pass, struct error *err)
{
    struct node *node = pass->node;
    const char *version = wanted_version(pass);
    bool exists = true, known = lives(node);
    if (known && text_equal(node->version, version)) {
        node->next_ask_ms = 0;
        return 0;
    }
    if (!known && find_running(pass, &exists) && text_equal(node->version, version)) {
        log_info("container runs already", "node", node->hostname, NULL);
        return 0;
    }
    if (lives(node) && !may_be_replaced(pass))
        return 0;
    return replace_container(pass, version, exists, err);
}

int node_container_stop(struct node_pass *pass, struct error *err)
{
    struct container_state state;
    if (inspect(pass, &state) == 0 && text_equal(state.status, "running") &&
        podman(pass->agent, pass->arena, PODMAN_ARGUMENTS("stop", "--time", STOP_GRACE_S, pass->paths.label),
               REMOVE_TIMEOUT_MS, NULL, err) < 0)
        return -1;
    forget(pass->node);
    return 0;
}

/* podman cleans up behind a container that has just ended; two that do it at once get in each other's way. */
static int remove_container(struct node_pass *pass, struct error *err)
{
    int removed = -1;
    for (int i = 0; i < REMOVE_TRIES && removed < 0; i++) {
        if (i)
            clock_sleep_ms(REMOVE_PAUSE_MS);
        removed = podman(pass->agent, pass->arena,
                         PODMAN_ARGUMENTS("rm", "--force", "--time", STOP_GRACE_S, pass->paths.label),
                         REMOVE_TIMEOUT_MS, NULL, err);
    }
    return removed;
}

int node_container_remove(struct node_pass *pass, struct error *err)
{
    struct container_state state;
    if (inspect(pass, &state) == 0 && remove_container(pass, err) < 0)
        return -1;
    forget(pass->node);
    return 0;
}
