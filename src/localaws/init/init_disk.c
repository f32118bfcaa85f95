/* A disk beside a machine's root. What the machine gets is a block device; what lies on the computer is an
 * image file as of a root volume (init_volume.c), in whose encrypted directory one file is the device's
 * contents. So whatever the machine makes of the device, a file system or a database's raw space, is
 * ciphertext in the image, and the key is in this process's mount only, which no machine can see.
 *
 * This process is the disk: it holds the device open, and the kernel lets go of everything when it ends. */
#include "localaws/init/boot.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Room for the outer file system's own blocks. */
enum { OUTER_SHARE = 16, BUSY_PAUSE_MS = 100 };
static const int64_t outer_least = 64 << 20;

#define PLACE "/sys" /* of the computer's root: nothing in it is needed here */

static int make_place(struct error *err)
{
    if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return error_errno(err, ERROR_INTERNAL, "keep mounts to itself");
    if (mount_new("tmpfs", PLACE, MS_NOSUID, "mode=700,size=1m", err) < 0 ||
        directory_make(PLACE "/devices", 0700, err) < 0)
        return -1;
    return directory_make(PLACE "/volume", 0700, err);
}

static int open_contents(int64_t bytes, struct error *err)
{
    static const char path[] = PLACE "/volume/data/disk";
    struct stat status;
    int contents = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (contents < 0 || fstat(contents, &status) < 0 ||
        (status.st_size < bytes && ftruncate(contents, bytes) < 0))
        error_errno(err, ERROR_UNAVAILABLE, "open the disk's contents");
    else
        return contents;
    file_close(&contents);
    return -1;
}

static int open_disk(int *device, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct volume_file volume = {0};
    if (boot_read(&volume_file_record, arena, &volume, err) < 0 || make_place(err) < 0)
        return -1;
    int64_t bytes = volume.bytes;
    volume.bytes += bytes / OUTER_SHARE > outer_least ? bytes / OUTER_SHARE : outer_least;
    int mounted = volume_mount(&volume, PLACE "/devices", PLACE "/volume", err);
    if (volume.key)
        explicit_bzero(volume.key, strlen(volume.key));
    if (mounted < 0)
        return -1;
    cleanup(file_close) int contents = open_contents(bytes, err);
    return contents < 0 ? -1 : loop_attach(contents, device, err);
}

/* Everything else of the computer goes: a mount that is seen here could not end elsewhere. */
static int leave_the_rest(struct error *err)
{
    if (chdir(PLACE) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/devices") < 0)
        return error_errno(err, ERROR_INTERNAL, "leave the computer's other mounts");
    return 0;
}

/* Mounted, or taken by somebody for himself alone. */
static bool in_use(dev_t device)
{
    if (mknod("exclusive", S_IFBLK | 0600, device) < 0)
        return false;
    cleanup(file_close) int alone = open("exclusive", O_RDONLY | O_EXCL | O_CLOEXEC);
    bool busy = alone < 0 && errno == EBUSY;
    unlink("exclusive");
    return busy;
}

static void wait_for_end(dev_t device, const sigset_t *signals, int report)
{
    int number;
    sigwait(signals, &number);
    if (!in_use(device))
        return;
    dprintf(report, "busy\n");
    while (in_use(device))
        clock_sleep_ms(BUSY_PAUSE_MS);
}

int disk_serve(int report)
{
    struct error err = {0};
    struct stat status;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    cleanup(file_close) int device = -1;
    if (open_disk(&device, &err) < 0 || leave_the_rest(&err) < 0 || fstat(device, &status) < 0) {
        dprintf(report, "failed: %s\n", err.message);
        return 1;
    }
    dprintf(report, "ready %u\n", minor(status.st_rdev));
    wait_for_end(status.st_rdev, &signals, report);
    return 0;
}
