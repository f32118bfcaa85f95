/* localaws-init: the first process of a machine. It is started in namespaces of its own, builds the machine's
 * root, opens its volume and runs its program. Later programs that the plane runs in the machine are kept by
 * it, too (init_keep.c), and so are the machine's other disks (init_disk.c). */
#include "localaws/init/boot.h"

#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int set_up(const struct boot *boot, struct error *err)
{
    if (sethostname(boot->hostname, strlen(boot->hostname)) < 0)
        return error_errno(err, ERROR_INTERNAL, "set the host name %s", boot->hostname);
    if (root_build(boot, err) < 0)
        return -1;
    if (boot->volume.key)
        explicit_bzero(boot->volume.key, strlen(boot->volume.key)); /* the kernel has it now */
    return 0;
}

/* What it was started for besides booting a machine: `localaws-init keep PROGRAM ARGUMENTS`. */
static bool is_keeper(int argc, char **argv)
{
    return argc > 2 && (text_equal(argv[1], "keep") || text_equal(argv[1], "keep-terminal"));
}

int main(int argc, char **argv)
{
    if (is_keeper(argc, argv))
        return program_keep(argv + 2, text_equal(argv[1], "keep-terminal"));
    fcntl(BOOT_REPORT, F_SETFD, FD_CLOEXEC);
    if (argc > 1 && text_equal(argv[1], "disk"))
        return disk_serve(BOOT_REPORT);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct boot boot = {0};
    struct error err = {0};
    if (boot_read(&boot_record, arena, &boot, &err) < 0 || set_up(&boot, &err) < 0) {
        fprintf(stderr, "machine cannot start: %s\n", err.message);
        dprintf(BOOT_REPORT, "failed: %s\n", err.message);
        return 1;
    }
    return program_run(&boot, BOOT_REPORT);
}
