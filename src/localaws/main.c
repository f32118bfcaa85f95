/* localaws: an AWS region on one machine. Parts are started in the order of need and stopped in reverse. */
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/admin/admin.h"
#include "localaws/ec2/calendar.h"
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/names.h"
#include "localaws/faults/faults.h"
#include "localaws/front/dispatch.h"
#include "localaws/front/endpoint.h"
#include "localaws/front/keys.h"
#include "localaws/front/proxy.h"
#include "localaws/options.h"
#include "localaws/plane/plane.h"
#include "localaws/rootless.h"
#include "localaws/services.h"
#include "localaws/state.h"
#include "localaws/trail/trail.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define API_ADDRESS "2001:db8:ffff::1" /* where instances reach the API, in the region's internet */
enum { API_PORT = 443 };

struct localaws {
    struct options options;
    struct region region;
    struct tls_context *tls;
    struct http_server *server, *admin;
    struct proxy *proxy;
    char *directory, *ready_path;
    int lock, port;
    int api_socket, proxy_socket; /* on the computer; -1: somebody owns it */
    pid_t pid;                    /* as the computer counts */
};

/* The state directory, ours alone. */
static int open_directory(struct localaws *localaws, struct error *err)
{
    if (directory_make(localaws->options.state, 0755, err) < 0)
        return -1;
    localaws->directory = realpath(localaws->options.state, NULL);
    if (!localaws->directory)
        return error_errno(err, ERROR_UNAVAILABLE, "%s", localaws->options.state);
    localaws->ready_path = memory_format("%s/ready", localaws->directory);
    cleanup(memory_free) char *lock = memory_format("%s/lock", localaws->directory);
    if (file_lock(lock, &localaws->lock, err) < 0)
        return error_context(err, "another localaws may be using %s", localaws->directory);
    unlink(localaws->ready_path);
    return 0;
}

/* Networks and machines need root; without, instances are records only. */
static int start_plane(struct localaws *localaws, struct error *err)
{
    struct plane_callbacks callbacks;
    if (localaws->options.no_plane)
        return 0;
    if (geteuid() != 0) {
        log_warning("not root: instances are records only", NULL);
        return 0;
    }
    ec2_plane_callbacks(&localaws->region, &callbacks);
    return plane_start(localaws->directory, localaws->options.label, API_ADDRESS, localaws->options.rootless,
                       &callbacks, &localaws->region.plane, err);
}

static int open_region(struct localaws *localaws, struct error *err)
{
    const struct options *options = &localaws->options;
    struct region *region = &localaws->region;
    *region = (struct region){
        .name = options->region,
        .directory = localaws->directory,
        .api_address = API_ADDRESS,
        .images_path = options->images,
        .role_session_s = options->role_session_s,
        .remembered_ms = options->remember_s * 1000,
        .module_table = region_modules,
        .module_count = region_module_count,
    };
    region_open(region);
    for (size_t i = 0; i < options->account_count; i++)
        if (!region_account(region, options->accounts[2 * i]))
            region_account_create(region, options->accounts[2 * i]);
    cleanup(memory_free) char *credentials = memory_format("%s/credentials", localaws->directory);
    const char *addresses[] = {options->listen_address, API_ADDRESS, API_IPV4, NULL};
    if (root_keys_open(region, credentials, options->accounts, err) < 0 ||
        endpoint_certificate_open(region, addresses, &localaws->tls, err) < 0 ||
        identity_signer_open(region, err) < 0 ||
        trail_open(region, (int64_t)options->trail_mb << 20, err) < 0)
        return -1;
    /* What is restored is made true at once, so the plane is there first. */
    if (start_plane(localaws, err) < 0 || faults_open(region, err) < 0 || state_restore(region, err) < 0)
        return -1;
    return state_saver_start(region, err) < 0 ? -1 : calendar_start(region, err);
}

static void tell_endpoints(struct region *region, struct http_server *server)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    locked->api = server;
}

/* First of all: they stay on the computer wherever the region goes. */
static int open_sockets(struct localaws *localaws, struct error *err)
{
    const struct options *options = &localaws->options;
    bool plane = !options->no_plane && (options->rootless || geteuid() == 0);
    if (http_listen(options->listen_address, options->listen_port, &localaws->api_socket, err) < 0)
        return -1;
    return plane ? http_listen(options->proxy_address, options->proxy_port, &localaws->proxy_socket, err) : 0;
}

static int take_socket(int *place)
{
    int socket = *place;
    *place = -1;
    return socket;
}

/* The API answers on the user's machine and, at the same address for every instance, in the region's
 * internet. */
