/* What the plane needs of the computer, looked for before anything is made. */
#include "localaws/plane/parts.h"

#include "base/file.h"
#include "base/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int plane_check_machine(bool rootless, struct error *err)
{
    static const struct need {
        const char *path, *remedy;
        bool with_root; /* without it is done otherwise */
    } needs[] = {
        {"/proc/self/ns/net", "a kernel with network namespaces", false},
        {"/proc/sys/net/ipv6", "IPv6 must not be disabled in the kernel", false},
        {"/dev/net/tun", "load the kernel's module tun", true},
        {"/dev/loop-control", "load the kernel's module loop", true},
        {"/usr/sbin/mkfs.ext4", "install e2fsprogs", true},
    };
    if (geteuid() != 0)
        return error_set(err, ERROR_FORBIDDEN,
                         "networks and machines need root: run it with sudo, or with --rootless");
    for (size_t i = 0; i < COUNT_OF(needs); i++)
        if (!file_exists(needs[i].path) && !(rootless && needs[i].with_root))
            return error_set(err, ERROR_UNAVAILABLE, "%s is missing: %s", needs[i].path, needs[i].remedy);
    return 0;
}

char *plane_find_init(struct error *err)
{
    const char *told = getenv("LOCALAWS_INIT");
    char here[PATH_MAX] = "";
    if (readlink("/proc/self/exe", here, sizeof here - 1) > 0)
        *strrchr(here, '/') = '\0';
    char *path = told ? memory_strdup(told) : memory_format("%s/localaws-init", here);
    if (access(path, X_OK) == 0)
        return path;
    error_errno(err, ERROR_NOT_FOUND, "the machines' first process %s", path);
    free(path);
    return NULL;
}
