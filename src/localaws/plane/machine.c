/* Machines: an instance is a process tree in network, mount, process, host name and IPC namespaces of its
 * own, begun by localaws-init (see init/). The plane's thread starts and ends them, keeps their consoles and
 * says what came of them.
 *
 *   WANTED -> STARTING -> RUNNING -> STOPPING -> ENDED -> STOPPED (its volume waits for a next start) or gone
 *
 * Every machine's first process dies with the plane's thread, whatever happens to that, and takes the machine
 * along. */
#include "localaws/init/boot.h"
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STOP_LIMIT_MS = 12000, /* more than init gives the program and the rest */
    CONSOLE_READS = 16, /* in one pass: more than a pipe holds, and yet an end for one that is always full */
};

struct machine *machine_find(struct plane *plane, const char *id)
{
    for (struct machine *machine = plane->machines; machine; machine = machine->next)
        if (text_equal(machine->wanted->id, id))
            return machine;
    return NULL;
}

/* `arena` NULL: as what it was. */
static void begin_again(struct machine *machine, struct arena *arena, const struct plane_instance *wanted)
{
    if (arena) {
        arena_free(&machine->arena);
        machine->arena = arena;
        machine->wanted = wanted;
    }
    machine->state = MACHINE_WANTED;
    machine->disks_opened = machine->disks_opened && !arena; /* a reboot keeps what is attached */
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
    } else if (machine->state == MACHINE_WANTED || machine->state == MACHINE_WAITING) {
        machine->state = MACHINE_ENDED;
    }
}

static void kill_machine(struct machine *machine)
{
    syscall(SYS_pidfd_send_signal, machine->process, SIGKILL, NULL, 0);
    machine->kill_at_ms = INT64_MAX;
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
    if (job->hard && machine->state == MACHINE_STOPPING)
        kill_machine(machine);
    if (machine->state == MACHINE_STOPPED)
        machine->state = MACHINE_ENDED; /* says so again, and may have its volume removed */
}

void machine_reboot(struct plane *plane, struct job *job)
{
    struct machine *machine = machine_find(plane, job->wanted);
    if (!machine || (machine->state != MACHINE_STARTING && machine->state != MACHINE_RUNNING))
        return; /* it boots, or is on its way down and says so */
    machine_end(machine);
    machine->again = machine->wanted;
}

/* Where a person finds the machine: nsenter --target $(cat machines/ID.pid) --all */
static char *pid_path(const struct plane *plane, const struct machine *machine)
{
    return memory_format("%s/machines/%s.pid", plane->directory, machine->wanted->id);
}

static void note_pid(const struct plane *plane, const struct machine *machine)
{
    cleanup(memory_free) char *path = pid_path(plane, machine);
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", machine->pid);
    struct error err = {0};
    if (file_write(path, text, (size_t)length, 0644, &err) < 0)
        log_warning("machine's process not noted", "reason", err.message, NULL);
}

/* 1 when they are open. */
static int await_disks(struct plane *plane, struct machine *machine)
{
    if (!machine->disks_opened)
        disks_open(plane, machine->wanted);
    machine->disks_opened = true;
    machine->state = MACHINE_WAITING;
    int ready = disks_ready(plane, machine->wanted->id, machine->why);
    if (ready < 0)
        machine->state = MACHINE_ENDED;
    return ready;
}

static void start_wanted(struct plane *plane, struct machine *machine)
{
    struct error err = {0};
    if (await_disks(plane, machine) < 1)
        return;
    const struct owner *owner = owner_find(plane, machine->wanted->id);
    machine->state = MACHINE_STARTING;
    if (machine_spawn(plane, machine, owner, &err) < 0) {
        machine->state = MACHINE_ENDED;
        snprintf(machine->why, sizeof machine->why, "%.500s", err.message);
        return;
    }
    note_pid(plane, machine);
}

static void prepare_wanted(struct plane *plane, struct machine *machine)
{
    struct error err = {0};
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
        int status = 0;
        waitpid(machine->pid, &status, 0);
        file_close(&machine->process);
        if (machine->state == MACHINE_RUNNING && WIFEXITED(status) && WEXITSTATUS(status) == BOOT_AGAIN)
            machine->again = machine->wanted;
        machine->state = MACHINE_ENDED;
    } else if (machine->state == MACHINE_STOPPING && clock_monotonic_ms() >= machine->kill_at_ms) {
        kill_machine(machine);
    }
}

/* Its processes are gone; what was made for them goes too. */
static void clear_up(struct plane *plane, struct machine *machine)
{
    int *descriptors[] = {&machine->process, &machine->report, &machine->console, &machine->log};
    for (size_t i = 0; i < COUNT_OF(descriptors); i++)
        file_close(descriptors[i]);
    cleanup(memory_free) char *note = pid_path(plane, machine);
    unlink(note);
    vault_close(&machine->vault);
    owner_remove(plane, machine->wanted->id);
    if (machine->again != machine->wanted)
        disks_end(plane, machine->wanted->id);
    network_changed(plane, machine->wanted->vpc_id);
    if (machine->remove_volume) {
        struct error err = {0};
        cleanup(memory_free) char *volume = machine_volume(plane, machine);
        if (tree_remove(volume, &err) < 0)
            log_warning("volume not removed", "instance", machine->wanted->id, "reason", err.message, NULL);
    }
    const char *why = machine->why[0] ? machine->why : "its processes ended";
    log_info("instance stopped", "instance", machine->wanted->id, "reason", why, NULL);
    if (!plane->ending && machine->again != machine->wanted)
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
        /* One that ended and is wanted again waits for the next pass: in between its network learns that the
         * old namespace is gone. */
        if ((*place)->state == MACHINE_ENDED)
            clear_up(plane, *place);
        else if ((*place)->state == MACHINE_WANTED)
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
        if (machine->state == MACHINE_WAITING ||
            (machine->state == MACHINE_WANTED && owner_find(plane, machine->wanted->id))) /* prepared */
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
