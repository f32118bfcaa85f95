/* What a server costs: full mTLS handshakes, requests on kept connections, memory of idle mTLS connections. Client and
 * server share the machine: the figures are ratios rather than limits. One JSON object a line, for `make bench`. */
#include "base/clock.h"
#include "base/file.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/test_certificates.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLERS = 2, MEASURE_MS = 2000, IDLE = 500 };

struct bench {
    char directory[64];
    char url[64];
    int socket;
    struct tls_context *server_tls, *client_tls;
    struct http_server *server;
    bool fresh; /* a connection of its own for every request */
    atomic_int done;
};

static void die(const char *what)
{
    fprintf(stderr, "net_bench: %s\n", what);
    exit(1);
}

static enum http_answer answer(struct http_request *request)
{
    http_respond_text(request, 200, "text/plain", "ok");
    return HTTP_ANSWERED;
}

static void *identify(void *context, const gnutls_datum_t *der)
{
    (void)context;
    return der->size ? memory_strdup("peer") : NULL;
}

static void forget(void *context, void *peer)
{
    (void)context;
    free(peer);
}

static int anybody(void *context, const gnutls_datum_t *der, struct error *err)
{
    (void)context, (void)der, (void)err;
    return 0;
}

static void start(struct bench *bench, struct arena *arena)
{
    static const struct http_route routes[] = {{1, HTTP_GET, "/", 1, answer}};
    struct test_authority authority;
    struct error err = {0};
    snprintf(bench->directory, sizeof bench->directory, "/tmp/enclave-net-bench-XXXXXX");
    if (!mkdtemp(bench->directory))
        die("no directory");
    const struct tls_files files = {arena_format(arena, "%s/cert.pem", bench->directory),
                                    arena_format(arena, "%s/key.pem", bench->directory),
                                    arena_format(arena, "%s/ca.pem", bench->directory)};
    test_authority_make(&authority, "authority");
    test_authority_save(&authority, files.trust);
    test_certificate_make(&authority, "peer", 3600, files.certificate, files.key);
    test_authority_free(&authority);
    if (tls_context_new(&files, TLS_CLIENT_REQUIRED, &bench->server_tls, &err) < 0 ||
        tls_context_new(&files, TLS_CLIENT_NONE, &bench->client_tls, &err) < 0 ||
        http_listen("127.0.0.1", 0, &bench->socket, &err) < 0)
        die(err.message);
    const struct http_listener listener = {1, bench->socket, bench->server_tls};
    const struct http_server_options options = {
        .name = "bench", .routes = routes, .route_count = 1, .identify_peer = identify, .forget_peer = forget};
    if (http_server_start(&options, &listener, 1, &bench->server, &err) < 0)
        die(err.message);
    snprintf(bench->url, sizeof bench->url, "https://127.0.0.1:%d/", http_socket_port(bench->socket));
}

static void *call_for_a_while(void *context)
{
    struct bench *bench = context;
    const struct http_client_options options = {.tls = bench->client_tls, .check_peer = anybody, .no_proxy = true};
    struct http_client *client = NULL;
    int64_t until = clock_monotonic_ms() + MEASURE_MS;
    while (clock_monotonic_ms() < until) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct http_reply reply;
        struct http_call call = {.url = bench->url};
        struct error err = {0};
        if ((!client && http_client_new(&options, &client, &err) < 0) ||
            http_call(client, &call, arena, &reply, &err) < 0)
            die(err.message);
        atomic_fetch_add(&bench->done, 1);
        if (bench->fresh)
            http_client_free(&client);
    }
    http_client_free(&client);
    return NULL;
}

static void measure_calls(struct bench *bench, const char *name, bool fresh)
{
    pthread_t threads[CALLERS];
    bench->fresh = fresh;
    atomic_store(&bench->done, 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, call_for_a_while, bench);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    printf("{\"name\": \"%s\", \"value\": %d, \"unit\": \"1/s\"}\n", name,
           atomic_load(&bench->done) * 1000 / MEASURE_MS);
}

static long resident_kb(void)
{
    long kilobytes = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1)
            break;
    if (status)
        fclose(status);
    return kilobytes;
}

/* One connection that has made a request and keeps quiet since. */
static void connect_once(struct bench *bench, gnutls_certificate_credentials_t credentials)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_socket_port(bench->socket)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    gnutls_session_t session;
    char reply[512];
    int result, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("cannot connect");
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    do {
        result = gnutls_handshake(session);
    } while (result < 0 && !gnutls_error_is_fatal(result));
    if (result < 0 || gnutls_record_send(session, request, sizeof request - 1) < 0)
        die("cannot ask on an idle connection");
    do { /* tickets come before the answer, and look like nothing */
        result = (int)gnutls_record_recv(session, reply, sizeof reply);
    } while (result < 0 && !gnutls_error_is_fatal(result));
    if (result <= 0)
        die("no answer on an idle connection");
}

/* In a process of its own, so that only the server's side is counted. */
static void hold_connections(struct bench *bench, int ready)
{
    const struct tls_files *files = tls_context_files(bench->client_tls);
    gnutls_certificate_credentials_t credentials;
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_certificate_set_x509_key_file(credentials, files->certificate, files->key, GNUTLS_X509_FMT_PEM);
    for (int i = 0; i < IDLE; i++)
        connect_once(bench, credentials);
    if (write(ready, "x", 1) != 1)
        die("pipe");
    pause();
}

static void measure_idle(pid_t holder, int go, int ready)
{
    char byte;
    long before = resident_kb();
    if (write(go, "x", 1) != 1 || read(ready, &byte, 1) != 1)
        die("the idle connections could not be made");
    printf("{\"name\": \"net.idle_mtls_connection_kb\", \"value\": %.1f, \"unit\": \"kB\"}\n",
           (double)(resident_kb() - before) / IDLE);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
}

int main(void)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct bench bench = {0};
    int go[2], ready[2];
    struct rlimit files = {IDLE + 1000, IDLE + 1000};
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    start(&bench, arena);
    if (pipe(go) < 0 || pipe(ready) < 0)
        die("pipe");
    pid_t holder = fork();
    if (holder == 0) {
        char byte;
        if (read(go[0], &byte, 1) == 1)
            hold_connections(&bench, ready[1]);
        _exit(1);
    }
    close(ready[1]);
    measure_idle(holder, go[1], ready[0]);
    measure_calls(&bench, "net.mtls_handshakes", true);
    measure_calls(&bench, "net.requests", false);
    http_server_stop(&bench.server);
    tls_context_free(&bench.server_tls);
    tls_context_free(&bench.client_tls);
    tree_remove(bench.directory, NULL);
    return 0;
}
