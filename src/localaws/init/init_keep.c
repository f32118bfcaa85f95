/* Keeps a program that was started in a running machine (plane/enter.h). Whatever the program starts stays
 * below this process, however far it detaches itself, so that ending the program ends all of it. */
#include "localaws/init/boot.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENDING_MS = 5000 };

static void become_program(char **arguments, bool terminal)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (terminal)
        ioctl(0, TIOCSCTTY, 0);
    execv(arguments[0], arguments);
    fprintf(stderr, "%s: %m\n", arguments[0]);
    _exit(errno == ENOENT ? 127 : 126);
}

/* Its streams are the program's: whoever reads them shall see them end with it. */
static void let_go_of_streams(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++)
        dup2(nothing, i);
}

static void kill_children(void)
{
    FILE *list = fopen("/proc/thread-self/children", "re");
    for (int pid; list && fscanf(list, "%d", &pid) == 1;)
        kill(pid, SIGKILL);
    if (list)
        fclose(list);
}

/* Orphans of the killed become ours, and their turn comes. Gives the program's own status when it was among
 * them. */
static void end_all(pid_t program, int *status)
{
    kill(-program, SIGKILL); /* its group at once, so that no script runs on to its next line */
    for (int64_t until = clock_monotonic_ms() + ENDING_MS; clock_monotonic_ms() < until;) {
        kill_children();
        int its;
        pid_t dead;
        while ((dead = waitpid(-1, &its, WNOHANG)) > 0)
            if (dead == program)
                *status = its;
        if (dead < 0)
            return;
        clock_sleep_ms(1);
    }
}

/* Until the program has ended or we are told to end it. */
static int wait_for_end(pid_t program, const sigset_t *signals)
{
    for (;;) {
        int status = 0;
        pid_t dead;
        while ((dead = waitpid(-1, &status, WNOHANG)) > 0)
            if (dead == program)
                return status;
        if (sigwaitinfo(signals, NULL) == SIGTERM) {
            end_all(program, &status);
            return status;
        }
    }
}

int program_keep(char **arguments, bool terminal)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    capabilities_give_up();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t program = fork();
    if (program == 0)
        become_program(arguments, terminal);
    if (program < 0)
        return 126;
    let_go_of_streams();
    int status = wait_for_end(program, &signals);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        raise(WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
