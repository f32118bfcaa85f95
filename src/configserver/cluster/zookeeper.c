#include "configserver/cluster/zookeeper.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_MS = 500,
    PAUSE_MOST_MS = 30000,
    STEADY_MS = 60000,
    STOP_GRACE_MS = 5000,
    LINE_LONGEST = 1000
};

struct zookeeper {
    const struct zookeeper_options *options;
    pthread_t thread; /* starts the server, reads what it says, and waits for it: the server dies with it */
    int stop[2];      /* a pipe: closed at our end, the thread ends the server and itself */
    atomic_long restarts;
    int pause_ms;
    struct {
        char bytes[LINE_LONGEST + 1];
        size_t length;
    } line;
};

/* Java's stack traces are left out: the line before them says what happened. */
static void say_line(struct zookeeper *zookeeper)
{
    zookeeper->line.bytes[zookeeper->line.length] = '\0';
    if (zookeeper->line.length && zookeeper->line.bytes[0] != ' ')
        log_info("zookeeper says", "line", zookeeper->line.bytes, NULL);
    zookeeper->line.length = 0;
}

static void take_output(struct zookeeper *zookeeper, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            say_line(zookeeper);
        else if (zookeeper->line.length < LINE_LONGEST)
            zookeeper->line.bytes[zookeeper->line.length++] = bytes[i] == '\t' ? ' ' : bytes[i];
    }
}

/* Until the server has closed its output (false) or we are to stop (true). */
static bool listen_to(struct zookeeper *zookeeper, int output)
{
    for (;;) {
        struct pollfd polled[2] = {{output, POLLIN, 0}, {zookeeper->stop[0], POLLIN, 0}};
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            return false;
        if (polled[1].revents)
            return true;
        if (!polled[0].revents)
            continue;
        char bytes[4096];
        ssize_t got = read(output, bytes, sizeof bytes);
        if (got > 0)
            take_output(zookeeper, bytes, (size_t)got);
        else if (got == 0 || errno != EINTR)
            return false;
    }
}

/* True when we are to stop before the time is over. */
static bool pause_unless_stopped(struct zookeeper *zookeeper, int pause_ms)
{
    struct pollfd polled = {zookeeper->stop[0], POLLIN, 0};
    return poll(&polled, 1, pause_ms) > 0;
}

/* One life of the server; true when we are to stop. */
static bool run_once(struct zookeeper *zookeeper)
{
    int ends[2];
    pid_t pid;
    struct error err = {0};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    cleanup(file_close) int output = ends[0];
    cleanup(file_close) int child = ends[1];
    if (zookeeper_server_launch(zookeeper->options, child, &pid, &err) < 0) {
        log_error("zookeeper does not start", "error", err.message, NULL);
        return false;
    }
    file_close(&child);
    log_info("zookeeper started", NULL);
    int64_t began_ms = clock_monotonic_ms();
    bool stopping = listen_to(zookeeper, output);
    say_line(zookeeper);
    process_stop(pid, STOP_GRACE_MS);
    if (clock_monotonic_ms() - began_ms >= STEADY_MS)
        zookeeper->pause_ms = PAUSE_FIRST_MS;
    return stopping;
}

static void *keep_running(void *argument)
{
    struct zookeeper *zookeeper = argument;
    while (!run_once(zookeeper)) {
        log_warning("zookeeper ended: it is started again", NULL);
        if (pause_unless_stopped(zookeeper, zookeeper->pause_ms))
            break;
        zookeeper->restarts++;
        zookeeper->pause_ms =
            zookeeper->pause_ms < PAUSE_MOST_MS / 2 ? 2 * zookeeper->pause_ms : PAUSE_MOST_MS;
    }
    return NULL;
}

int zookeeper_start(const struct zookeeper_options *options, struct zookeeper **zookeeper, struct error *err)
{
    if (zookeeper_server_prepare(options, err) < 0)
        return -1;
    struct zookeeper *started = memory_alloc(sizeof *started);
    started->options = options;
    started->pause_ms = PAUSE_FIRST_MS;
    if (pipe2(started->stop, O_CLOEXEC) < 0) {
        free(started);
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    }
    if (pthread_create(&started->thread, NULL, keep_running, started) != 0)
        abort();
    pthread_setname_np(started->thread, "zookeeper");
    *zookeeper = started;
    return 0;
}

void zookeeper_stop(struct zookeeper **zookeeper)
{
    if (!*zookeeper)
        return;
    struct zookeeper *stopping = take(zookeeper);
    file_close(&stopping->stop[1]);
    pthread_join(stopping->thread, NULL);
    file_close(&stopping->stop[0]);
    free(stopping);
}

long zookeeper_restarts(struct zookeeper *zookeeper)
{
    return zookeeper->restarts;
}
