/* Machines: an instance is a process tree in network, mount, process, host name and IPC namespaces of its
 * own, begun by localaws-init (see init/). The plane's thread starts and ends them, keeps their consoles and
 * says what came of them.
 *
 *   WANTED -> STARTING -> RUNNING -> STOPPING -> ENDED -> STOPPED (its volume waits for a next start) or gone
 *
 * Every machine's first process dies with the plane's thread, whatever happens to that, and takes the machine
 * along. */
#include "localaws/plane_namespace.h"
#include "localaws/plane_parts.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/init/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STOP_LIMIT_MS = 12000, /* more than init gives the program and the rest */
    CONSOLE_READS = 16,    /* in one pass: more than a pipe holds, and yet an end for one that is always full */
    ABOVE_STANDARD = 10,
    HOSTNAME_LONGEST = 64,
};
static const uint64_t default_volume_bytes = 8ULL << 30;

struct machine *machine_find(struct plane *plane, const char *id)
{
    for (struct machine *machine = plane->machines; machine; machine = machine->next)
        if (text_equal(machine->wanted->id, id))
            return machine;
    return NULL;
}

static void begin_again(struct machine *machine, struct arena *arena, const struct plane_instance *wanted)
{
    arena_free(&machine->arena);
    machine->arena = arena;
    machine->wanted = wanted;
    machine->state = MACHINE_WANTED;
    machine->remove_volume = false;
    machine->why[0] = '\0';
}

void machine_want(struct plane *plane, struct job *job)
{
    const struct plane_instance *wanted = job->wanted;
    struct machine *machine = machine_find(plane, wanted->id);
    if (!machine) {
        machine = memory_alloc(sizeof *machine);
        machine->process = machine->report = machine->console = machine->log = -1;
        machine->next = plane->machines;
        plane->machines = machine;
        begin_again(machine, take(&job->arena), wanted);
    } else if (machine->state == MACHINE_STOPPED) {
        begin_again(machine, take(&job->arena), wanted);
    } else if (machine->state == MACHINE_STOPPING || machine->state == MACHINE_ENDED) {
        arena_free(&machine->again_arena);
        machine->again_arena = take(&job->arena);
        machine->again = wanted;
    }
}

/* What is running is told to end; what is not need only be cleared up. */
void machine_end(struct machine *machine)
{
    arena_free(&machine->again_arena);
    machine->again = NULL;
    if (machine->state == MACHINE_STARTING || machine->state == MACHINE_RUNNING) {
        machine->state = MACHINE_STOPPING;
        machine->kill_at_ms = clock_monotonic_ms() + STOP_LIMIT_MS;
        syscall(SYS_pidfd_send_signal, machine->process, SIGTERM, NULL, 0);
    } else if (machine->state == MACHINE_WANTED) {
        machine->state = MACHINE_ENDED;
    }
}

void machine_unwant(struct plane *plane, struct job *job)
{
    struct machine *machine = machine_find(plane, job->wanted);
    if (!machine) {
        plane->callbacks.instance_stopped(plane->callbacks.context, job->wanted, "was not running");
        return;
    }
    machine->remove_volume |= job->remove_volume;
    machine_end(machine);
    if (machine->state == MACHINE_STOPPED)
        machine->state = MACHINE_ENDED; /* says so again, and may have its volume removed */
}

static char *volume_path(const struct plane *plane, const struct machine *machine)
{
    if (machine->wanted->volume_path)
        return memory_strdup(machine->wanted->volume_path);
    return memory_format("%s/volumes/%s.img", plane->directory, machine->wanted->id);
}

static size_t count(const char *const *texts)
{
    size_t number = 0;
    while (texts && texts[number])
        number++;
    return number;
}

static char *boot_text(struct plane *plane, const struct machine *machine, struct arena *arena)
{
    const struct plane_instance *wanted = machine->wanted;
    static char *resolvers[] = {(char *)NAMES_IPV6, (char *)NAMES_IPV4};
    cleanup(memory_free) char *volume = volume_path(plane, machine);
    struct boot boot = {
        .id = (char *)wanted->id,
        .hostname = arena_strndup(arena, wanted->hostname ? wanted->hostname : wanted->id, HOSTNAME_LONGEST),
        .volume_path = volume,
        .volume_key = wanted->volume_key ? base64_encode(arena, wanted->volume_key, VOLUME_KEY_BYTES) : NULL,
        .volume_bytes = (int64_t)(wanted->volume_bytes ? wanted->volume_bytes : default_volume_bytes),
        .arguments = (char **)wanted->image->argv,
        .argument_count = count(wanted->image->argv),
        .environment = (char **)wanted->image->environment,
        .environment_count = count(wanted->image->environment),
        .binds = (char **)wanted->image->binds,
        .bind_count = count(wanted->image->binds),
        .resolvers = resolvers,
        .resolver_count = COUNT_OF(resolvers),
    };
    return record_text(&boot_record, arena, &boot);
}

