/* The whole front door, as somebody with keys meets it: a region without networks answers on a socket. An input that begins with
 * '!' is sent as it is, which makes it HTTP's edge; of any other the first line is "service method target", and the rest is a
 * body that is signed as a client would: so query strings, JSON, XML and S3's paths reach the handlers. */
#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/front/dispatch.h"
#include "localaws/front/keys.h"
#include "localaws/services.h"
#include "localaws/state.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define KEY_ID     "AKIAFUZZFUZZFUZZFUZZ"
#define KEY_SECRET "nobody's secret, known to this program alone"

/* The server's threads are at work on the last request when libFuzzer looks for leaks after it: those are no leaks. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static struct region region;
static char directory[64], path[108];

static void start(void)
{
    struct error err = {0};
    struct http_server *server;
    snprintf(directory, sizeof directory, "/tmp/api-fuzz-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/socket", directory);
    region = (struct region){.name = "us-east-1",
                             .directory = directory,
                             .api_address = "2001:db8:ffff::1",
                             .module_table = region_modules,
                             .module_count = region_module_count};
    region_open(&region);
    struct account *account = region_account_create(&region, "210987654321");
    key_add(&region, &(struct access_key){.id = KEY_ID,
                                          .secret = KEY_SECRET,
                                          .caller = {.kind = CALLER_ROOT,
                                                     .account = account,
                                                     .arn = "arn:aws:iam::210987654321:root",
                                                     .principal_arn = "arn:aws:iam::210987654321:root",
                                                     .user_id = account->id}});
    struct http_listener listener = {.side = API_SIDE};
    if (log_open_named("fuzz", "error", "text", &err) < 0 || directory_make(directory, 0700, &err) < 0 ||
        state_restore(&region, &err) < 0 || http_listen_local(path, &listener.socket, &err) < 0 ||
        api_start(&region, &listener, 1, &server, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

/* What is no whole request gets no answer until the server's own patience ends; ours is shorter. */
static void exchange(const char *bytes, size_t length, int patience_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, sizeof address.sun_path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof address) < 0)
        abort();
    ssize_t sent = send(client, bytes, length, MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
    char answer[4096];
    struct pollfd arrival = {.fd = client, .events = POLLIN};
    while (sent > 0 && poll(&arrival, 1, patience_ms) > 0 && read(client, answer, sizeof answer) > 0)
        ;
    close(client);
}

static bool is_token(const char *text, const char *more)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f || strchr(more, *text))
            return false;
    return true;
}

/* As a client of AWS would send it. */
static void send_signed(struct arena *arena, const char *service, const char *method, char *target, const char *json_action,
                        const char *body, size_t length)
{
    char *question = strchr(target, '?');
    const char *query = question ? question + 1 : "";
    if (question)
        *question = '\0';
    struct http_headers headers = {0};
    http_headers_add(arena, &headers, "host", "127.0.0.1");
    if (*json_action) {
        http_headers_add(arena, &headers, "x-amz-target", json_action);
        http_headers_add(arena, &headers, "content-type", "application/x-amz-json-1.1");
    } else {
        http_headers_add(arena, &headers, "content-type", "application/x-www-form-urlencoded");
    }
    struct aws_keys keys = {.access_key_id = KEY_ID, .secret_access_key = KEY_SECRET};
    sigv4_sign(arena, &keys, "us-east-1", service, method, target, query, sigv4_sha256(arena, body, length), clock_now_ms(),
               &headers);
    cleanup(buffer_free) struct buffer out = buffer_new(4 << 20);
    buffer_format(&out, "%s %s%s%s HTTP/1.1\r\ncontent-length: %zu\r\nconnection: close\r\n", method, target,
                  question ? "?" : "", query, length);
    for (size_t i = 0; i < headers.count; i++)
        buffer_format(&out, "%s: %s\r\n", headers.items[i].name, headers.items[i].value);
    buffer_text(&out, "\r\n");
    buffer_append(&out, body, length);
    exchange(out.data, out.length, 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static bool started;
    if (!started)
        start();
    started = true;
    if (length == 0 || length > 64 << 10)
        return -1;
    if (bytes[0] == '!') {
        exchange((const char *)bytes + 1, length - 1, 50);
        return 0;
    }
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text = arena_strndup(arena, (const char *)bytes, length), *end = strchr(text, '\n');
    if (!end)
        return -1;
    *end = '\0';
    char **words;
    if (text_split(arena, text, ' ', &words) != 4 || words[2][0] != '/')
        return -1;
    for (size_t i = 0; i < 4; i++)
        if (!is_token(words[i], i == 1 ? "/?#" : ""))
            return -1;
    if (!*words[0] || !*words[1])
        return -1;
    size_t head = (size_t)(end + 1 - text);
    send_signed(arena, words[0], words[1], words[2], text_equal(words[3], "-") ? "" : words[3], (const char *)bytes + head,
                length - head);
    return 0;
}
