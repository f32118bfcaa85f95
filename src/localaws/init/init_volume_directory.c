/* The volume where there is no root: a directory that the region has opened (plane/vault.c), and decrypts as
 * the machine reads it. */
#include "localaws/init/boot.h"

#include "base/file.h"
#include "base/memory.h"

#include <sys/mount.h>

int volume_show(const struct volume_file *volume, const char *place, struct error *err)
{
    if (mount(volume->path, place, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, place, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV, NULL) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "show the volume %s", volume->path);
    cleanup(memory_free) char *data = memory_format("%s/data", place);
    return directory_make(data, 0755, err);
}