/* What a machine is started with; every descriptor stands above those the child gives them. */
struct spawn {
    const char *init;
    int network, boot, output, report;
};

static int raise_descriptor(int descriptor)
{
    int raised = fcntl(descriptor, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
    close(descriptor);
    return raised;
}

static int make_pipe(int *read_end, int *write_end, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    *read_end = raise_descriptor(ends[0]);
    *write_end = raise_descriptor(ends[1]);
    fcntl(*write_end, F_SETFL, 0); /* the machine's programs expect to wait when it is full */
    return 0;
}

static int boot_file(const char *text, struct error *err)
{
    int file = memfd_create("boot", MFD_CLOEXEC);
    if (file < 0 || file_write_all(file, text, strlen(text), err) < 0 || lseek(file, 0, SEEK_SET) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "write the boot record");
    return raise_descriptor(file);
}

/* In the child: between clone and exec only system calls, as other threads' locks may be held. */
static void become_init(const struct spawn *spawn)
{
    static char *const environment[] = {
        (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    char *const arguments[] = {(char *)"localaws-init", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    if (setns(spawn->network, CLONE_NEWNET) == 0 && dup2(spawn->boot, 0) == 0 &&
        dup2(spawn->output, 1) == 1 && dup2(spawn->output, 2) == 2 &&
        dup2(spawn->report, BOOT_REPORT) == BOOT_REPORT) {
        close_range(BOOT_REPORT + 1, ~0u, 0);
        execve(spawn->init, arguments, environment);
    }
    dprintf(2, "cannot run %s\n", spawn->init);
    _exit(127);
}

static int clone_init(const struct spawn *spawn, struct machine *machine, struct error *err)
{
    int process = -1;
    struct clone_args arguments = {
        .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&process,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "start the machine's first process");
    if (pid == 0)
        become_init(spawn);
    machine->pid = pid;
    machine->process = process;
    return 0;
}

static int spawn_machine(struct plane *plane, struct machine *machine, const struct owner *owner,
                         struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(memory_free) char *volume = volume_path(plane, machine);
    cleanup(file_close) int output = -1;
    cleanup(file_close) int report = -1;
    *strrchr(volume, '/') = '\0';
    if (directory_make(volume, 0700, err) < 0)
        return -1;
    machine->log = console_open(plane, machine->wanted->id, err);
    if (machine->log < 0 || make_pipe(&machine->console, &output, err) < 0 ||
        make_pipe(&machine->report, &report, err) < 0)
        return -1;
    char *text = boot_text(plane, machine, arena);
    cleanup(file_close) int boot = boot_file(text, err);
    explicit_bzero(text, strlen(text));
    if (boot < 0)
        return -1;
    struct spawn spawn = {plane->init, owner->namespace, boot, output, report};
    return clone_init(&spawn, machine, err);
}

static void start_wanted(struct plane *plane, struct machine *machine)
{
    struct error err;
    const struct owner *owner = owner_find(plane, machine->wanted->id);
    machine->state = MACHINE_STARTING;
    if (spawn_machine(plane, machine, owner, &err) < 0) {
        machine->state = MACHINE_ENDED;
        snprintf(machine->why, sizeof machine->why, "%.500s", err.message);
    }
}

static void prepare_wanted(struct plane *plane, struct machine *machine)
{
    struct error err;
    cleanup(memory_free) char *name = memory_format("%s-%s", plane->label, machine->wanted->id);
    if (owner_add(plane, machine->wanted->id, name, false, NULL, &err) < 0) {
        machine->state = MACHINE_ENDED;
        snprintf(machine->why, sizeof machine->why, "%.500s", err.message);
    }
    network_changed(plane, machine->wanted->vpc_id);
}

/* One line, at most, is ever said. */
static void read_report(struct plane *plane, struct machine *machine)
{
    char line[1100];
    ssize_t got = read(machine->report, line, sizeof line - 1);
    if (got < 0 && errno == EAGAIN)
        return;
    file_close(&machine->report);
    line[got > 0 ? got : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (text_starts(line, "failed: "))
        snprintf(machine->why, sizeof machine->why, "%.500s", line + strlen("failed: "));
    if (text_equal(line, "running") && machine->state == MACHINE_STARTING) {
        machine->state = MACHINE_RUNNING;
        log_info("instance runs", "instance", machine->wanted->id, NULL);
        plane->callbacks.instance_running(plane->callbacks.context, machine->wanted->id);
    }
}

static void read_console(struct plane *plane, struct machine *machine)
{
    char bytes[16384];
    ssize_t got = read(machine->console, bytes, sizeof bytes);
    if (got > 0)
        console_write(plane, machine, bytes, (size_t)got);
    else if (got == 0 || errno != EAGAIN)
        file_close(&machine->console);
}

static bool readable(int descriptor)
{
    struct pollfd poll_one = {.fd = descriptor, .events = POLLIN};
    return descriptor >= 0 && poll(&poll_one, 1, 0) > 0;
}

void machine_read(struct plane *plane, struct machine *machine)
{
    bool ended = readable(machine->process); /* before the rest, so that nothing said is lost */
    for (int i = 0; i < CONSOLE_READS && readable(machine->console); i++)
        read_console(plane, machine);
    if (readable(machine->report))
        read_report(plane, machine);
    if (ended) {
        waitpid(machine->pid, NULL, 0);
        file_close(&machine->process);
        machine->state = MACHINE_ENDED;
    } else if (machine->state == MACHINE_STOPPING && clock_monotonic_ms() >= machine->kill_at_ms) {
        syscall(SYS_pidfd_send_signal, machine->process, SIGKILL, NULL, 0);
    }
}

/* Its processes are gone; what was made for them goes too. */
static void clear_up(struct plane *plane, struct machine *machine)
{
    int *descriptors[] = {&machine->process, &machine->report, &machine->console, &machine->log};
    for (size_t i = 0; i < COUNT_OF(descriptors); i++)
        file_close(descriptors[i]);
    owner_remove(plane, machine->wanted->id);
    network_changed(plane, machine->wanted->vpc_id);
    if (machine->remove_volume) {
        cleanup(memory_free) char *volume = volume_path(plane, machine);
        unlink(volume);
    }
    const char *why = machine->why[0] ? machine->why : "its processes ended";
    log_info("instance stopped", "instance", machine->wanted->id, "reason", why, NULL);
    if (!plane->ending)
        plane->callbacks.instance_stopped(plane->callbacks.context, machine->wanted->id, why);
    machine->state = MACHINE_STOPPED;
    if (machine->again)
        begin_again(machine, take(&machine->again_arena), take(&machine->again));
}

static void forget(struct machine **place)
{
    struct machine *machine = *place;
    *place = machine->next;
    arena_free(&machine->arena);
    arena_free(&machine->again_arena);
    free(machine);
}

void machines_prepare(struct plane *plane)
{
    for (struct machine **place = &plane->machines; *place;) {
        if ((*place)->state == MACHINE_ENDED)
            clear_up(plane, *place);
        if ((*place)->state == MACHINE_WANTED)
            prepare_wanted(plane, *place);
        if ((*place)->state == MACHINE_STOPPED && (*place)->remove_volume)
            forget(place);
        else
            place = &(*place)->next;
    }
}

void machines_start(struct plane *plane)
{
    for (struct machine *machine = plane->machines; machine; machine = machine->next)
        if (machine->state == MACHINE_WANTED)
            start_wanted(plane, machine);
}

static bool any_other_state(const struct plane *plane, unsigned states)
{
    for (const struct machine *machine = plane->machines; machine; machine = machine->next)
        if (!(states & 1u << machine->state))
            return true;
    return false;
}

bool machines_quiet(const struct plane *plane)
{
    return !any_other_state(plane, 1u << MACHINE_RUNNING | 1u << MACHINE_STOPPED);
}

bool machines_need_pass(const struct plane *plane)
{
    return any_other_state(plane, ~(1u << MACHINE_WANTED | 1u << MACHINE_ENDED));
}

void machines_forget(struct plane *plane)
{
    while (plane->machines)
        forget(&plane->machines);
}
