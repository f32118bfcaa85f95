/* localaws-init: the first process of a machine. It is started in namespaces of its own, builds the machine's
 * root, opens its volume and runs its program. Later programs that the plane runs in the machine are kept by
 * it, too (init_keep.c). */
#include "localaws/init/boot.h"

#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int read_boot(struct arena *arena, struct boot *boot, struct error *err)
{
    char *text = arena_alloc(arena, BOOT_LARGEST);
    size_t length = 0;
    for (ssize_t got; length < BOOT_LARGEST && (got = read(0, text + length, BOOT_LARGEST - length)) > 0;)
        length += (size_t)got;
    int result = record_parse(&boot_record, arena, text, length, boot, err);
    explicit_bzero(text, length);
    cleanup(file_close) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    return dup2(nothing, 0) < 0 ? error_errno(err, ERROR_INTERNAL, "close the boot record") : result;
}

static int set_up(const struct boot *boot, struct error *err)
{
    if (sethostname(boot->hostname, strlen(boot->hostname)) < 0)
        return error_errno(err, ERROR_INTERNAL, "set the host name %s", boot->hostname);
    if (root_build(boot, err) < 0)
        return -1;
    if (boot->volume_key)
        explicit_bzero(boot->volume_key, strlen(boot->volume_key)); /* the kernel has it now */
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
    cleanup(arena_free) struct arena *arena = arena_new();
    struct boot boot = {0};
    struct error err = {0};
    fcntl(BOOT_REPORT, F_SETFD, FD_CLOEXEC);
    if (read_boot(arena, &boot, &err) < 0 || set_up(&boot, &err) < 0) {
        fprintf(stderr, "machine cannot start: %s\n", err.message);
        dprintf(BOOT_REPORT, "failed: %s\n", err.message);
        return 1;
    }
    return program_run(&boot, BOOT_REPORT);
}
