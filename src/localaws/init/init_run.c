/* Process 1 of a machine: starts the program, starts it again when it ends (after 0.2 s, then twice as long,
 * up to 5 s), buries whoever dies, and on SIGTERM lets the program end, then everything else. What the
 * program started is left alone when only the program dies: containers and tunnels outlive their agent. */
#include "localaws/init/boot.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SHORTEST_PAUSE_MS = 200,
    LONGEST_PAUSE_MS = 5000,
    RAN_WELL_MS = 10000, /* after that long the pause is short again */
    PROGRAM_GRACE_MS = 10000,
    OTHERS_GRACE_MS = 1000,
};

struct supervision {
    const struct boot *boot;
    char **arguments, **environment;
    sigset_t signals;
    pid_t program; /* 0: not running */
    int64_t started_ms, start_at_ms, pause_ms;
};

void capabilities_give_up(void)
{
    static const int never[] = {CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT,     CAP_SYS_TIME,
                                CAP_SYSLOG,     CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_WAKE_ALARM};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        prctl(PR_CAPBSET_DROP, never[i], 0, 0, 0);
}

static void become_program(struct supervision *supervision, int failure)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    capabilities_give_up();
    execvpe(supervision->arguments[0], supervision->arguments, supervision->environment);
    int reason = errno;
    ssize_t written = write(failure, &reason, sizeof reason);
    _exit(written > 0 ? 127 : 126);
}

/* 0, or the errno of why it cannot be run. */
static int start_program(struct supervision *supervision)
{
    int ends[2], reason = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    supervision->started_ms = clock_monotonic_ms();
    supervision->program = fork();
    if (supervision->program == 0)
        become_program(supervision, ends[1]);
    close(ends[1]);
    if (supervision->program < 0) {
        supervision->program = 0;
        reason = errno;
    } else if (read(ends[0], &reason, sizeof reason) != (ssize_t)sizeof reason) {
        reason = 0;
    }
    close(ends[0]);
    return reason;
}

static void program_ended(struct supervision *supervision, int status)
{
    int64_t now = clock_monotonic_ms();
    if (now - supervision->started_ms >= RAN_WELL_MS)
        supervision->pause_ms = SHORTEST_PAUSE_MS;
    supervision->program = 0;
    supervision->start_at_ms = now + supervision->pause_ms;
    fprintf(stderr, "init: program ended (%s %d), starting it again in %d ms\n",
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (int)supervision->pause_ms);
    supervision->pause_ms =
        supervision->pause_ms * 2 > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : supervision->pause_ms * 2;
}

/* True while there are processes besides this one. */
static bool bury_the_dead(struct supervision *supervision)
{
    int status;
    pid_t dead;
    while ((dead = waitpid(-1, &status, WNOHANG)) > 0)
        if (dead == supervision->program)
            program_ended(supervision, status);
    return dead == 0;
}

static void wait_for_signal(struct supervision *supervision, int64_t milliseconds, int *number)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    *number = sigtimedwait(&supervision->signals, NULL, &time);
}

/* How an init is asked, by signals of the machine's own processes: as systemd's and busybox's are. */
static bool asks_for_reboot(int number)
{
    return number == SIGRTMIN + 5 || number == SIGINT;
}

static bool asks_for_end(int number)
{
    return number == SIGTERM || number == SIGPWR || number == SIGUSR2 || number == SIGRTMIN + 3 ||
           number == SIGRTMIN + 4 || asks_for_reboot(number);
}

static void end_machine(struct supervision *supervision)
{
    int number;
    int64_t until = clock_monotonic_ms() + PROGRAM_GRACE_MS;
    if (supervision->program)
        kill(supervision->program, SIGTERM);
    while (bury_the_dead(supervision) && supervision->program && clock_monotonic_ms() < until)
        wait_for_signal(supervision, 100, &number);
    kill(-1, SIGTERM);
    until = clock_monotonic_ms() + OTHERS_GRACE_MS;
    while (bury_the_dead(supervision) && clock_monotonic_ms() < until)
        wait_for_signal(supervision, 20, &number);
}

static char **with_defaults(const struct boot *boot)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char home[] = "HOME=/root", language[] = "LANG=C.UTF-8";
    char **environment = memory_array(boot->environment_count + 4, sizeof *environment);
    size_t made = 0;
    /* The first of a name wins in getenv, so the image's own values come before ours. */
    for (size_t i = 0; i < boot->environment_count; i++)
        environment[made++] = boot->environment[i];
    environment[made++] = path;
    environment[made++] = home;
    environment[made++] = language;
    return environment;
}

static char **terminated(char **items, size_t count)
{
    char **list = memory_array(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = items[i];
    return list;
}

int program_run(const struct boot *boot, int report)
{
    cleanup(memory_free) char **arguments = terminated(boot->arguments, boot->argument_count);
    cleanup(memory_free) char **environment = with_defaults(boot);
    struct supervision supervision = {
        .boot = boot, .pause_ms = SHORTEST_PAUSE_MS, .arguments = arguments, .environment = environment};
    sigemptyset(&supervision.signals);
    sigaddset(&supervision.signals, SIGCHLD);
    for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++)
        if (asks_for_end(signal_number))
            sigaddset(&supervision.signals, signal_number);
    sigprocmask(SIG_BLOCK, &supervision.signals, NULL);
    setenv("PATH", strchr(environment[boot->environment_count], '=') + 1, 1); /* for execvpe's search */
    int reason = start_program(&supervision);
    if (reason) {
        fprintf(stderr, "machine cannot start: run %s: %s\n", boot->arguments[0], strerror(reason));
        dprintf(report, "failed: run %s: %s\n", boot->arguments[0], strerror(reason));
        return 1;
    }
    dprintf(report, "running\n");
    close(report);
    int number = 0;
    while (!asks_for_end(number)) {
        bury_the_dead(&supervision);
        int64_t pause = supervision.program ? 60000 : supervision.start_at_ms - clock_monotonic_ms();
        if (!supervision.program && pause <= 0) {
            reason = start_program(&supervision);
            if (reason)
                fprintf(stderr, "init: run %s: %s\n", boot->arguments[0], strerror(reason));
            continue;
        }
        wait_for_signal(&supervision, pause, &number);
    }
    end_machine(&supervision);
    return asks_for_reboot(number) ? BOOT_AGAIN : 0;
}
