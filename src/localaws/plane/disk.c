/* Disks beside the machines' roots: starting the process that holds each (init/init_disk.c), showing the
 * device in the machine, and taking it away. */
#include "localaws/plane/parts.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/init/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOP_MAJOR = 7 };

struct disk *disk_find(struct plane *plane, const char *owner, const char *id)
{
    for (struct disk *disk = plane->disks; disk; disk = disk->next)
        if (text_equal(disk->owner, owner) && text_equal(disk->id, id) && disk->state != DISK_CLOSING)
            return disk;
    return NULL;
}

static int start(struct plane *plane, struct disk *disk, const struct plane_disk *wanted, struct error *err)
{
    if (plane->rootless)
        return error_set(err, ERROR_UNAVAILABLE,
                         "a volume beside the root is a block device, which needs a region with root");
    static char *const arguments[] = {(char *)"localaws-init", (char *)"disk", NULL};
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct volume_file volume = {
        .path = (char *)wanted->path,
        .key = wanted->key ? base64_encode(arena, wanted->key, VOLUME_KEY_BYTES) : NULL,
        .bytes = (int64_t)wanted->bytes,
    };
    cleanup(file_close) int report = -1;
    cleanup(file_close) int output = open("/dev/null", O_RDWR | O_CLOEXEC);
    char *text = record_text(&volume_file_record, arena, &volume);
    cleanup(file_close) int told = spawn_told(text, err);
    explicit_bzero(text, strlen(text));
    if (told < 0 || spawn_pipe(&disk->report, &report, err) < 0)
        return -1;
    const struct spawn spawn = {.init = plane->init,
                                .arguments = arguments,
                                .namespaces = CLONE_NEWNS,
                                .told = told,
                                .output = output,
                                .report = report};
    return init_spawn(&spawn, &disk->pid, &disk->process, err);
}

static struct disk *open_disk(struct plane *plane, const char *owner, const struct plane_disk *wanted,
                              bool live)
{
    struct error err = {0};
    struct disk *disk = memory_alloc(sizeof *disk);
    *disk = (struct disk){.id = memory_strdup(wanted->id),
                          .owner = memory_strdup(owner),
                          .name = memory_strdup(wanted->name),
                          .live = live,
                          .process = -1,
                          .report = -1,
                          .next = plane->disks};
    plane->disks = disk;
    if (start(plane, disk, wanted, &err) < 0)
        snprintf(disk->why, sizeof disk->why, "%.500s", err.message);
    return disk;
}

void disks_open(struct plane *plane, const struct plane_instance *instance)
{
    for (size_t i = 0; i < instance->disk_count; i++)
        open_disk(plane, instance->id, &instance->disks[i], false);
}

int disks_ready(const struct plane *plane, const char *owner, char *why)
{
    bool all = true;
    for (const struct disk *disk = plane->disks; disk; disk = disk->next) {
        if (!text_equal(disk->owner, owner) || disk->state == DISK_CLOSING)
            continue;
        if (disk->why[0]) {
            snprintf(why, sizeof disk->why, "%s", disk->why);
            return -1;
        }
        all = all && disk->state == DISK_OPEN;
    }
    return all;
}

/* The machine's own /dev, whatever it made of it: nothing outside its root is reached. */
static int machine_devices(const struct plane *plane, const struct disk *disk)
{
    const struct machine *machine = machine_find((struct plane *)plane, disk->owner);
    if (!machine || machine->state != MACHINE_RUNNING)
        return -1;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", machine->pid);
    cleanup(file_close) int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    return root < 0 ? -1 : (int)syscall(SYS_openat2, root, "dev", &how, sizeof how);
}

static void show(struct plane *plane, const struct disk *disk, bool there)
{
    cleanup(file_close) int devices = machine_devices(plane, disk);
    if (devices < 0)
        return;
    unlinkat(devices, disk->name, 0);
    if (there && mknodat(devices, disk->name, S_IFBLK | 0660, makedev(LOOP_MAJOR, disk->minor)) < 0)
        log_warning("disk not shown in its machine", "instance", disk->owner, "disk", disk->id, "reason",
                    strerror(errno), NULL);
}

static void tell_attached(struct plane *plane, struct disk *disk)
{
    if (disk->live)
        plane->callbacks.disk_attached(plane->callbacks.context, disk->owner, disk->id,
                                       disk->why[0] ? disk->why : NULL);
    disk->live = false;
}

