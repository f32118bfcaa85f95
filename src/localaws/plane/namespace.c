#include "localaws/plane/namespace.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct call {
    int descriptor; /* 0: a new namespace */
    int (*function)(void *context, struct error *err);
    void *context;
    struct error *err;
    int result;
};

static void *call_thread(void *argument)
{
    struct call *call = argument;
    int entered = call->descriptor > 0 ? setns(call->descriptor, CLONE_NEWNET) : unshare(CLONE_NEWNET);
    if (entered < 0)
        call->result = error_errno(call->err, ERROR_INTERNAL, "enter a network namespace");
    else
        call->result = call->function(call->context, call->err);
    return NULL;
}

int namespace_call(int descriptor, int (*function)(void *context, struct error *err), void *context,
                   struct error *err)
{
    struct call call = {descriptor, function, context, err, 0};
    pthread_t thread;
    errno = pthread_create(&thread, NULL, call_thread, &call);
    if (errno)
        return error_errno(err, ERROR_INTERNAL, "start a thread for a network namespace");
    pthread_join(thread, NULL);
    return call.result;
}

/* As iproute2 does: a mount of its own, shared, so that removing a name here removes it in every mount
 * namespace. */
static int prepare_directory(struct error *err)
{
    if (directory_make(NAMESPACE_DIRECTORY, 0755, err) < 0)
        return -1;
    if (mount("", NAMESPACE_DIRECTORY, "none", MS_SHARED | MS_REC, NULL) == 0)
        return 0;
    if (errno != EINVAL ||
        mount(NAMESPACE_DIRECTORY, NAMESPACE_DIRECTORY, "none", MS_BIND | MS_REC, NULL) < 0 ||
        mount("", NAMESPACE_DIRECTORY, "none", MS_SHARED | MS_REC, NULL) < 0)
        return error_errno(err, ERROR_INTERNAL, "make %s a shared mount", NAMESPACE_DIRECTORY);
    return 0;
}

struct creation {
    const char *path;
    const struct namespace_setting *settings;
};

static int apply_setting(const struct namespace_setting *setting, struct error *err)
{
    char path[256];
    snprintf(path, sizeof path, "/proc/sys/net/%s", setting->path);
    cleanup(file_close) int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return error_errno(err, ERROR_INTERNAL, "open %s", path);
    return file_write_all(file, setting->value, strlen(setting->value), err);
}

static int apply_settings(void *context, struct error *err)
{
    for (const struct namespace_setting *setting = context; setting && setting->path; setting++)
        if (apply_setting(setting, err) < 0)
            return -1;
    return 0;
}

int namespace_set(int descriptor, const struct namespace_setting *settings, struct error *err)
{
    return namespace_call(descriptor, apply_settings, (void *)(uintptr_t)settings, err);
}

/* Runs on a thread that is in the new namespace: /proc/sys/net shows the namespace of whoever opens it. */
static int settle_in(void *context, struct error *err)
{
    struct creation *creation = context;
    if (apply_settings((void *)(uintptr_t)creation->settings, err) < 0)
        return -1;
    cleanup(file_close) int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (any < 0 || ioctl(any, SIOCSIFFLAGS, &loopback) < 0)
        return error_errno(err, ERROR_INTERNAL, "bring the loopback up");
    if (mount("/proc/thread-self/ns/net", creation->path, "none", MS_BIND, NULL) < 0)
        return error_errno(err, ERROR_INTERNAL, "mount the network namespace on %s", creation->path);
    return 0;
}

static void namespace_path(const char *name, char path[256])
{
    snprintf(path, 256, NAMESPACE_DIRECTORY "/%s", name);
}

int namespace_create(const char *name, const struct namespace_setting *settings, int *descriptor,
                     struct error *err)
{
    if (prepare_directory(err) < 0)
        return -1;
    namespace_remove(name);
    char path[256];
    namespace_path(name, path);
    cleanup(file_close) int place = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (place < 0)
        return error_errno(err, ERROR_INTERNAL, "make %s", path);
    struct creation creation = {path, settings};
    if (namespace_call(0, settle_in, &creation, err) < 0) {
        namespace_remove(name);
        return -1;
    }
    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    return *descriptor < 0 ? error_errno(err, ERROR_INTERNAL, "open %s", path) : 0;
}

void namespace_remove(const char *name)
{
    char path[256];
    namespace_path(name, path);
    umount2(path, MNT_DETACH);
    unlink(path);
}

void namespace_end_processes(const char *name)
{
    char path[256];
    namespace_path(name, path);
    struct stat wanted;
    DIR *processes = stat(path, &wanted) == 0 ? opendir("/proc") : NULL;
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        int pid = atoi(entry->d_name);
        struct stat its;
        snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
        if (pid > 1 && pid != getpid() && stat(path, &its) == 0 && its.st_ino == wanted.st_ino &&
            its.st_dev == wanted.st_dev)
            kill(pid, SIGKILL);
    }
    if (processes)
        closedir(processes);
}

static int run_ip(int descriptor, bool rules, const struct buffer *lines, struct error *err)
{
    if (!lines->length)
        return 0;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *const any[] = {"ip", "-force", "-batch", "-", NULL};
    const char *const six[] = {"ip", "-6", "-force", "-batch", "-", NULL};
    struct process ip = {
        .argv = rules ? six : any,
        .input = lines->data,
        .input_length = lines->length,
        .timeout_ms = 30000,
        .network_namespace = descriptor,
    };
    return process_run(&ip, arena, NULL, err);
}

/* In a batch the family of a rule is the command's; that of everything else is read from its addresses. A
 * rule that names no address is for both. */
int namespace_ip(int descriptor, const struct buffer *lines, struct error *err)
{
    cleanup(buffer_free) struct buffer rules = buffer_new(lines->maximum);
    cleanup(buffer_free) struct buffer others = buffer_new(lines->maximum);
    const char *line = buffer_string(lines);
    while (*line) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        bool rule = text_starts(line, "rule");
        if (rule && !memchr(line, '.', length))
            buffer_append(&rules, line, length);
        if (!rule || !memchr(line, ':', length))
            buffer_append(&others, line, length);
        line += length;
    }
    int failed = run_ip(descriptor, false, &others, err);
    return run_ip(descriptor, true, &rules, err) < 0 ? -1 : failed;
}

/* libnftables waits with select(), which ends the process when its socket's number is above 1023, as it is with a
 * thousand sockets open. So this thread, which ends with the call, gets a table of descriptors of its own. */
static int load_firewall(void *context, struct error *err)
{
    if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_UNSHARE) < 0)
        return error_errno(err, ERROR_INTERNAL, "leave other descriptors behind");
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return error_set(err, ERROR_INTERNAL, "nftables cannot be reached");
    nft_ctx_buffer_error(nft);
    int result = 0;
    if (nft_run_cmd_from_buffer(nft, context) != 0)
        result = error_set(err, ERROR_INTERNAL, "nftables refused: %.500s", nft_ctx_get_error_buffer(nft));
    nft_ctx_free(nft);
    return result;
}

int namespace_firewall(int descriptor, const char *commands, struct error *err)
{
    cleanup(memory_free) char *copy = memory_strdup(commands);
    return namespace_call(descriptor, load_firewall, copy, err);
}
