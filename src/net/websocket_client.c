#include "net/websocket_client.h"

#include "base/clock.h"
#include "base/text.h"

#include <curl/curl.h>
#include <poll.h>
#include <string.h>

enum { CONNECT_MS = 10000, ANSWER_MS = 10000, HEAD_LARGEST = 16384, PIECE = 65536 };

struct websocket_client {
    CURL *curl;
    curl_socket_t socket;
    struct websocket *frames;
    struct buffer early; /* what came behind the answer's head */
    char reason[CURL_ERROR_SIZE];
};

void websocket_client_close(struct websocket_client **client)
{
    struct websocket_client *old = take(client);
    if (!old)
        return;
    if (old->curl)
        curl_easy_cleanup(old->curl);
    websocket_free(&old->frames);
    buffer_free(&old->early);
    free(old);
}

struct websocket *websocket_client_frames(struct websocket_client *client)
{
    return client->frames;
}

int websocket_client_socket(const struct websocket_client *client)
{
    return client->socket;
}

static int lost(const struct websocket_client *client, CURLcode code, const char *what, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "%s: %s", what,
                     *client->reason ? client->reason : curl_easy_strerror(code));
}

/* --- connecting ---------------------------------------------------------------------------------- */

static int connect_to(struct websocket_client *client, const char *url, const char *trust, struct error *err)
{
    client->curl = curl_easy_init();
    if (!client->curl)
        return error_set(err, ERROR_INTERNAL, "libcurl cannot be used");
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(client->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(client->curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->reason);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_TCP_NODELAY, 1L);
    if (trust)
        curl_easy_setopt(client->curl, CURLOPT_CAINFO, trust);
    CURLcode code = curl_easy_perform(client->curl);
    if (code != CURLE_OK)
        return lost(client, code, "cannot connect", err);
    curl_easy_getinfo(client->curl, CURLINFO_ACTIVESOCKET, &client->socket);
    return 0;
}

static int wait_for(const struct websocket_client *client, short events, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_monotonic_ms();
    struct pollfd polled = {.fd = client->socket, .events = events};
    return left_ms > 0 && poll(&polled, 1, (int)left_ms) > 0;
}

static int send_all(struct websocket_client *client, const char *bytes, size_t length, struct error *err)
{
    int64_t until_ms = clock_monotonic_ms() + ANSWER_MS;
    while (length) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(client->curl, bytes, length, &sent);
        if (code == CURLE_AGAIN && !wait_for(client, POLLOUT, until_ms))
            return error_set(err, ERROR_UNAVAILABLE, "the server takes no request");
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return lost(client, code, "cannot send", err);
        bytes += sent;
        length -= sent;
    }
    return 0;
}

/* The head of the answer, up to its empty line; what follows is kept. */
static int read_head(struct websocket_client *client, struct buffer *head, struct error *err)
{
    int64_t until_ms = clock_monotonic_ms() + ANSWER_MS;
    for (;;) {
        char piece[2048];
        size_t got = 0;
        CURLcode code = curl_easy_recv(client->curl, piece, sizeof piece, &got);
        if (code == CURLE_AGAIN && !wait_for(client, POLLIN, until_ms))
            return error_set(err, ERROR_UNAVAILABLE, "the server does not answer");
        if (code == CURLE_AGAIN)
            continue;
        if (code != CURLE_OK || !got)
            return lost(client, code, "the server ended the connection", err);
        buffer_append(head, piece, got);
        char *end = memmem(buffer_string(head), head->length, "\r\n\r\n", 4);
        if (end) {
            end += 4;
            buffer_append(&client->early, end, head->length - (size_t)(end - head->data));
            *end = '\0';
            return 0;
        }
        if (head->overflow)
            return error_set(err, ERROR_INVALID, "the server's answer is too long");
    }
}

static bool head_says(struct arena *arena, const char *head, const char *name, const char *value)
{
    char **lines;
    size_t count = text_split(arena, head, '\n', &lines), length = strlen(name);
    for (size_t i = 1; i < count; i++)
        if (strncasecmp(lines[i], name, length) == 0 && lines[i][length] == ':')
            return text_equal_nocase(text_trim(arena, lines[i] + length + 1), value);
    return false;
}

static int check_answer(struct arena *arena, const char *head, const char *key, struct error *err)
{
    if (!text_starts(head, "HTTP/1.1 101"))
        return error_set(err, text_starts(head, "HTTP/1.1 4") ? ERROR_FORBIDDEN : ERROR_UNAVAILABLE,
                         "the server does not open a WebSocket: %.*s", (int)strcspn(head, "\r\n"), head);
    if (!head_says(arena, head, "Upgrade", "websocket") ||
        !head_says(arena, head, "Sec-WebSocket-Accept", websocket_accept(arena, key)))
        return error_set(err, ERROR_INVALID, "the server speaks no WebSocket");
    return 0;
}

static int open_websocket(struct websocket_client *client, const char *authority, const char *target,
                          struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer head = buffer_new(HEAD_LARGEST);
    const char *key = websocket_key(arena);
    const char *request =
        arena_format(arena,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                     target, authority, key);
    if (send_all(client, request, strlen(request), err) < 0 || read_head(client, &head, err) < 0)
        return -1;
    return check_answer(arena, buffer_string(&head), key, err);
}

int websocket_client_open(const char *url, const char *trust, size_t largest,
                          struct websocket_client **client, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (!text_starts(url, "wss://") || strpbrk(url, " \r\n"))
        return error_set(err, ERROR_INVALID, "%.200s is no wss:// URL", url);
    const char *rest = url + strlen("wss://");
    size_t length = strcspn(rest, "/?");
    const char *authority = arena_strndup(arena, rest, length);
    const char *target = rest[length] == '/' ? rest + length : arena_format(arena, "/%s", rest + length);
    cleanup(websocket_client_close) struct websocket_client *made = memory_alloc(sizeof *made);
    made->early = buffer_new(HEAD_LARGEST);
    made->frames = websocket_new(true, largest);
    if (connect_to(made, arena_format(arena, "https://%s/", authority), trust, err) < 0 ||
        open_websocket(made, authority, target, err) < 0)
        return error_context(err, "%s", authority);
    *client = take(&made);
    return 0;
}

/* --- afterwards ---------------------------------------------------------------------------------- */

int websocket_client_flush(struct websocket_client *client, struct error *err)
{
    size_t length;
    const char *bytes;
    while ((bytes = websocket_pending(client->frames, &length)) && length) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(client->curl, bytes, length < PIECE ? length : PIECE, &sent);
        if (code == CURLE_AGAIN)
            return 1;
        if (code != CURLE_OK)
            return lost(client, code, "the connection is gone", err);
        websocket_sent(client->frames, sent);
    }
    return 0;
}

int websocket_client_receive(struct websocket_client *client, websocket_message *message, void *context,
                             struct error *err)
{
    cleanup(buffer_free) struct buffer early = client->early;
    client->early = buffer_new(0);
    if (early.length &&
        websocket_receive(client->frames, early.data, early.length, message, context, err) < 0)
        return -1;
    char piece[PIECE];
    size_t got = 0;
    CURLcode code = curl_easy_recv(client->curl, piece, sizeof piece, &got);
    if (code == CURLE_AGAIN)
        return 0;
    if (code != CURLE_OK || !got)
        return lost(client, code, "the server ended the connection", err);
    return websocket_receive(client->frames, piece, got, message, context, err) < 0 ? -1 : 1;
}
