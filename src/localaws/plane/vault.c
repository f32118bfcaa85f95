/* Root volumes without root: no loop device and no fscrypt, so a volume is a directory. An encrypted one
 * holds what gocryptfs makes of the machine's files, and is open through FUSE while its machine runs.
 * gocryptfs is a process beside the machine, not in it: the key is where no program of the machine can look.
 */
#include "localaws/plane/parts.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "localaws/init/boot.h"

#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOCRYPTFS "/usr/bin/gocryptfs"
enum { OPEN_MS = 15000, CLOSE_MS = 2000, LOOK_MS = 5 };

static int check_means(struct error *err)
{
    if (access(GOCRYPTFS, X_OK) < 0)
        return error_set(
            err, ERROR_UNAVAILABLE,
            "the volume is encrypted, which without root needs gocryptfs: install it (and fuse3)");
    if (access("/dev/fuse", R_OK | W_OK) < 0)
        return error_set(
            err, ERROR_UNAVAILABLE,
            "the volume is encrypted, which without root needs /dev/fuse: load the kernel's module fuse, "
            "and let every user read and write it (chmod 0666, Debian's default)");
    return 0;
}

/* An encrypted volume is never opened as a plain one, nor a plain one taken for encrypted. */
static int check_kind(const char *path, bool encrypted, struct error *err)
{
    struct stat status;
    cleanup(memory_free) char *settings = memory_format("%s/gocryptfs.conf", path);
    if (lstat(path, &status) < 0)
        return 0;
    if (!S_ISDIR(status.st_mode))
        return error_set(err, ERROR_CONFLICT,
                         "the volume %s is an image file: only a region with root can open it", path);
    if (file_exists(settings) != encrypted)
        return error_set(err, ERROR_FORBIDDEN, "the volume is %s",
                         encrypted ? "not encrypted, and there is a key for it"
                                   : "encrypted, and there is no key for it");
    return 0;
}

/* The password is a key of 256 bits, so making it slow to guess (scrypt) is for nothing. */
static int make_encrypted(const char *path, const char *key, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(memory_free) char *unfinished = memory_format("%s.new", path);
    struct process init = {
        .argv = (const char *const[]){GOCRYPTFS, "-init", "-q", "-scryptn", "10", unfinished, NULL},
        .input = key,
        .input_length = strlen(key),
        .timeout_ms = OPEN_MS};
    if (tree_remove(unfinished, err) < 0 || directory_make(unfinished, 0700, err) < 0 ||
        process_run(&init, arena, NULL, err) < 0)
        return error_context(err, "make the volume %s", path);
    return rename(unfinished, path) < 0 ? error_errno(err, ERROR_UNAVAILABLE, "name the volume %s", path) : 0;
}

static bool has_ended(int handle, int milliseconds)
{
    struct pollfd one = {.fd = handle, .events = POLLIN};
    return poll(&one, 1, milliseconds) > 0;
}

static int await_mount(const struct vault *vault, int said, struct error *err)
{
    for (int64_t until = clock_monotonic_ms() + OPEN_MS; clock_monotonic_ms() < until;) {
        struct statfs system;
        if (statfs(vault->place, &system) == 0 && system.f_type == FUSE_SUPER_MAGIC)
            return 0;
        if (has_ended(vault->handle, LOOK_MS)) {
            char text[400] = "";
            ssize_t got = pread(said, text, sizeof text - 1, 0);
            text[got > 0 ? strcspn(text, "\n") : 0] = '\0';
            return error_set(err, ERROR_FORBIDDEN, "the volume could not be opened: gocryptfs said: %s",
                             text);
        }
    }
    return error_set(err, ERROR_UNAVAILABLE, "the volume could not be opened in %d s", OPEN_MS / 1000);
}

static int open_encrypted(struct vault *vault, const char *path, const char *key, struct error *err)
{
    char *const arguments[] = {(char *)"gocryptfs", (char *)"-fg", (char *)"-q",
                               (char *)path,        vault->place,  NULL};
    cleanup(file_close) int told = spawn_told(key, err);
    cleanup(file_close) int said = spawn_told("", err);
    if (told < 0 || said < 0 || directory_make(vault->place, 0700, err) < 0)
        return -1;
    const struct spawn spawn = {
        .init = GOCRYPTFS, .arguments = arguments, .told = told, .output = said, .report = said};
    if (init_spawn(&spawn, &vault->pid, &vault->handle, err) < 0)
        return -1;
    return await_mount(vault, said, err);
}

int vault_open(struct machine *machine, const char *path, struct error *err)
{
    struct vault *vault = &machine->vault;
    const unsigned char *bytes = machine->wanted->volume_key;
    vault_close(vault);
    if (check_kind(path, bytes, err) < 0)
        return -1;
    vault->place = bytes ? memory_format("/run/localaws/%s", machine->wanted->id) : memory_strdup(path);
    if (!bytes)
        return directory_make(path, 0700, err);
    cleanup(arena_free) struct arena *arena = arena_new();
    char *key = base64_encode(arena, bytes, VOLUME_KEY_BYTES);
    int result = check_means(err);
    if (result == 0 && !file_exists(path))
        result = make_encrypted(path, key, err);
    if (result == 0)
        result = open_encrypted(vault, path, key, err);
    explicit_bzero(key, strlen(key));
    return result;
}

/* gocryptfs ends when nobody has the file system mounted any more. */
void vault_close(struct vault *vault)
{
    if (vault->pid) {
        umount2(vault->place, MNT_DETACH);
        if (!has_ended(vault->handle, CLOSE_MS))
            syscall(SYS_pidfd_send_signal, vault->handle, SIGKILL, NULL, 0);
        waitpid(vault->pid, NULL, 0);
        close(vault->handle);
        rmdir(vault->place);
    }
    free(vault->place);
    *vault = (struct vault){0};
}
