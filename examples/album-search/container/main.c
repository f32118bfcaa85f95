/* album-search: starts the role its host's config.json names, and follows changes of configuration, clients
 * and identity while it runs. */
#include "service.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "index.h"
#include "logs.h"
#include "zone/names.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 8 };

static void connected(void *context, int socket)
{
    struct service *service = context;
    struct sockaddr_in6 peer = {0};
    socklen_t length = sizeof peer;
    char address[INET6_ADDRSTRLEN] = "";
    if (getpeername(socket, (struct sockaddr *)(void *)&peer, &length) == 0 && peer.sin6_family == AF_INET6) {
        inet_ntop(AF_INET6, &peer.sin6_addr, address, sizeof address);
        logs_connection(service->logs, address, ntohs(peer.sin6_port));
    }
}

static int open_peers(struct service *service, struct error *err)
{
    const struct node_config *config = service_config(service);
    struct tls_files files = {config->identity->certificate, config->identity->key, service->trust_path};
    if (tls_context_new(&files, TLS_CLIENT_ALLOWED, &service->tls, err) < 0)
        return -1;
    /* As a client it trusts the zone's authority alone: a client's own certificate must never pass for a
     * peer's. */
    struct tls_files zone_only = {config->identity->certificate, config->identity->key,
                                  config->identity->trust};
    if (tls_context_new(&zone_only, TLS_CLIENT_NONE, &service->peer_tls, err) < 0)
        return -1;
    struct http_client_options options = {
        .tls = service->peer_tls,
        .check_peer = principal_check_peer,
        .context = (void *)config->peer_principal,
        .user_agent = "album-search/" ENCLAVE_VERSION,
        .no_proxy = true,
    };
    return http_client_new(&options, &service->peers, err);
}

static int serve(struct service *service, struct http_server **server, struct error *err)
{
    bool content = service_is_content(service);
    struct http_server_options options = {
        .name = "album-search",
        .routes = content ? content_routes : container_routes,
        .route_count = content ? content_route_count : container_route_count,
        .identify_peer = caller_identify,
        .forget_peer = caller_forget,
        .authorize = caller_authorize,
        .context = service,
        .worker_threads = WORKERS,
        .connected = connected,
    };
    struct http_listener listener = {.side = 1, .tls = service->tls};
    if (http_listen("::", (uint16_t)service_config(service)->port, &listener.socket, err) < 0)
        return -1;
    return http_server_start(&options, &listener, 1, server, err);
}

static int run(struct service *service, struct http_server **server, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (follow_config(service, err) < 0 || follow_trust(service, err) < 0)
        return error_context(err, "configuration");
    const struct node_config *config = service_config(service);
    if (logs_open(service->log_directory, config->hostname, config->cluster_type, &service->logs, err) < 0)
        return -1;
    logs_vespa(service->logs, "info", "container.start",
               "album-search " ENCLAVE_VERSION " begins as %s node %lld of %s", config->cluster_type,
               (long long)config->index, config->cluster_id);
    if (service_is_content(service) &&
        index_open(arena_format(arena, "%s/documents.sqlite", service->data_directory), &service->index,
                   err) < 0)
        return error_context(err, "documents");
    if (open_peers(service, err) < 0 || serve(service, server, err) < 0)
        return -1;
    logs_vespa(service->logs, "info", "container.start", "serving on port %lld", (long long)config->port);
    return 0;
}

/* Directories can be moved for a run outside a container: CONFIG DATA LOGS TMP. */
int main(int argc, char **argv)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_open("album-search", LOG_LEVEL_INFO, false);

    static struct service service = {.config_directory = NODE_CONFIG_DIRECTORY,
                                     .data_directory = NODE_DATA_DIRECTORY,
                                     .log_directory = NODE_LOG_DIRECTORY,
                                     .trust_path = "/tmp/trust.pem",
                                     .lock = PTHREAD_MUTEX_INITIALIZER};
    if (argc == 5) {
        service.config_directory = argv[1];
        service.data_directory = argv[2];
        service.log_directory = argv[3];
        service.trust_path = argv[4];
    } else if (argc != 1) {
        fprintf(stderr, "usage: album-search [CONFIG-DIRECTORY DATA-DIRECTORY LOG-DIRECTORY TRUST-FILE]\n");
        return 2;
    }
    struct http_server *server = NULL;
    struct error err = {0};
    pthread_t follower, mover;
    if (run(&service, &server, &err) < 0 || pthread_create(&follower, NULL, follow_thread, &service) != 0 ||
        (service.index && pthread_create(&mover, NULL, move_thread, &service) != 0)) {
        log_error("cannot serve", "error", err.message, NULL);
        return 1;
    }
    int received = 0;
    sigwait(&ends, &received);
    logs_vespa(service.logs, "info", "container.stop", "album-search ends");
    http_server_stop(&server);
    index_close(&service.index);
    return 0;
}