static int serve(struct localaws *localaws, struct error *err)
{
    struct plane *plane = localaws->region.plane;
    const char *const addresses[] = {API_ADDRESS, API_IPV4, endpoint_services[0].addresses[0]};
    struct http_listener listeners[2 + COUNT_OF(addresses)]; /* the last is for who comes by an endpoint */
    size_t count = plane ? COUNT_OF(listeners) : 1;
    for (size_t i = 0; i < COUNT_OF(listeners); i++)
        listeners[i] = (struct http_listener){.side = API_SIDE, .tls = localaws->tls, .socket = -1};
    listeners[0].socket = take_socket(&localaws->api_socket);
    for (size_t i = 0; plane && i < COUNT_OF(addresses); i++)
        if (plane_internet_listen(plane, addresses[i], API_PORT, &listeners[1 + i].socket, err) < 0)
            return -1;
    localaws->port = http_socket_port(listeners[0].socket);
    if (api_start(&localaws->region, listeners, count, &localaws->server, err) < 0)
        return -1;
    tell_endpoints(&localaws->region, localaws->server);
    return 0;
}

static char *proxy_resolve(void *region, struct arena *arena, const char *name)
{
    return region_resolve(region, arena, name);
}

static int proxy_connect(void *region, const char *address, uint16_t port, int *socket, struct error *err)
{
    return plane_internet_connect(((struct region *)region)->plane, address, port, socket, err);
}

static int serve_proxy(struct localaws *localaws, struct error *err)
{
    const struct proxy_way way = {&localaws->region, proxy_resolve, proxy_connect};
    if (!localaws->region.plane)
        return 0;
    return proxy_start(take_socket(&localaws->proxy_socket), &way, &localaws->proxy, err);
}

static int announce(struct localaws *localaws, struct error *err)
{
    const char *address = localaws->options.listen_address;
    bool brackets = strchr(address, ':') != NULL;
    cleanup(memory_free) char *url =
        memory_format("https://%s%s%s:%d", brackets ? "[" : "", address, brackets ? "]" : "", localaws->port);
    cleanup(memory_free) char *pid = memory_format("%d\n", (int)localaws->pid);
    if (localaws->options.pid_file && file_write(localaws->options.pid_file, pid, strlen(pid), 0644, err) < 0)
        return -1;
    if (file_write(localaws->ready_path, url, strlen(url), 0644, err) < 0)
        return -1;
    printf("ready %s\n", url);
    fflush(stdout);
    return 0;
}

static int enter_namespaces(struct localaws *localaws, struct error *err)
{
    const struct options *options = &localaws->options;
    const char *const needed[] = {localaws->directory, options->images ? options->images : "",
                                  options->pid_file ? options->pid_file : "", NULL};
    return options->rootless ? rootless_enter(needed, err) : 0;
}

static int start(struct localaws *localaws, struct error *err)
{
    if (open_sockets(localaws, err) < 0 || open_directory(localaws, err) < 0 ||
        enter_namespaces(localaws, err) < 0 || open_region(localaws, err) < 0 || serve(localaws, err) < 0 ||
        serve_proxy(localaws, err) < 0 || admin_start(&localaws->region, &localaws->admin, err) < 0)
        return -1;
    return announce(localaws, err);
}

static void stop(struct localaws *localaws)
{
    if (localaws->ready_path)
        unlink(localaws->ready_path);
    proxy_stop(&localaws->proxy);
    if (localaws->admin)
        http_server_stop(&localaws->admin);
    ssm_stop(&localaws->region);
    tell_endpoints(&localaws->region, NULL);
    if (localaws->server)
        http_server_stop(&localaws->server);
    faults_close(&localaws->region);
    calendar_stop(&localaws->region);
    if (localaws->region.plane)
        plane_stop(&localaws->region.plane);
    state_saver_stop(&localaws->region);
    trail_close(&localaws->region);
    identity_signer_close(&localaws->region);
    if (localaws->tls)
        tls_context_free(&localaws->tls);
    keys_free(&localaws->region);
    if (localaws->options.pid_file)
        unlink(localaws->options.pid_file);
    file_close(&localaws->api_socket);
    file_close(&localaws->proxy_socket);
    file_close(&localaws->lock);
}

/* Records are many and small, answers few and large: two heaps for all threads, and what is large is given
 * back at once. */
static void tune_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 512 << 10);
}

/* A command for a region that runs is another program's, which lies beside this one (admin/command.c). */
static int become_admin(char **argv)
{
    char path[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "-admin");
    if (length > 0)
        execv(strcat(path, "-admin"), argv);
    fprintf(stderr, "localaws: %s: %s\n", path, strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    /* static: the region's tables live as long as the process */
    static struct localaws localaws = {.lock = -1, .api_socket = -1, .proxy_socket = -1};
    struct error err = {0};
    if (argc > 1 && *argv[1] != '-')
        return become_admin(argv);
    tune_memory();
    localaws.pid = getpid();
    options_parse(argc, argv, &localaws.options);
    if (log_open_named("localaws", localaws.options.log_level, "text", &err) < 0) {
        fprintf(stderr, "localaws: %s\n", err.message);
        return 2;
    }
    /* Signals are waited for here; no other thread takes them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    int result = start(&localaws, &err);
    if (result < 0)
        log_error("cannot start", "error", err.message, NULL);
    int received;
    if (result == 0)
        sigwait(&signals, &received);
    stop(&localaws);
    return result < 0 ? 1 : 0;
}
