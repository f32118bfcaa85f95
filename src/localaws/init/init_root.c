/* The machine's root: a memory file system that shows, read-only, the programs of the computer it runs on
 * (/usr), with an /etc, /dev, /proc, /run and /tmp of its own and /var, /home and /root from its volume. What
 * is not listed here is not there: no home directories, no state of the host, none of the host's mounts. */
#include "localaws/init/boot.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The new root is built on this directory of the old one: nobody's files are in it, so nothing that is to be
 * shown gets hidden meanwhile. */
#define NEW "/sys"

enum { LOOP_MAJOR = 7 };

int mount_new(const char *type, const char *target, unsigned long flags, const char *options,
              struct error *err)
{
    if (directory_make(target, 0755, err) < 0)
        return -1;
    if (mount(type, target, type, flags, options) < 0)
        return error_errno(err, ERROR_INTERNAL, "mount %s on %s", type, target);
    return 0;
}

static int make_target(int source, const char *to, struct error *err)
{
    struct stat status;
    if (fstat(source, &status) < 0)
        return error_errno(err, ERROR_INTERNAL, "look at what goes to %s", to);
    if (S_ISDIR(status.st_mode))
        return directory_make(to, 0755, err);
    cleanup(memory_free) char *parent = memory_strdup(to);
    *strrchr(parent, '/') = '\0';
    if (*parent && directory_make(parent, 0755, err) < 0)
        return -1;
    cleanup(file_close) int file = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return file < 0 ? error_errno(err, ERROR_INTERNAL, "make %s", to) : 0;
}

int mount_view(const char *from, const char *to, struct error *err)
{
    cleanup(file_close) int tree =
        open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return error_errno(err, ERROR_NOT_FOUND, "see %s", from);
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only) < 0)
        return error_errno(err, ERROR_INTERNAL, "make the view of %s read-only", from);
    if (make_target(tree, to, err) < 0)
        return -1;
    if (move_mount(tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_errno(err, ERROR_INTERNAL, "show %s at %s", from, to);
    return 0;
}

/* The same place in the new root; a link of the old root stays a link. */
static int show(const char *path, bool needed, struct error *err)
{
    char target[256], link[256];
    snprintf(target, sizeof target, NEW "%s", path);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length > 0) {
        link[length] = '\0';
        return symlink(link, target) < 0 ? error_errno(err, ERROR_INTERNAL, "make the link %s", path) : 0;
    }
    if (!needed && !file_exists(path))
        return 0;
    return mount_view(path, target, err);
}

