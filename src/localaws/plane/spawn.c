/* Starting a machine: its namespaces, what its first process is told, and the descriptors by which it is
 * heard. */
#include "localaws/plane/parts.h"

#include "base/file.h"
#include "base/text.h"
#include "localaws/init/boot.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ABOVE_STANDARD = 10, HOSTNAME_LONGEST = 64 };
static const uint64_t default_volume_bytes = 8ULL << 30;

char *machine_volume(const struct plane *plane, const struct machine *machine)
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

static void add_disks(struct plane *plane, const char *id, struct arena *arena, struct boot *boot)
{
    for (const struct disk *disk = plane->disks; disk; disk = disk->next)
        boot->disk_count += text_equal(disk->owner, id) && disk->state == DISK_OPEN;
    boot->disks = arena_alloc(arena, (boot->disk_count + 1) * sizeof *boot->disks);
    size_t made = 0;
    for (const struct disk *disk = plane->disks; disk; disk = disk->next)
        if (text_equal(disk->owner, id) && disk->state == DISK_OPEN)
            boot->disks[made++] = (struct disk_node){.name = disk->name, .minor_number = disk->minor};
}

static char *boot_text(struct plane *plane, const struct machine *machine, struct arena *arena)
{
    const struct plane_instance *wanted = machine->wanted;
    static char *resolvers[] = {(char *)NAMES_IPV6, (char *)NAMES_IPV4};
    cleanup(memory_free) char *volume = machine_volume(plane, machine);
    const bool opened = machine->vault.place;
    struct boot boot = {
        .id = (char *)wanted->id,
        .hostname = arena_strndup(arena, wanted->hostname ? wanted->hostname : wanted->id, HOSTNAME_LONGEST),
        .volume = {.path = opened ? machine->vault.place : volume,
                   .opened = opened,
                   .key = wanted->volume_key && !opened
                              ? base64_encode(arena, wanted->volume_key, VOLUME_KEY_BYTES)
                              : NULL,
                   .bytes = (int64_t)(wanted->volume_bytes ? wanted->volume_bytes : default_volume_bytes)},
        .arguments = (char **)wanted->image->argv,
        .argument_count = count(wanted->image->argv),
        .environment = (char **)wanted->image->environment,
        .environment_count = count(wanted->image->environment),
        .binds = (char **)wanted->image->binds,
        .bind_count = count(wanted->image->binds),
        .resolvers = resolvers,
        .resolver_count = COUNT_OF(resolvers),
    };
    add_disks(plane, wanted->id, arena, &boot);
    return record_text(&boot_record, arena, &boot);
}

static int raise_descriptor(int descriptor)
{
    int raised = fcntl(descriptor, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
    close(descriptor);
    return raised;
}

int spawn_pipe(int *read_end, int *write_end, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make a pipe");
    *read_end = raise_descriptor(ends[0]);
    *write_end = raise_descriptor(ends[1]);
    fcntl(*write_end, F_SETFL, 0); /* the machine's programs expect to wait when it is full */
    return 0;
}

int spawn_told(const char *text, struct error *err)
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
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    if ((!spawn->network || setns(spawn->network, CLONE_NEWNET) == 0) && dup2(spawn->told, 0) == 0 &&
        dup2(spawn->output, 1) == 1 && dup2(spawn->output, 2) == 2 &&
        dup2(spawn->report, BOOT_REPORT) == BOOT_REPORT) {
        close_range(BOOT_REPORT + 1, ~0u, 0);
        execve(spawn->init, spawn->arguments, environment);
    }
    dprintf(2, "cannot run %s\n", spawn->init);
    _exit(127);
}

int init_spawn(const struct spawn *spawn, pid_t *pid, int *handle, struct error *err)
{
    struct clone_args arguments = {
        .flags = spawn->namespaces | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)handle,
        .exit_signal = SIGCHLD,
    };
    pid_t made = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (made < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "start %s", spawn->init);
    if (made == 0)
        become_init(spawn);
    *pid = made;
    return 0;
}

int machine_spawn(struct plane *plane, struct machine *machine, const struct owner *owner, struct error *err)
{
    static char *const arguments[] = {(char *)"localaws-init", NULL};
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(memory_free) char *volume = machine_volume(plane, machine);
    cleanup(file_close) int output = -1;
    cleanup(file_close) int report = -1;
    cleanup(memory_free) char *volumes = memory_strdup(volume);
    *strrchr(volumes, '/') = '\0';
    if (directory_make(volumes, 0700, err) < 0 || (plane->rootless && vault_open(machine, volume, err) < 0))
        return -1;
    machine->log = console_open(plane, machine->wanted->id, err);
    if (machine->log < 0 || spawn_pipe(&machine->console, &output, err) < 0 ||
        spawn_pipe(&machine->report, &report, err) < 0)
        return -1;
    char *text = boot_text(plane, machine, arena);
    cleanup(file_close) int boot = spawn_told(text, err);
    explicit_bzero(text, strlen(text));
    if (boot < 0)
        return -1;
    const struct spawn spawn = {.init = plane->init,
                                .arguments = arguments,
                                .namespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC,
                                .network = owner->namespace,
                                .told = boot,
                                .output = output,
                                .report = report};
    return init_spawn(&spawn, &machine->pid, &machine->process, err);
}
