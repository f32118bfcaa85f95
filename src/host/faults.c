#include "host/faults.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 4 * 1000 }; /* sooner than the regular report asks */

/* What no try of ours mends is hard: the kernel makes a filesystem read-only when it has found it damaged. */
static const struct {
    int error;
    const char *report, *type, *what;
} known[] = {
    {EROFS, "disk", "HARD_FAIL", "is read-only"},
    {EIO, "disk", "HARD_FAIL", "cannot be written: its device fails"},
    {ENXIO, "disk", "HARD_FAIL", "cannot be written: its device is gone"},
    {ENOSPC, "disk-full", "SOFT_FAIL", "is full"},
    {EDQUOT, "disk-full", "SOFT_FAIL", "is full"},
};

json_t *faults_said(const struct faults *faults, const char *directory)
{
    json_t *reports = json_object();
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (faults->error == known[i].error)
            json_object_set_new(reports, known[i].report,
                                json_pack("{s:s,s:o,s:I}", "type", known[i].type, "description",
                                          json_sprintf("the filesystem of %s %s", directory, known[i].what),
                                          "createdMillis", (json_int_t)faults->since_ms));
    return reports;
}

/* Through to the device: what only reaches the cache says nothing of it. */
static int try_to_write(struct arena *arena, const char *directory)
{
    const char *path = arena_format(arena, "%s/disk-probe", directory);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    int error = write(file, "x", 1) != 1 || fsync(file) < 0 ? errno : 0;
    close(file);
    return error;
}

static void drop(void *reports)
{
    json_decref(reports);
}

json_t *faults_look(struct faults *faults, struct arena *arena, const char *directory)
{
    int64_t now = clock_monotonic_ms();
    if (!faults->looked_ms || now - faults->looked_ms >= LOOK_EVERY_MS) {
        int error = try_to_write(arena, directory);
        faults->looked_ms = now;
        if (error && error != faults->error)
            log_error("disk", "directory", directory, "error", strerror(error), NULL);
        if (error != faults->error)
            faults->since_ms = clock_now_ms();
        faults->error = error;
    }
    json_t *reports = faults_said(faults, directory);
    arena_defer(arena, drop, reports);
    return reports;
}
