/* One health check: a connection that is accepted, and for HTTP and HTTPS an answer whose status fits. With
 * proxy protocol it begins with a header that says it comes from the load balancer itself. */
#include "localaws/plane/side.h"

#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { ANSWER_LONGEST = 64, REQUEST_LONGEST = 1536 };

/* `side` has the target's watcher's descriptor while it speaks; the target's own is what epoll knows. */
struct check {
    gnutls_session_t session;
    char answer[ANSWER_LONGEST];
    size_t length;
};

int check_status(const char *bytes, size_t length)
{
    static const char start[] = "HTTP/1.";
    size_t known = sizeof start - 1;
    if (memcmp(bytes, start, length < known ? length : known) != 0)
        return -1;
    if (length < known + 5) /* "1 200" */
        return 0;
    const char *code = bytes + known + 2;
    if (!isdigit((unsigned char)bytes[known]) || bytes[known + 1] != ' ' ||
        !isdigit((unsigned char)code[0]) || !isdigit((unsigned char)code[1]) ||
        !isdigit((unsigned char)code[2]))
        return -1;
    return (code[0] - '0') * 100 + (code[1] - '0') * 10 + code[2] - '0';
}

bool check_matches(const char *matcher, int status)
{
    while (*matcher) {
        char *end;
        long from = strtol(matcher, &end, 10), to = from;
        if (end == matcher)
            return false;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        if (status >= from && status <= to)
            return true;
        matcher = *end == ',' ? end + 1 : end;
    }
    return false;
}

void check_end(struct target *target)
{
    struct check *check = take(&target->check);
    if (check && check->session)
        gnutls_deinit(check->session);
    free(check);
    watcher_close(target->group->balancer->balancing->events, &target->watcher);
}

static struct side side_of(const struct target *target)
{
    return (struct side){.watcher.descriptor = target->watcher.descriptor, .session = target->check->session};
}

static void hear(struct watcher *watcher, uint32_t events)
{
    struct target *target = (struct target *)watcher;
    struct check *check = target->check;
    struct side side = side_of(target);
    (void)events;
    ssize_t got = side_receive(&side, check->answer + check->length, sizeof check->answer - check->length);
    if (got == SIDE_WAITS)
        return;
    check->length += got > 0 ? (size_t)got : 0;
    int status = check_status(check->answer, check->length);
    if (status == 0 && got > 0)
        return;
    target_concludes(target, status > 0 && check_matches(target->group->wanted->check.matcher, status));
}

/* The request is short enough for a fresh socket to take it whole. */
static void ask(struct target *target)
{
    char request[REQUEST_LONGEST];
    struct side side = side_of(target);
    bool six = strchr(target->address, ':') != NULL;
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"
                          "Connection: close\r\n\r\n",
                          target->group->wanted->check.path, six ? "[" : "", target->address, six ? "]" : "",
                          target->port);
    if (length >= (int)sizeof request || side_send(&side, request, (size_t)length) != length) {
        target_concludes(target, false);
        return;
    }
    target->watcher.ready = hear;
    watch_for(target->group->balancer->balancing->events, &target->watcher, EPOLLIN);
}

static void shake(struct watcher *watcher, uint32_t events)
{
    struct target *target = (struct target *)watcher;
    int status = gnutls_handshake(target->check->session);
    (void)events;
    if (status == GNUTLS_E_SUCCESS)
        ask(target);
    else if (gnutls_error_is_fatal(status))
        target_concludes(target, false);
    else
        watch_for(target->group->balancer->balancing->events, watcher,
                  gnutls_record_get_direction(target->check->session) ? EPOLLOUT : EPOLLIN);
}

static bool greet(const struct target *target)
{
    unsigned char header[PROXY_HEADER_LONGEST];
    if (!target->group->wanted->proxy_protocol)
        return true;
    size_t length = proxy_header(header, NULL, NULL, NULL);
    return send(target->watcher.descriptor, header, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void connected(struct watcher *watcher, uint32_t events)
{
    struct target *target = (struct target *)watcher;
    enum plane_check kind = target->group->wanted->check.kind;
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(watcher->descriptor, SOL_SOCKET, SO_ERROR, &failure, &length);
    bool reached = !failure && !(events & EPOLLERR) && greet(target);
    if (!reached || kind == PLANE_CHECK_TCP) {
        target_concludes(target, reached);
    } else if (kind == PLANE_CHECK_HTTP) {
        ask(target);
    } else if (terms_connect(watcher->descriptor, NULL, &target->check->session) < 0) {
        target_concludes(target, false);
    } else {
        watcher->ready = shake;
        shake(watcher, 0);
    }
}

void check_begin(struct target *target)
{
    const struct plane_health_check *wanted = &target->group->wanted->check;
    const struct balancer *balancer = target->group->balancer;
    target->check = memory_alloc(sizeof *target->check);
    target->watcher.ready = connected;
    target->watcher.descriptor = reach_target(balancer, target, wanted->port ? wanted->port : target->port,
                                              SOCK_STREAM, target->zone, NULL);
    if (target->watcher.descriptor < 0)
        target_concludes(target, false);
    else
        watch_for(balancer->balancing->events, &target->watcher, EPOLLOUT);
}
