#include "base/text.h"
#include "net/client.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TIMEOUT_MS = 30000,
    CONNECT_TIMEOUT_MS = 5000,
    CONNECTION_LIFE_S = 300, /* a refreshed certificate is in use after this long */
    CONNECTION_IDLE_S = 55,  /* below the idle timeout of the servers we talk to */
};

/* Before the request is sent, on new connections and on reused ones: is the server who it should be? The chain has
 * been verified by then. */
static int check_peer(void *context, char *address, char *local_address, int port, int local_port)
{
    (void)address, (void)local_address, (void)port, (void)local_port;
    struct exchange *exchange = context;
    const struct http_client_options *options = &exchange->client->options;
    void *asked = exchange->call->check_context ? exchange->call->check_context : options->context;
    struct curl_tlssessioninfo *tls = NULL;
    unsigned count = 0;
    const gnutls_datum_t *chain = NULL;
    if (curl_easy_getinfo(exchange->handle, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls &&
        tls->backend == CURLSSLBACKEND_GNUTLS && tls->internals)
        chain = gnutls_certificate_get_peers(tls->internals, &count);
    if (!chain || count == 0) {
        error_set(&exchange->refusal, ERROR_UNAUTHENTICATED, "%.200s: the server shows no certificate",
                  exchange->call->url);
        return CURL_PREREQFUNC_ABORT;
    }
    if (options->check_peer(asked, &chain[0], &exchange->refusal) < 0) {
        exchange->refusal.kind = ERROR_UNAUTHENTICATED;
        error_context(&exchange->refusal, "%.200s", exchange->call->url);
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

static void set_trust(struct exchange *exchange)
{
    const struct http_client_options *options = &exchange->client->options;
    CURL *handle = exchange->handle;
    const char *trust = options->trust;
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->tls) {
        const struct tls_files *files = tls_context_files(options->tls);
        trust = files->trust;
        if (files->certificate) {
            curl_easy_setopt(handle, CURLOPT_SSLCERT, files->certificate);
            curl_easy_setopt(handle, CURLOPT_SSLKEY, files->key);
        }
        /* A resumed session would carry the identity it began with, not a refreshed one. */
        curl_easy_setopt(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    }
    if (trust) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, trust);
        curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
    }
    if (options->check_peer) {
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, check_peer);
        curl_easy_setopt(handle, CURLOPT_PREREQDATA, exchange);
    }
}

/* libcurl has no option for how many probes may fail. */
static int probe_connection(void *context, curl_socket_t socket, curlsocktype purpose)
{
    static const struct {
        int name, value;
    } options[] = {{TCP_KEEPIDLE, 10}, {TCP_KEEPINTVL, 2}, {TCP_KEEPCNT, 3}};
    (void)context;
    int on = 1;
    if (purpose != CURLSOCKTYPE_IPCXN || setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0)
        return CURL_SOCKOPT_OK;
    for (size_t i = 0; i < COUNT_OF(options); i++)
        setsockopt(socket, IPPROTO_TCP, options[i].name, &options[i].value, sizeof options[i].value);
    return CURL_SOCKOPT_OK;
}

static int ask_whether_to_go_on(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    (void)down_all, (void)down, (void)up_all, (void)up;
    struct exchange *exchange = context;
    if (exchange->call->goes_on(exchange->call->going))
        return 0;
    return error_set(&exchange->refusal, ERROR_UNAVAILABLE, "%.200s: given up", exchange->call->url), 1;
}

static void set_transport(struct exchange *exchange)
{
    const struct http_call *call = exchange->call;
    CURL *handle = exchange->handle;
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
    curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)(call->timeout_ms ? call->timeout_ms : TIMEOUT_MS));
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(call->connect_timeout_ms ? call->connect_timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->trouble);
    if (exchange->client->options.no_proxy)
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
    if (call->goes_on) {
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, ask_whether_to_go_on);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, exchange);
    }
    if (exchange->client->options.one_kept)
        curl_easy_setopt(handle, CURLOPT_MAXCONNECTS, 1L);
    if (call->once)
        curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    if (exchange->client->options.probe)
        curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, probe_connection);
    if (exchange->client->local_path)
        curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, exchange->client->local_path);
    if (exchange->client->user_agent)
        curl_easy_setopt(handle, CURLOPT_USERAGENT, exchange->client->user_agent);
}

