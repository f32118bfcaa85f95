#include "aws/s3.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "zts/own_identity.h"
#include "zts/zts.h"

#include <argp.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { CA_KEY_LARGEST = 16 * 1024, RETRY_S = 2, CHECK_EVERY_S = 600 };

struct options {
    const char *config, *listen, *state, *log_level, *log_form;
    int port;
};

static const struct argp_option option_table[] = {
    {"config", 'c', "FILE", 0, "configuration in place of the instance's user data", 0},
    {"listen", 'l', "ADDRESS", 0, "address to listen on (::)", 0},
    {"port", 'p', "PORT", 0, "port to listen on (4443)", 0},
    {"state", 's', "DIR", 0, "where records and our own key lie (/var/lib/enclave/zts)", 0},
    {"log-level", 'v', "LEVEL", 0, "debug, info, warning or error (info)", 0},
    {"log", 'f', "FORM", 0, "text or json (text)", 0},
    {0},
};

static error_t read_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'c':
        options->config = argument;
        break;
    case 'l':
        options->listen = argument;
        break;
    case 's':
        options->state = argument;
        break;
    case 'v':
        options->log_level = argument;
        break;
    case 'f':
        options->log_form = argument;
        break;
    case 'p': {
        char *end;
        long port = strtol(argument, &end, 10);
        if (*end || port < 1 || port > 65535)
            argp_error(state, "%s is not a port", argument);
        options->port = (int)port;
        break;
    }
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Everything that lives as long as the program, freed in the reverse order of its making. */
struct program {
    struct arena *arena;
    struct options options;
    struct zts_config config;
    struct authority *authority;
    struct own_identity *identity;
    struct store *store;
    struct zts *zts;
    struct http_server *server;
};

static void program_stop(struct program *program)
{
    http_server_stop(&program->server);
    zts_free(&program->zts);
    store_close(&program->store);
    own_identity_free(&program->identity);
    authority_close(&program->authority);
    arena_free(&program->arena);
}

static bool stopped_while_waiting(const sigset_t *signals)
{
    const struct timespec pause = {.tv_sec = RETRY_S};
    return sigtimedwait(signals, NULL, &pause) > 0;
}

/* The metadata service may answer only after we start. */
static int load_config(struct program *program, const sigset_t *signals, struct error *err)
{
    while (zts_config_load(program->arena, program->options.config, &program->config, err) < 0) {
        if (err->kind != ERROR_UNAVAILABLE)
            return -1;
        log_warning("no configuration yet", "reason", err->message, NULL);
        if (stopped_while_waiting(signals))
            return error_set(err, ERROR_UNAVAILABLE, "stopped before there was a configuration");
    }
    return 0;
}

/* The authority's key passes through memory only. */
static int fetch_authority(struct program *program, struct aws_client *aws, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(key_free) struct key *key = NULL;
    const struct zts_config *config = &program->config;
    char *pem;
    size_t length;
    if (s3_get(aws, arena, config->ca_key_bucket, config->ca_key_object, CA_KEY_LARGEST, &pem, &length, err) <
        0)
        return -1;
    char *text = arena_strndup(arena, pem, length);
    int result = key_parse(text, &key, err);
    explicit_bzero(pem, length);
    explicit_bzero(text, length);
    return result < 0 ? result : zts_authority_open(config->ca_certificates, key, &program->authority, err);
}

/* The key may be uploaded, or its bucket be readable, only after we start. */
static int open_authority(struct program *program, const sigset_t *signals, struct error *err)
{
    struct aws_credentials *credentials = aws_credentials_default();
    struct aws_client *aws = NULL;
    int result = aws_client_new(credentials, program->config.aws_region, &aws, err);
    while (result == 0 && fetch_authority(program, aws, err) < 0) {
        log_warning("the authority's key is not there yet", "bucket", program->config.ca_key_bucket, "object",
                    program->config.ca_key_object, "reason", err->message, NULL);
        if (stopped_while_waiting(signals))
            result = error_set(err, ERROR_UNAVAILABLE, "stopped before the authority's key was there");
    }
    aws_client_free(&aws);
    aws_credentials_free(&credentials);
    return result;
}

static int program_start(struct program *program, const sigset_t *signals, struct error *err)
{
    const struct options *options = &program->options;
    if (directory_make(options->state, 0700, err) < 0 || load_config(program, signals, err) < 0 ||
        open_authority(program, signals, err) < 0 ||
        own_identity_new(options->state, program->authority, program->config.ca_certificates,
                         &program->identity, err) < 0 ||
        store_open_sqlite(arena_format(program->arena, "%s/store.db", options->state), &program->store, err) <
            0)
        return -1;
    struct zts_parts parts = {.config = &program->config,
                              .store = program->store,
                              .authority = program->authority,
                              .tls = own_identity_tls(program->identity)};
    if (zts_new(&parts, &program->zts, err) < 0)
        return -1;
    struct http_listener listener = {.side = ZTS_SIDE_FRONT, .tls = parts.tls};
    struct http_server_options server = zts_server_options(program->zts);
    if (http_listen(options->listen, (uint16_t)options->port, &listener.socket, err) < 0 ||
        http_server_start(&server, &listener, 1, &program->server, err) < 0)
        return -1;
    log_info("zts serves", "address", options->listen, NULL);
    return 0;
}

static void run_until_stopped(struct program *program, const sigset_t *signals)
{
    const struct timespec pause = {.tv_sec = CHECK_EVERY_S};
    while (sigtimedwait(signals, NULL, &pause) < 0) {
        struct error err = {0};
        if (own_identity_renew(program->identity, &err) < 0)
            log_error("own certificate not renewed", "error", err.message, NULL);
        zts_purge(program->zts);
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        option_table, read_option,
        NULL,         "The identity service: certificates for instances their providers confirm.",
        NULL,         NULL,
        NULL};
    struct program program = {.options = {.listen = "::",
                                          .port = 4443,
                                          .state = "/var/lib/enclave/zts",
                                          .log_level = "info",
                                          .log_form = "text"}};
    struct error err = {0};
    sigset_t signals;
    argp_parse(&argp, argc, argv, 0, NULL, &program.options);
    if (log_open_named("zts", program.options.log_level, program.options.log_form, &err) < 0) {
        log_error("bad option", "error", err.message, NULL);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* threads inherit it; this one waits for them */
    program.arena = arena_new();
    int result = program_start(&program, &signals, &err);
    if (result < 0)
        log_error("zts cannot start", "error", err.message, NULL);
    else
        run_until_stopped(&program, &signals);
    program_stop(&program);
    return result < 0 ? 1 : 0;
}
