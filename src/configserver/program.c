#include "configserver/program.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "configserver/api/routes.h"
#include "configserver/cluster/forward.h"
#include "configserver/cluster/membership.h"
#include "configserver/hosts/attestor_aws.h"
#include "configserver/hosts/polls.h"
#include "configserver/hosts/tunnel_peers.h"
#include "configserver/identities.h"
#include "configserver/maintain/schedule.h"
#include "identity/athenz.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* Hosts' requests have short heads, and there are thousands of their connections. */
enum { TUNNEL_RETRY_S = 5, TIDY_EVERY_S = 20, HOST_POOL = 2 * 1024, HOST_THREADS = 8 };

/* Of malloc's heaps: a burst leaves each as large as it was at most, and there would be eight for each core.
 */
enum { HEAPS = 4 };

/* Of those who answer requests; a follower's also wait for the leader (cluster/forward.c). */
enum { THREADS_ALONE = 8, THREADS_OF_SEVERAL = 16 };

struct program {
    struct arena *arena;
    struct config config;
    int lock; /* on the state directory: two of us on one store would lose writes */
    struct store *store;
    struct cloud *cloud;
    struct identities *identities;
    struct tunnel_peers *tunnel;
    struct peers peers;
    struct attestor attestor;
    struct membership *membership; /* NULL: we are alone */
    struct zone *zone;
    struct http_server *server;
};

static int read_configuration(struct program *program, const struct program_options *options,
                              struct error *err)
{
    const char *directory = options->state_directory;
    if (config_load(program->arena, options->config_path, &program->config, err) < 0 ||
        directory_make(directory, 0700, err) < 0 ||
        file_lock(arena_format(program->arena, "%s/lock", directory), &program->lock, err) < 0)
        return -1;
    program->tunnel = tunnel_peers_new(directory);
    program->peers = tunnel_peers_interface(program->tunnel);
    program->attestor = (struct attestor){&program->config, attestor_aws_verify};
    return cloud_aws_open(&program->config, &program->cloud, err);
}

/* A file of our own, or what the zone's config servers keep together. */
static int open_store(struct program *program, const struct program_options *options, struct error *err)
{
    const char *directory = options->state_directory;
    struct membership_options membership = {
        .config = &program->config,
        .state_directory = directory,
        .tls = identities_tunnel(program->identities),
        .port = options->port,
        .peers_port = options->peers_port,
    };
    char *key;
    if (!membership_needed(&program->config))
        return store_open_sqlite(arena_format(program->arena, "%s/store.sqlite", directory), &program->store,
                                 err);
    if (tunnel_peers_key(program->tunnel, program->arena, &key, err) < 0)
        return -1;
    membership.tunnel_key = key;
    if (membership_open(&membership, &program->membership, err) < 0)
        return -1;
    program->store = membership_store(program->membership);
    return 0;
}

static int open_zone(struct program *program, struct error *err)
{
    const struct zone_parts parts = {&program->config,
                                     program->store,
                                     program->cloud,
                                     &program->peers,
                                     &program->attestor,
                                     &environment_real,
                                     .follower = membership_needed(&program->config)};
    if (zone_open(&parts, &program->zone, err) < 0)
        return -1;
    log_info("zone opened", "zone", program->config.zone, NULL);
    return program->membership ? membership_join(program->membership, program->zone, err) : 0;
}

static int listen_on(const char *address, uint16_t port, unsigned side, struct tls_context *tls,
                     struct http_listener *listener, struct error *err)
{
    *listener = (struct http_listener){.side = side,
                                       .tls = tls,
                                       .socket = -1,
                                       .pool = side == SIDE_TUNNEL ? HOST_POOL : 0,
                                       .threads = side == SIDE_TUNNEL ? HOST_THREADS : 0};
    return http_listen(address, port, &listener->socket, err);
}

