/* enclave-controller: puts the parts together, serves until it is told to stop. */
#include "base/file.h"
#include "base/log.h"
#include "controller/api.h"
#include "controller/options.h"
#include "controller/own_identity.h"
#include "controller/runner.h"
#include "controller/state.h"
#include "identity/athenz.h"

#include <signal.h>
#include <stdio.h>

static int open_state(struct controller *controller, struct arena *arena, int *lock, struct error *err)
{
    const char *directory = controller->state_directory;
    if (directory_make(arena_format(arena, "%s/packages", directory), 0700, err) < 0 ||
        file_lock(arena_format(arena, "%s/lock", directory), lock, err) < 0 ||
        store_open_sqlite(arena_format(arena, "%s/state.db", directory), &controller->store, err) < 0)
        return -1;
    return state_prepare(controller->store, err);
}

static int listen_all(const struct options *options, int *sockets, struct error *err)
{
    for (int i = 0; i < options->address_count; i++)
        if (http_listen(options->addresses[i], options->port, &sockets[i], err) < 0)
            return -1;
    return 0;
}

static void wait_for_signal(void)
{
    sigset_t ends;
    int signal_number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigwait(&ends, &signal_number);
}

static int serve(const struct options *options, struct controller *controller, struct own_identity *identity,
                 struct error *err)
{
    int sockets[LISTEN_MOST];
    struct http_server *server = NULL;
    const struct http_client_options zones = {
        .tls = own_identity_tls(identity), .check_peer = principal_check_peer, .no_proxy = true};
    if (http_client_new(&zones, &controller->zones, err) < 0 || runner_start(controller, err) < 0 ||
        listen_all(options, sockets, err) < 0 ||
        api_start(controller, own_identity_tls(identity), sockets, (size_t)options->address_count, &server, err) < 0)
        return -1;
    log_info("serving", "version", ENCLAVE_VERSION, NULL);
    wait_for_signal();
    http_server_stop(&server);
    return 0;
}

static int run(const struct options *options, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(own_identity_stop) struct own_identity *identity = NULL;
    cleanup(file_close) int lock = -1;
    struct controller_config config = {0};
    struct controller controller = {
        .config = &config, .state_directory = options->state, .changes = PTHREAD_MUTEX_INITIALIZER};
    if (config_read(arena, options->config_path, &config, err) < 0 ||
        open_state(&controller, arena, &lock, err) < 0 ||
        own_identity_start(&config, options->state, &identity, err) < 0)
        return -1;
    struct aws_credentials *ours = aws_credentials_default();
    controller.provisioner = aws_credentials_assume_role(ours, config.aws_region, config.provisioner_role_arn,
                                                         "enclave-controller", NULL);
    int result = serve(options, &controller, identity, err);
    runner_stop(&controller);
    http_client_free(&controller.zones);
    aws_credentials_free(&controller.provisioner);
    aws_credentials_free(&ours);
    store_close(&controller.store);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err = {0};
    sigset_t blocked;
    if (options_parse(argc, argv, &options, &err) < 0 ||
        log_open_named("enclave-controller", options.log_level, options.log_form, &err) < 0) {
        fprintf(stderr, "enclave-controller: %s\n", err.message);
        return 2;
    }
    if (options.help) {
        fputs(options_help(), stdout);
        return 0;
    }
    /* SIGTERM and SIGINT are waited for, by this thread only; a closed peer is an error of the write. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGPIPE);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    if (run(&options, &err) < 0) {
        log_error("cannot run", "reason", err.message, NULL);
        return 1;
    }
    return 0;
}
