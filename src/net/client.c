#include "net/client.h"

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_client_new(const struct http_client_options *options, struct http_client **client, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    if (options->check_peer && !options->tls && !options->trust)
        return error_set(err, ERROR_INVALID, "a peer is known by its certificate only under a trust of ours");
    struct http_client *made = memory_alloc(sizeof *made);
    made->options = *options;
    made->options.trust = made->trust = memory_strdup(options->trust);
    made->options.user_agent = made->user_agent = memory_strdup(options->user_agent);
    made->options.local_path = made->local_path = memory_strdup(options->local_path);
    pthread_mutex_init(&made->lock, NULL);
    *client = made;
    return 0;
}

void http_client_free(struct http_client **client)
{
    struct http_client *old = *client;
    if (!old)
        return;
    for (size_t i = 0; i < old->idle_count; i++)
        curl_easy_cleanup(old->idle[i]);
    pthread_mutex_destroy(&old->lock);
    free(old->trust);
    free(old->user_agent);
    free(old->local_path);
    free(old);
    *client = NULL;
}

/* Each handle keeps its own connections open: the last one used is the first one taken again. */
static CURL *take_handle(struct http_client *client)
{
    CURL *handle = NULL;
    pthread_mutex_lock(&client->lock);
    if (client->idle_count)
        handle = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    return handle ? handle : curl_easy_init();
}

static void give_handle(struct http_client *client, CURL *handle)
{
    curl_easy_reset(handle); /* keeps the connections */
    pthread_mutex_lock(&client->lock);
    bool keep = client->idle_count < IDLE_HANDLES;
    if (keep)
        client->idle[client->idle_count++] = handle;
    pthread_mutex_unlock(&client->lock);
    if (!keep)
        curl_easy_cleanup(handle);
}

static int explain(const struct exchange *exchange, CURLcode code, struct error *err)
{
    if (exchange->refusal.kind != ERROR_NONE) {
        if (err)
            *err = exchange->refusal;
        return -1;
    }
    enum error_kind kind = ERROR_UNAVAILABLE;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR)
        kind = ERROR_UNAUTHENTICATED;
    else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        kind = ERROR_INVALID;
    return error_set(err, kind, "%s %.200s: %s", http_method_name(exchange->call->method), exchange->call->url,
                     exchange->trouble[0] ? exchange->trouble : curl_easy_strerror(code));
}

static int run(struct exchange *exchange, struct error *err)
{
    if (client_setup(exchange, err) < 0)
        return -1;
    CURLcode code = curl_easy_perform(exchange->handle);
    if (code != CURLE_OK)
        return explain(exchange, code, err);
    struct http_reply *reply = exchange->reply;
    long status = 0;
    curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    reply->length = exchange->answer.length;
    reply->body = arena_strndup(exchange->arena, buffer_string(&exchange->answer), exchange->answer.length);
    return 0;
}

int http_call(struct http_client *client, const struct http_call *call, struct arena *arena,
              struct http_reply *reply, struct error *err)
{
    *reply = (struct http_reply){0};
    struct exchange exchange = {.client = client, .call = call, .arena = arena, .reply = reply};
    exchange.handle = take_handle(client);
    if (!exchange.handle)
        return error_set(err, ERROR_INTERNAL, "cannot make an HTTP client handle");
    int result = run(&exchange, err);
    give_handle(client, exchange.handle);
    curl_slist_free_all(exchange.lines);
    buffer_free(&exchange.answer);
    return result;
}
