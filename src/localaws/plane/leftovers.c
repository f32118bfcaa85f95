/* What an earlier plane of the same label left when it was killed: its machines die with it by themselves,
 * its namespaces and links do not. Everything is found by name or by where it lives, so no list has to be
 * kept. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A loop device that still holds one of our images: detached as soon as whoever mounted it is gone. */
static void release_loop(const char *device, const char *directory)
{
    char path[300], backing[4200] = "";
    snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file", device);
    cleanup(file_close) int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, backing, sizeof backing - 1) <= 0 || !text_starts(backing, directory) ||
        backing[strlen(directory)] != '/')
        return;
    snprintf(path, sizeof path, "/dev/%s", device);
    cleanup(file_close) int loop = open(path, O_RDWR | O_CLOEXEC);
    if (loop >= 0 && ioctl(loop, LOOP_CLR_FD) == 0)
        log_warning("left loop device released", "device", device, NULL);
}

static void for_each_entry(const char *path, const char *prefix,
                           void (*function)(const char *name, const char *context), const char *context)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (text_starts(entry->d_name, prefix))
            function(entry->d_name, context);
    if (entries)
        closedir(entries);
}

static void end_namespace(const char *name, const char *unused)
{
    (void)unused;
    log_warning("left namespace removed", "namespace", name, NULL);
    namespace_end_processes(name);
    namespace_remove(name);
}

void leftovers_remove(const char *directory, const char *label)
{
    cleanup(memory_free) char *prefix = memory_format("%s-", label);
    for_each_entry(NAMESPACE_DIRECTORY, prefix, end_namespace, NULL);
    for_each_entry("/sys/block", "loop", release_loop, directory);
}
