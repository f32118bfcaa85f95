#include "localaws/rootless.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int check_paths(const char *const *paths, struct error *err)
{
    for (; *paths; paths++)
        if (text_starts(*paths, "/run/") || text_starts(*paths, "/var/run/"))
            return error_set(err, ERROR_INVALID,
                             "without root a region has a /run of its own: %s must be elsewhere", *paths);
    return 0;
}

/* What an administrator can do about each refusal of the kernel. */
static int refused(struct error *err)
{
    const char *remedy = errno == ENOSPC ? "sysctl user.max_user_namespaces is too small"
                         : errno == EPERM || errno == EACCES
                             ? "sysctl kernel.unprivileged_userns_clone=1 (Debian) or "
                               "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu) allows them"
                             : "a kernel with user namespaces is needed";
    return error_errno(err, ERROR_FORBIDDEN, "--rootless needs user namespaces (%s)", remedy);
}

static int write_map(const char *path, const char *text, struct error *err)
{
    cleanup(file_close) int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, text, strlen(text)) < 0)
        return refused(err);
    return 0;
}

/* One user, one group: the caller's own. */
static int become_root(struct error *err)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1\n", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1\n", (unsigned)getegid());
    if (unshare(CLONE_NEWUSER) < 0)
        return refused(err);
    if (write_map("/proc/self/setgroups", "deny", err) < 0 ||
        write_map("/proc/self/uid_map", users, err) < 0 || write_map("/proc/self/gid_map", groups, err) < 0)
        return -1;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
        return refused(err);
    return 0;
}

static int settle_in(struct error *err)
{
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return error_errno(err, ERROR_FORBIDDEN, "--rootless: mount /run and /proc in a user namespace");
    return 0;
}

_Noreturn static void stand_for(pid_t child, const sigset_t *signals)
{
    for (;;) {
        int number, status;
        sigwait(signals, &number);
        if (number != SIGCHLD)
            kill(child, number);
        else if (waitpid(child, &status, WNOHANG) == child)
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

int rootless_enter(const char *const *paths, struct error *err)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    if (check_paths(paths, err) < 0 || become_root(err) < 0)
        return -1;
    sigprocmask(SIG_BLOCK, &signals, &before);
    pid_t child = fork();
    if (child < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "start the region in its namespaces");
    if (child > 0)
        stand_for(child, &signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return settle_in(err);
}