static int set_source(struct exchange *exchange, struct error *err)
{
    const struct sockaddr *source = exchange->call->source;
    char address[64], name[80];
    if (!source)
        return 0;
    socklen_t length = source->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(source, length, address, sizeof address, NULL, 0, NI_NUMERICHOST) != 0)
        return error_set(err, ERROR_INTERNAL, "the local address to call from cannot be written");
    snprintf(name, sizeof name, "host!%s", address);
    curl_easy_setopt(exchange->handle, CURLOPT_INTERFACE, name);
    return 0;
}

static bool has_line_break(const char *text)
{
    return text && strpbrk(text, "\r\n");
}

static void add_line(struct exchange *exchange, const char *name, const char *value)
{
    /* libcurl's forms: "Name: value", "Name;" for an empty value, "Name:" to leave out one of its own. */
    cleanup(memory_free) char *line = !value   ? memory_format("%s:", name)
                                      : *value ? memory_format("%s: %s", name, value)
                                               : memory_format("%s;", name);
    exchange->lines = curl_slist_append(exchange->lines, line);
}

static int set_headers(struct exchange *exchange, struct error *err)
{
    const struct http_headers *headers = &exchange->call->headers;
    bool typed = false;
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = headers->items[i].name, *value = headers->items[i].value;
        if (has_line_break(name) || has_line_break(value))
            return error_set(err, ERROR_INVALID, "header %.40s has a line break", name);
        typed |= strcasecmp(name, "Content-Type") == 0;
        add_line(exchange, name, value);
    }
    if (!typed)
        add_line(exchange, "Content-Type", NULL); /* libcurl would call every body a form */
    if (exchange->call->body_length < EXPECT_FROM)
        add_line(exchange, "Expect", NULL);
    curl_easy_setopt(exchange->handle, CURLOPT_HTTPHEADER, exchange->lines);
    return 0;
}

static size_t read_file(char *buffer, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t room = size * count, left = exchange->call->body_length - exchange->body_sent;
    off_t at = exchange->body_start + (off_t)exchange->body_sent;
    ssize_t got = pread(exchange->call->body_file, buffer, left < room ? left : room, at);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    exchange->body_sent += (size_t)got;
    return (size_t)got;
}

static int seek_file(void *context, curl_off_t offset, int origin)
{
    struct exchange *exchange = context;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > exchange->call->body_length)
        return CURL_SEEKFUNC_FAIL;
    exchange->body_sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int set_body_file(struct exchange *exchange, struct error *err)
{
    CURL *handle = exchange->handle;
    exchange->body_start = lseek(exchange->call->body_file, 0, SEEK_CUR);
    if (exchange->body_start < 0)
        return error_errno(err, ERROR_INTERNAL, "the body's file has no position");
    curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->call->body_length);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, read_file);
    curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, seek_file);
    curl_easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
    return 0;
}

static int set_request(struct exchange *exchange, struct error *err)
{
    const struct http_call *call = exchange->call;
    CURL *handle = exchange->handle;
    bool body_expected = call->method == HTTP_POST || call->method == HTTP_PUT || call->method == HTTP_PATCH;
    if (has_line_break(call->url))
        return error_set(err, ERROR_INVALID, "the URL has a line break");
    curl_easy_setopt(handle, CURLOPT_URL, call->url);
    if (call->body_file > 0) {
        if (set_body_file(exchange, err) < 0)
            return -1;
    } else if (call->body_length || body_expected) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body_length ? call->body : "");
    }
    if (call->method == HTTP_HEAD)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, http_method_name(call->method));
    return 0;
}

int client_setup(struct exchange *exchange, struct error *err)
{
    CURL *handle = exchange->handle;
    set_trust(exchange);
    set_transport(exchange);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, client_take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, client_take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    if (set_source(exchange, err) < 0 || set_request(exchange, err) < 0)
        return -1;
    return set_headers(exchange, err);
}
