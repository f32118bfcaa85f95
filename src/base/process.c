#include "base/process.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { DEFAULT_TIMEOUT_MS = 10 * 60 * 1000, DEFAULT_OUTPUT_LIMIT = 1 << 20, GRACE_MS = 5000 };

/* Ours with the additions; made before the child, which may not allocate. */
static char **merged_environment(struct arena *arena, const char *const *additions, bool alone)
{
    size_t count = 0, extra = 0;
    while (!alone && environ[count])
        count++;
    while (additions && additions[extra])
        extra++;
    char **merged = arena_alloc(arena, (count + extra + 1) * sizeof *merged);
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        size_t name = strcspn(environ[i], "=") + 1;
        for (size_t j = 0; j < extra; j++)
            replaced |= strncmp(environ[i], additions[j], name) == 0;
        if (!replaced)
            merged[made++] = environ[i];
    }
    for (size_t j = 0; j < extra; j++)
        merged[made++] = arena_strdup(arena, additions[j]);
    return merged;
}

/* A parent that ended before the signal was asked for will not send it. */
static void die_with(const struct process *process, pid_t parent)
{
    if (process->death_signal && (prctl(PR_SET_PDEATHSIG, process->death_signal) < 0 || getppid() != parent))
        _exit(126);
}

/* Everything here is the child's alone but memory, which it shares with us until it execs: no handler of ours
 * may run in it, and it changes nothing that we look at. */
static void become_child(const struct process *process, char **environment, int input, int output,
                         int failure, pid_t parent)
{
    setsid();
    die_with(process, parent);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction handled;
        if (sigaction(number, NULL, &handled) == 0 && (handled.sa_handler != SIG_IGN || number == SIGPIPE))
            signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if ((process->network_namespace <= 0 || setns(process->network_namespace, CLONE_NEWNET) == 0) &&
        (!process->directory || chdir(process->directory) == 0) && dup2(input, 0) >= 0 &&
        dup2(output, 1) >= 0 && dup2(output, 2) >= 0) {
        close_range(3, (unsigned)failure - 1, 0);
        close_range((unsigned)failure + 1, ~0u, 0);
        execvpe(process->argv[0], (char *const *)process->argv, environment);
    }
    int reason = errno;
    ssize_t written = write(failure, &reason, sizeof reason);
    _exit(written > 0 ? 127 : 126);
}

/* vfork and not fork: a large process's page tables would be copied for each child, and all of its threads
 * would fault on every page they write to afterwards. Signals are held back until the child has put them
 * aside. */
static pid_t make_child(const struct process *process, char **environment, int input, int output, int failure)
{
    sigset_t all, before;
    pid_t parent = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0)
        become_child(process, environment, input, output, failure, parent);
    int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

/* Reports a failure to start as the parent's error, through a close-on-exec pipe. */
static int launch(const struct process *process, int input, int output, pid_t *pid, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **environment = merged_environment(arena, process->environment, process->environment_alone);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    cleanup(file_close) int failure = ends[0];
    cleanup(file_close) int report = ends[1];
    if (report < 4) { /* above the descriptors that close_range keeps clear of */
        int moved = fcntl(report, F_DUPFD_CLOEXEC, 10);
        close(report);
        report = moved;
    }
    *pid = make_child(process, environment, input, output, report);
    if (*pid < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a process for %s", process->argv[0]);
    file_close(&report);
    int reason = 0;
    if (read(failure, &reason, sizeof reason) == (ssize_t)sizeof reason) {
        waitpid(*pid, NULL, 0);
        errno = reason;
        return error_errno(err, reason == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, "start %s",
                           process->argv[0]);
    }
    return 0;
}

/* One exchange with a child: feeds its input, gathers its output, until it closes it or the time is up. */
struct exchange {
    const struct process *process;
    struct buffer output;
    struct buffer line; /* the line being received, for process->line */
    int to, from;
    size_t fed;
    char last_line[256];
};

static void end_line(struct exchange *exchange)
{
    const char *line = buffer_string(&exchange->line);
    if (*line)
        strncpy(exchange->last_line, line, sizeof exchange->last_line - 1);
    if (exchange->process->line)
        exchange->process->line(exchange->process->context, line);
    buffer_clear(&exchange->line);
}

static void take_output(struct exchange *exchange, const char *bytes, size_t length)
{
    size_t room = exchange->output.maximum - exchange->output.length;
    buffer_append(&exchange->output, bytes, length < room ? length : room);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            end_line(exchange);
        else
            buffer_append(&exchange->line, bytes + i, 1);
    }
}

static void feed(struct exchange *exchange)
{
    const struct process *process = exchange->process;
    ssize_t put = write(exchange->to, process->input + exchange->fed, process->input_length - exchange->fed);
    if (put > 0)
        exchange->fed += (size_t)put;
    if (exchange->fed == process->input_length || (put < 0 && errno != EAGAIN && errno != EINTR))
        file_close(&exchange->to);
}