static int show_programs(struct error *err)
{
    static const char *const programs[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    for (size_t i = 0; i < COUNT_OF(programs); i++)
        if (show(programs[i], i == 0, err) < 0)
            return -1;
    return 0;
}

static int show_binds(const struct boot *boot, struct error *err)
{
    for (size_t i = 0; i < boot->bind_count; i++) {
        cleanup(memory_free) char *from = memory_strdup(boot->binds[i]);
        char *to = strchr(from, ':');
        if (!to || to[1] != '/' || strstr(to, "/.."))
            return error_set(err, ERROR_INVALID, "%s is not of the form /from:/to", boot->binds[i]);
        *to++ = '\0';
        cleanup(memory_free) char *target = memory_format(NEW "%s", to);
        if (mount_view(from, target, err) < 0)
            return -1;
    }
    return 0;
}

static int write_etc(const char *name, const char *text, struct error *err)
{
    cleanup(memory_free) char *path = memory_format(NEW "/etc/%s", name);
    return file_write(path, text, strlen(text), 0644, err);
}

static int make_etc(const struct boot *boot, struct error *err)
{
    static const char *const shown[] = {
        "/etc/passwd",          "/etc/group",      "/etc/ssl",
        "/etc/ca-certificates", "/etc/containers", "/etc/alternatives",
        "/etc/ld.so.cache",     "/etc/ld.so.conf", "/etc/ld.so.conf.d",
        "/etc/iproute2",        "/etc/protocols",  "/etc/services",
        "/etc/subuid",          "/etc/subgid",     "/etc/login.defs",
        "/etc/gnutls",          "/etc/mime.types", "/etc/crypto-policies",
        "/etc/java-17-openjdk",
    };
    if (directory_make(NEW "/etc", 0755, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        if (show(shown[i], false, err) < 0)
            return -1;
    cleanup(buffer_free) struct buffer hosts = buffer_new(4096);
    cleanup(buffer_free) struct buffer names = buffer_new(4096);
    buffer_format(&hosts, "127.0.0.1 localhost\n::1 localhost\n::1 %s\n", boot->hostname);
    for (size_t i = 0; i < boot->resolver_count; i++)
        buffer_format(&names, "nameserver %s\n", boot->resolvers[i]);
    buffer_text(&names, "options timeout:2 attempts:2\n");
    cleanup(memory_free) char *hostname = memory_format("%s\n", boot->hostname);
    if (write_etc("hosts", buffer_string(&hosts), err) < 0 ||
        write_etc("resolv.conf", buffer_string(&names), err) < 0 ||
        write_etc("hostname", hostname, err) < 0 ||
        write_etc("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n", err) < 0)
        return -1;
    return symlink("/proc/self/mounts", NEW "/etc/mtab") < 0 ? error_errno(err, ERROR_INTERNAL, "link mtab")
                                                             : 0;
}

struct device {
    const char *path;
    mode_t mode;
    unsigned major, minor;
    bool optional;
};

/* Root of a user namespace may not make device nodes: there the machine sees the computer's. */
static int make_device(const struct device *device, struct error *err)
{
    const char *outside = device->path + strlen(NEW);
    if (mknod(device->path, S_IFCHR | device->mode, makedev(device->major, device->minor)) == 0)
        return chmod(device->path, device->mode) < 0
                   ? error_errno(err, ERROR_INTERNAL, "open up %s", device->path)
                   : 0;
    if (errno != EPERM)
        return error_errno(err, ERROR_INTERNAL, "make %s", device->path);
    if (device->optional && access(outside, R_OK | W_OK) < 0)
        return 0;
    cleanup(file_close) int place = open(device->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (place < 0 || mount(outside, device->path, NULL, MS_BIND, NULL) < 0)
        return error_errno(err, ERROR_INTERNAL, "show %s", device->path);
    return 0;
}

static int make_devices(struct error *err)
{
    static const struct device devices[] = {
        {NEW "/dev/null", 0666, 1, 3, false},    {NEW "/dev/zero", 0666, 1, 5, false},
        {NEW "/dev/full", 0666, 1, 7, false},    {NEW "/dev/random", 0666, 1, 8, false},
        {NEW "/dev/urandom", 0666, 1, 9, false}, {NEW "/dev/tty", 0666, 5, 0, false},
        {NEW "/dev/fuse", 0666, 10, 229, true},  {NEW "/dev/net/tun", 0666, 10, 200, true},
    };
    static const char *const links[][2] = {
        {"/proc/self/fd", NEW "/dev/fd"},       {"/proc/self/fd/0", NEW "/dev/stdin"},
        {"/proc/self/fd/1", NEW "/dev/stdout"}, {"/proc/self/fd/2", NEW "/dev/stderr"},
        {"pts/ptmx", NEW "/dev/ptmx"},
    };
    if (mount_new("tmpfs", NEW "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=1m", err) < 0 ||
        mount_new("tmpfs", NEW "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777,size=64m", err) < 0 ||
        mount_new("devpts", NEW "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620",
                  err) < 0 ||
        directory_make(NEW "/dev/net", 0755, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(devices); i++)
        if (make_device(&devices[i], err) < 0)
            return -1;
    for (size_t i = 0; i < COUNT_OF(links); i++)
        if (symlink(links[i][0], links[i][1]) < 0)
            return error_errno(err, ERROR_INTERNAL, "make %s", links[i][1]);
    return 0;
}

static int make_disks(const struct boot *boot, struct error *err)
{
    for (size_t i = 0; i < boot->disk_count; i++) {
        cleanup(memory_free) char *path = memory_format(NEW "/dev/%s", boot->disks[i].name);
        if (mknod(path, S_IFBLK | 0660, makedev(LOOP_MAJOR, (unsigned)boot->disks[i].minor_number)) < 0)
            return error_errno(err, ERROR_INTERNAL, "make %s", path);
    }
    return 0;
}

/* Nothing may cover a part of /proc, or the kernel refuses a container with users of its own a /proc of its
 * own. */
static int make_kernel_views(struct error *err)
{
    if (mount_new("proc", NEW "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err) < 0 ||
        mount_new("sysfs", NEW "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err) < 0)
        return -1;
    /* Container runtimes want a file system of its own there, even when told to leave cgroups alone. */
    if (mount_new("tmpfs", NEW "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=1m", err) <
        0)
        return -1;
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (mount_setattr(AT_FDCWD, NEW "/sys", 0, &read_only, sizeof read_only) < 0)
        return error_errno(err, ERROR_INTERNAL, "make /sys read-only");
    return 0;
}

static int bind_volume(const char *from, const char *to, mode_t mode, struct error *err)
{
    if (directory_make(from, mode, err) < 0 || directory_make(to, 0755, err) < 0)
        return -1;
    return mount(from, to, NULL, MS_BIND, NULL) < 0 ? error_errno(err, ERROR_INTERNAL, "mount %s", to) : 0;
}

#define VOLUME NEW "/mnt"

static int make_storage(const struct boot *boot, struct error *err)
{
    static const char *const directories[] = {"lib", "log", "tmp", "cache", "opt", "spool"};
    if (directory_make(VOLUME, 0755, err) < 0 ||
        (boot->volume.opened ? volume_show(&boot->volume, VOLUME, err)
                             : volume_mount(&boot->volume, NEW "/dev", VOLUME, err)) < 0 ||
        bind_volume(VOLUME "/data/var", NEW "/var", 0755, err) < 0 ||
        bind_volume(VOLUME "/data/home", NEW "/home", 0755, err) < 0 ||
        bind_volume(VOLUME "/data/root", NEW "/root", 0700, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        cleanup(memory_free) char *path = memory_format(NEW "/var/%s", directories[i]);
        if (directory_make(path, 0755, err) < 0)
            return -1;
    }
    chmod(NEW "/var/tmp", 01777);
    if (symlink("/run", NEW "/var/run") < 0 && errno != EEXIST)
        return error_errno(err, ERROR_INTERNAL, "link /var/run");
    return umount2(VOLUME, MNT_DETACH) < 0 ? error_errno(err, ERROR_INTERNAL, "unmount the volume's root")
                                           : 0;
}

static int make_empty(struct error *err)
{
    static const char *const empty[] = {NEW "/opt", NEW "/srv", NEW "/media", NEW "/boot"};
    for (size_t i = 0; i < COUNT_OF(empty); i++)
        if (directory_make(empty[i], 0755, err) < 0)
            return -1;
    if (mount_new("tmpfs", NEW "/run", MS_NOSUID | MS_NODEV, "mode=755,size=64m", err) < 0 ||
        mount_new("tmpfs", NEW "/tmp", MS_NOSUID | MS_NODEV, "mode=1777", err) < 0)
        return -1;
    return directory_make(NEW "/run/lock", 0755, err);
}

/* The old root and everything mounted in it goes: a machine must not hold on to other machines' mounts. */
static int enter(struct error *err)
{
    if (chdir(NEW) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return error_errno(err, ERROR_INTERNAL, "enter the machine's root");
    return 0;
}

int root_build(const struct boot *boot, struct error *err)
{
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return error_errno(err, ERROR_INTERNAL, "make mounts private");
    if (mount_new("tmpfs", NEW, MS_NOSUID | MS_NODEV, "mode=755,size=64m", err) < 0 ||
        show_programs(err) < 0 || make_etc(boot, err) < 0 || make_devices(err) < 0 ||
        make_disks(boot, err) < 0 || make_storage(boot, err) < 0 || make_empty(err) < 0 ||
        show_binds(boot, err) < 0 || make_kernel_views(err) < 0)
        return -1;
    return enter(err);
}
