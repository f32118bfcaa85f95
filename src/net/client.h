/* Inside the HTTP client: what its files share. client.c keeps handles and runs calls, client_setup.c turns a call into libcurl's
 * options, client_reply.c takes the answer, client_form.c makes forms. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/buffer.h"
#include "net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

enum {
    IDLE_HANDLES = 16,
    EXPECT_FROM = 1 << 20,     /* bodies from this size on wait for "100 Continue" */
    HEADERS_LARGEST = 64 << 10, /* of an answer, together */
};

struct http_client {
    struct http_client_options options;
    char *trust, *user_agent, *local_path;
    pthread_mutex_t lock; /* the idle handles */
    CURL *idle[IDLE_HANDLES];
    size_t idle_count;
};

/* One call on its way. */
struct exchange {
    struct http_client *client;
    const struct http_call *call;
    CURL *handle;
    struct curl_slist *lines;
    char trouble[CURL_ERROR_SIZE];
    off_t body_start; /* of body_file */
    size_t body_sent;

    struct arena *arena;
    struct http_reply *reply;
    struct buffer answer;
    size_t header_bytes, answered;
    int status; /* of the answer being read */
    struct error refusal; /* why we gave up ourselves; kind ERROR_NONE when we did not */
};

int client_setup(struct exchange *exchange, struct error *err);
size_t client_take_header(char *line, size_t size, size_t count, void *exchange);
size_t client_take_body(char *bytes, size_t size, size_t count, void *exchange);

#endif
