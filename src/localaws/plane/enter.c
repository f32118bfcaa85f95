#include "localaws/plane/enter.h"

#include "base/file.h"
#include "base/text.h"
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_MS = 5000, ABOVE_STANDARD = 10, ENVIRONMENT_MOST = 32 };

/* --- where the machine is: only the plane's thread knows ----------------------------------------- */

struct search {
    const char *id;
    int handle; /* of its first process; -1: it does not run */
};

static void find_running(struct plane *plane, void *context)
{
    struct search *search = context;
    const struct machine *machine = machine_find(plane, search->id);
    if (machine && machine->state == MACHINE_RUNNING)
        search->handle = fcntl(machine->process, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
}

static int find_machine(struct plane *plane, const char *id, int *handle, struct error *err)
{
    struct search search = {id, -1};
    plane_ask(plane, find_running, &search);
    *handle = search.handle;
    return search.handle < 0 ? error_set(err, ERROR_NOT_FOUND, "%s does not run", id) : 0;
}

/* --- a thread of ours that is in the machine ----------------------------------------------------- */

struct entry {
    int machine;
    int (*function)(void *context, struct error *err);
    void *context;
    struct error *err;
    int result;
};

static void *enter(void *argument)
{
    struct entry *entry = argument;
    const int namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
    if (unshare(CLONE_FS) < 0 || setns(entry->machine, namespaces) < 0)
        entry->result = error_errno(entry->err, ERROR_UNAVAILABLE, "enter the machine");
    else
        entry->result = entry->function(entry->context, entry->err);
    return NULL;
}

static int call_inside(int machine, int (*function)(void *context, struct error *err), void *context,
                       struct error *err)
{
    struct entry entry = {machine, function, context, err, 0};
    pthread_t thread;
    errno = pthread_create(&thread, NULL, enter, &entry);
    if (errno)
        return error_errno(err, ERROR_UNAVAILABLE, "start a thread for the machine");
    pthread_join(thread, NULL);
    return entry.result;
}

/* --- a program ----------------------------------------------------------------------------------- */

/* What is started in the machine is localaws-init once more, as the program's keeper (init/init_keep.c): it
 * is there before the program and forgets this process's memory before the machine's users can look at it. */
struct start {
    const struct plane_program *program;
    struct plane_process *process;
    int keeper;                /* the file */
    int input, output, errors; /* the program's ends */
    const char *arguments[64]; /* the keeper's */
    const char *environment[ENVIRONMENT_MOST];
};

static int raise_descriptor(int descriptor)
{
    int raised = fcntl(descriptor, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
    close(descriptor);
    return raised;
}

static int open_pipe(int *read_end, int *write_end, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    *read_end = raise_descriptor(ends[0]);
    *write_end = raise_descriptor(ends[1]);
    return 0;
}

static int open_terminal(struct start *start, struct error *err)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), locked = 0;
    if (master < 0 || ioctl(master, TIOCSPTLCK, &locked) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open a terminal of the machine");
    start->process->output = raise_descriptor(master);
    int slave = ioctl(start->process->output, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open the other end of a terminal");
    start->input = raise_descriptor(slave);
    start->output = fcntl(start->input, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
    start->errors = fcntl(start->input, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
    return 0;
}

static int open_streams(struct start *start, struct error *err)
{
    if (start->program->terminal)
        return open_terminal(start, err);
    if (open_pipe(&start->input, &start->process->input, err) < 0 ||
        open_pipe(&start->process->output, &start->output, err) < 0 ||
        open_pipe(&start->process->errors, &start->errors, err) < 0)
        return -1;
    return 0;
}

/* In the child: between clone and exec only system calls, as other threads' locks may be held. */
static void become_keeper(const struct start *start)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (dup2(start->keeper, 3) == 3 && dup2(start->input, 0) == 0 && dup2(start->output, 1) == 1 &&
        dup2(start->errors, 2) == 2 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0) {
        close_range(4, ~0u, 0);
        if (chdir(start->program->directory ? start->program->directory : "/") == 0)
            syscall(SYS_execveat, 3, "", start->arguments, start->environment, AT_EMPTY_PATH);
    }
    _exit(126);
}

static int prepare_files(const struct plane_program *program, struct error *err)
{
    if (program->script) {
        cleanup(memory_free) char *parent = memory_strdup(program->script_path);
        *strrchr(parent, '/') = '\0';
        if (directory_make(parent, 0700, err) < 0 ||
            file_write(program->script_path, program->script, strlen(program->script), 0700, err) < 0)
            return -1;
    }
    if (program->directory && access(program->directory, X_OK) < 0)
        return error_errno(err, ERROR_NOT_FOUND, "run in %s", program->directory);
    return 0;
}

static int start_inside(void *context, struct error *err)
{
    struct start *start = context;
    if (prepare_files(start->program, err) < 0 || open_streams(start, err) < 0)
        return -1;
    struct clone_args arguments = {
        .flags = CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&start->process->handle,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "start a process in the machine");
    if (pid == 0)
        become_keeper(start);
    start->process->pid = pid;
    return 0;
}

static void prepare_lists(struct start *start)
{
    static const char *const always[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                         "HOME=/root", "LANG=C.UTF-8"};
    const struct plane_program *program = start->program;
    size_t made = 0;
    for (size_t i = 0; i < COUNT_OF(always); i++)
        start->environment[made++] = always[i];
    for (size_t i = 0; program->environment && program->environment[i] && made + 1 < ENVIRONMENT_MOST; i++)
        start->environment[made++] = program->environment[i];
    made = 0;
    start->arguments[made++] = "localaws-init";
    start->arguments[made++] = program->terminal ? "keep-terminal" : "keep";
    for (size_t i = 0; program->argv[i] && made + 1 < COUNT_OF(start->arguments); i++)
        start->arguments[made++] = program->argv[i];
}

static void close_start(struct start *start)
{
    int *descriptors[] = {&start->keeper, &start->input, &start->output, &start->errors};
    for (size_t i = 0; i < COUNT_OF(descriptors); i++)
        file_close(descriptors[i]);
}

int plane_run_in_instance(struct plane *plane, const char *instance_id, const struct plane_program *program,
                          struct plane_process *process, struct error *err)
{
    cleanup(file_close) int machine = -1;
    cleanup(close_start) struct start start = {
        .program = program, .process = process, .keeper = -1, .input = -1, .output = -1, .errors = -1};
    *process = (struct plane_process){.handle = -1, .input = -1, .output = -1, .errors = -1};
    if (find_machine(plane, instance_id, &machine, err) < 0)
        return -1;
    start.keeper = open(plane->init, O_RDONLY | O_CLOEXEC);
    if (start.keeper < 0)
        return error_errno(err, ERROR_INTERNAL, "open %s", plane->init);
    start.keeper = raise_descriptor(start.keeper);
    prepare_lists(&start);
    if (call_inside(machine, start_inside, &start, err) < 0) {
        plane_process_close(process);
        return error_context(err, "run a program in %s", instance_id);
    }
    return 0;
}

void plane_process_end(const struct plane_process *process)
{
    if (process->handle >= 0)
        syscall(SYS_pidfd_send_signal, process->handle, SIGTERM, NULL, 0);
}

int plane_process_wait(struct plane_process *process)
{
    int status = -1;
    while (process->pid > 0 && waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
    file_close(&process->handle);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void plane_process_close(struct plane_process *process)
{
    if (process->pid > 0) {
        plane_process_end(process);
        plane_process_wait(process);
    }
    int *descriptors[] = {&process->handle, &process->input, &process->output, &process->errors};
    for (size_t i = 0; i < COUNT_OF(descriptors); i++)
        file_close(descriptors[i]);
}

/* --- a connection -------------------------------------------------------------------------------- */

int plane_connect_in_instance(struct plane *plane, const char *instance_id, const char *address,
                              uint16_t port, int *socket, struct error *err)
{
    cleanup(file_close) int machine = -1;
    if (find_machine(plane, instance_id, &machine, err) < 0)
        return -1;
    return namespace_connect(machine, address, port, CONNECT_TIMEOUT_MS, socket, err);
}