static int converse(struct exchange *exchange, int64_t deadline)
{
    while (exchange->from >= 0) {
        int64_t left = deadline - clock_monotonic_ms();
        if (left <= 0)
            return -1;
        struct pollfd polled[2] = {{exchange->from, POLLIN, 0}, {exchange->to, POLLOUT, 0}};
        if (poll(polled, 2, (int)left) < 0 && errno != EINTR)
            return -1;
        if (exchange->to >= 0 && polled[1].revents)
            feed(exchange);
        if (!polled[0].revents)
            continue;
        char bytes[8192];
        ssize_t got = read(exchange->from, bytes, sizeof bytes);
        if (got > 0)
            take_output(exchange, bytes, (size_t)got);
        else if (got == 0 || errno != EINTR)
            file_close(&exchange->from);
    }
    return 0;
}

static int wait_until(pid_t pid, int64_t deadline, int *status)
{
    for (int pause_ms = 1;; pause_ms = pause_ms < 50 ? pause_ms * 2 : 50) {
        pid_t ended = waitpid(pid, status, WNOHANG);
        if (ended == pid)
            return 0;
        if (ended < 0 && errno != EINTR)
            return -1;
        if (clock_monotonic_ms() >= deadline)
            return -1;
        clock_sleep_ms(pause_ms);
    }
}

static int judge(const struct process *process, const struct exchange *exchange, int status,
                 struct error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    const char *said = exchange->last_line[0] ? exchange->last_line : "it said nothing";
    if (WIFEXITED(status))
        return error_set(err, ERROR_INTERNAL, "%s exited with %d: %s", process->argv[0], WEXITSTATUS(status),
                         said);
    return error_set(err, ERROR_INTERNAL, "%s was ended by signal %d: %s", process->argv[0], WTERMSIG(status),
                     said);
}

static int pipes(struct exchange *exchange, int *child_input, int *child_output, struct error *err)
{
    int out[2], in[2];
    if (pipe2(out, O_CLOEXEC) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    exchange->from = out[0];
    *child_output = out[1];
    if (exchange->process->input_length == 0) {
        *child_input = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return 0;
    }
    if (pipe2(in, O_CLOEXEC) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    exchange->to = in[1];
    *child_input = in[0];
    fcntl(exchange->to, F_SETFL, O_NONBLOCK);
    return 0;
}

static void exchange_free(struct exchange *exchange)
{
    file_close(&exchange->to);
    file_close(&exchange->from);
    buffer_free(&exchange->output);
    buffer_free(&exchange->line);
}

int process_run(const struct process *process, struct arena *arena, char **output, struct error *err)
{
    size_t limit = process->output_limit ? process->output_limit : DEFAULT_OUTPUT_LIMIT;
    int64_t timeout = process->timeout_ms ? process->timeout_ms : DEFAULT_TIMEOUT_MS;
    int64_t deadline = clock_monotonic_ms() + timeout;
    cleanup(exchange_free) struct exchange exchange = {
        .process = process, .output = buffer_new(limit), .line = buffer_new(64 * 1024), .to = -1, .from = -1};
    cleanup(file_close) int child_input = -1;
    cleanup(file_close) int child_output = -1;
    pid_t pid;
    if (pipes(&exchange, &child_input, &child_output, err) < 0 ||
        launch(process, child_input, child_output, &pid, err) < 0)
        return -1;
    file_close(&child_input);
    file_close(&child_output);
    int status = 0;
    if (converse(&exchange, deadline) < 0 || wait_until(pid, deadline, &status) < 0) {
        process_stop(pid, GRACE_MS);
        return error_set(err, ERROR_UNAVAILABLE, "%s did not end within %lld s", process->argv[0],
                         (long long)timeout / 1000);
    }
    if (exchange.line.length)
        end_line(&exchange);
    if (output)
        *output = arena_strndup(arena, buffer_string(&exchange.output), exchange.output.length);
    return judge(process, &exchange, status, err);
}

int process_start(const struct process *process, const char *log_path, pid_t *pid, struct error *err)
{
    const char *path = log_path ? log_path : "/dev/null";
    cleanup(file_close) int output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open %s", path);
    return process_start_to(process, output, pid, err);
}

int process_start_to(const struct process *process, int output, pid_t *pid, struct error *err)
{
    cleanup(file_close) int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return launch(process, input, output, pid, err);
}

/* A process that is not our child cannot be waited for: look whether it is still there. */
static bool has_ended(pid_t pid)
{
    pid_t ended = waitpid(pid, NULL, WNOHANG);
    return ended == pid || (ended < 0 && kill(pid, 0) < 0 && errno == ESRCH);
}

void process_stop(pid_t pid, int grace_ms)
{
    int64_t deadline = clock_monotonic_ms() + grace_ms;
    kill(pid, SIGTERM);
    while (!has_ended(pid)) {
        if (clock_monotonic_ms() >= deadline) {
            kill(pid, SIGKILL);
            deadline = INT64_MAX;
        }
        clock_sleep_ms(5);
    }
}