/* Closes what it has opened when it cannot open all. */
static int open_listeners(const struct program *program, const struct program_options *options,
                          struct http_listener *listeners, size_t *count, struct error *err)
{
    const char *address = program->config.address;
    const struct {
        const char *address;
        uint16_t port;
        unsigned side;
        struct tls_context *tls;
    } wanted[] = {
        {address, options->port, SIDE_PUBLIC, identities_public(program->identities)},
        {address, options->provider_port, SIDE_PROVIDER, identities_provider(program->identities)},
        {program->membership ? membership_address(program->membership) : NULL, options->port, SIDE_MESH,
         identities_tunnel(program->identities)},
    };
    *count = 0;
    for (size_t i = 0; i < COUNT_OF(wanted) && wanted[i].address; i++)
        if (listen_on(wanted[i].address, wanted[i].port, wanted[i].side, wanted[i].tls, &listeners[*count],
                      err) == 0) {
            ++*count;
        } else {
            while (*count > 0)
                close(listeners[--*count].socket);
            return -1;
        }
    return 0;
}

static int serve(struct program *program, const struct program_options *options, struct error *err)
{
    struct http_listener listeners[3];
    size_t count;
    const struct http_server_options server = {
        .name = "configserver",
        .routes = routes,
        .route_count = route_count,
        .identify_peer = principal_identify_peer,
        .forget_peer = principal_forget_peer,
        .authorize = authorize_caller,
        .handle = forward_or_handle,
        .context = program->zone,
        .worker_threads = program->membership ? THREADS_OF_SEVERAL : THREADS_ALONE,
    };
    if (open_listeners(program, options, listeners, &count, err) < 0)
        return -1;
    return http_server_start(&server, listeners, count, &program->server, err);
}

/* The tunnel and what listens in it; false when it is to be tried again. */
static bool serve_tunnel(struct program *program, const struct program_options *options)
{
    struct error err = {0};
    struct http_listener listener;
    const char *address = zone_configserver_address(program->arena, program->zone, program->config.index);
    if (tunnel_peers_open(program->tunnel, address, ZONE_PREFIX_LENGTH, &err) < 0 ||
        listen_on(address, options->port, SIDE_TUNNEL, identities_tunnel(program->identities), &listener,
                  &err) < 0 ||
        http_server_listen(program->server, &listener, &err) < 0) {
        log_warning("tunnel not up yet", "error", err.message, NULL);
        return false;
    }
    log_info("tunnel up", "address", address, NULL);
    zone_ring(program->zone); /* peers may be set now */
    return true;
}

/* What a storm of hosts left of memory goes back to the system. */
static void wait_for_end(struct program *program, const struct program_options *options, bool tunnel,
                         const sigset_t *ends)
{
    for (;;) {
        const struct timespec pause = {.tv_sec = tunnel ? TIDY_EVERY_S : TUNNEL_RETRY_S};
        if (sigtimedwait(ends, NULL, &pause) > 0)
            return;
        if (!tunnel && errno == EAGAIN)
            tunnel = serve_tunnel(program, options);
        malloc_trim(0);
    }
}

static void close_program(struct program *program)
{
    if (program->membership)
        membership_leave(program->membership); /* another leads while we still answer */
    if (program->zone)
        polls_stop(program->zone->polls);
    http_server_stop(&program->server);
    if (program->zone)
        schedule_stop(program->zone->schedule);
    zone_close(&program->zone);
    tunnel_peers_free(&program->tunnel);
    if (program->membership)
        program->store = NULL; /* is the membership's */
    membership_close(&program->membership);
    identities_close(&program->identities);
    cloud_aws_close(&program->cloud);
    store_close(&program->store);
    file_close(&program->lock);
    arena_free(&program->arena);
}

int program_run(const struct program_options *options, struct error *err)
{
    cleanup(close_program) struct program program = {.arena = arena_new(), .lock = -1};
    sigset_t ends;
    mallopt(M_ARENA_MAX, HEAPS);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* in every thread: they are waited for */
    signal(SIGPIPE, SIG_IGN);
    if (read_configuration(&program, options, err) < 0 ||
        identities_open(&program.config, options->state_directory, &program.identities, err) < 0 ||
        open_store(&program, options, err) < 0 || open_zone(&program, err) < 0)
        return -1;
    if (polls_start(program.zone->polls, err) < 0 || serve(&program, options, err) < 0)
        return -1;
    log_info("serving", "address", program.config.address, NULL);
    bool tunnel = serve_tunnel(&program, options);
    if (schedule_start(program.zone->schedule, err) < 0)
        return -1;
    wait_for_end(&program, options, tunnel, &ends);
    log_info("stopping", NULL);
    return 0;
}