static void hear(struct plane *plane, struct disk *disk, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (text_starts(line, "failed: "))
        snprintf(disk->why, sizeof disk->why, "%.500s", line + strlen("failed: "));
    disk->busy |= text_equal(line, "busy") && disk->told;
    if (text_equal(line, "busy") && disk->told)
        plane->callbacks.disk_detached(plane->callbacks.context, disk->owner, disk->id, false);
    if (text_starts(line, "ready ") && disk->state == DISK_OPENING) {
        disk->minor = (unsigned)strtoul(line + strlen("ready "), NULL, 10);
        disk->state = DISK_OPEN;
        if (disk->live)
            show(plane, disk, true);
        tell_attached(plane, disk);
    }
}

static bool readable(int descriptor)
{
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    return descriptor >= 0 && poll(&one, 1, 0) > 0;
}

/* What a disk says in one go is one line or two short ones. */
static void read_report(struct plane *plane, struct disk *disk)
{
    char text[1100];
    ssize_t got = read(disk->report, text, sizeof text - 1);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        file_close(&disk->report);
        return;
    }
    text[got] = '\0';
    for (char *line = text, *next; *line; line = next) {
        size_t length = strcspn(line, "\n");
        next = line + length + (line[length] != '\0');
        hear(plane, disk, line);
    }
}

/* True when its process is gone and it may be forgotten: one that failed is remembered until its machine
 * knows. */
static bool read_one(struct plane *plane, struct disk *disk)
{
    bool ended = readable(disk->process);
    while (readable(disk->report))
        read_report(plane, disk);
    if (ended) {
        waitpid(disk->pid, NULL, 0);
        disk->pid = 0;
        file_close(&disk->process);
    }
    if (disk->pid)
        return false;
    if (disk->state == DISK_OPENING) {
        bool live = disk->live;
        if (!disk->why[0])
            snprintf(disk->why, sizeof disk->why, "it could not be opened");
        tell_attached(plane, disk);
        return live;
    }
    if (disk->told)
        plane->callbacks.disk_detached(plane->callbacks.context, disk->owner, disk->id, true);
    return true;
}

static void forget(struct disk **place)
{
    struct disk *disk = *place;
    *place = disk->next;
    file_close(&disk->process);
    file_close(&disk->report);
    free(disk->id);
    free(disk->owner);
    free(disk->name);
    free(disk);
}

void disks_read(struct plane *plane)
{
    for (struct disk **place = &plane->disks; *place;)
        if (read_one(plane, *place))
            forget(place);
        else
            place = &(*place)->next;
}

bool disks_quiet(const struct plane *plane)
{
    for (const struct disk *disk = plane->disks; disk; disk = disk->next)
        if (disk->state != DISK_OPEN && !disk->busy)
            return false;
    return true;
}

void disks_end(struct plane *plane, const char *owner)
{
    for (struct disk *disk = plane->disks; disk; disk = disk->next)
        if (text_equal(disk->owner, owner)) {
            disk->state = DISK_CLOSING;
            disk->live = disk->told = disk->busy = false;
            if (disk->pid)
                syscall(SYS_pidfd_send_signal, disk->process, SIGKILL, NULL, 0);
        }
}

void disk_want(struct plane *plane, struct job *job)
{
    const struct plane_disk *wanted = job->wanted;
    const struct machine *machine = machine_find(plane, job->owner);
    if (machine && machine->state == MACHINE_RUNNING && !disk_find(plane, job->owner, wanted->id))
        open_disk(plane, job->owner, wanted, true);
    else
        plane->callbacks.disk_attached(plane->callbacks.context, job->owner, wanted->id, "it does not run");
}

void disk_unwant(struct plane *plane, struct job *job)
{
    struct disk *disk = disk_find(plane, job->owner, job->wanted);
    if (!disk || !disk->pid) {
        plane->callbacks.disk_detached(plane->callbacks.context, job->owner, job->wanted, true);
        return;
    }
    disk->state = DISK_CLOSING;
    disk->live = false;
    disk->told = true;
    show(plane, disk, false);
    syscall(SYS_pidfd_send_signal, disk->process, SIGTERM, NULL, 0);
}

void plane_attach_disk(struct plane *plane, const char *instance_id, const struct plane_disk *disk)
{
    struct job *job = job_new(disk_want);
    job->owner = arena_strdup(job->arena, instance_id);
    job->wanted = plane_copy_disk(job->arena, disk);
    job_queue(plane, job);
}

void plane_detach_disk(struct plane *plane, const char *instance_id, const char *disk_id)
{
    struct job *job = job_new(disk_unwant);
    job->owner = arena_strdup(job->arena, instance_id);
    job->wanted = arena_strdup(job->arena, disk_id);
    job_queue(plane, job);
}
