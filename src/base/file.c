#include "base/file.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool file_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

int file_read(struct arena *arena, const char *path, size_t maximum, char **text, size_t *length, struct error *err)
{
    cleanup(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, "open %s", path);
    size_t used = 0, room = 4096;
    char *bytes = memory_alloc(room + 1);
    for (;;) {
        if (used == room)
            bytes = memory_resize(bytes, (room *= 2) + 1, 1);
        ssize_t got = read(fd, bytes + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return error_errno(err, ERROR_UNAVAILABLE, "read %s", path);
        }
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > maximum) {
            free(bytes);
            return error_set(err, ERROR_INVALID, "%s is larger than %zu bytes", path, maximum);
        }
    }
    bytes[used] = '\0';
    arena_defer(arena, free, bytes);
    *text = bytes;
    if (length)
        *length = used;
    return 0;
}

int file_write_all(int fd, const void *bytes, size_t length, struct error *err)
{
    const char *from = bytes;
    while (length) {
        ssize_t put = write(fd, from, length);
        if (put < 0 && errno != EINTR)
            return error_errno(err, ERROR_UNAVAILABLE, "write");
        if (put > 0) {
            from += put;
            length -= (size_t)put;
        }
    }
    return 0;
}

static int sync_directory(const char *path, struct error *err)
{
    cleanup(memory_free) char *copy = memory_strdup(path);
    const char *directory = dirname(copy);
    cleanup(file_close) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "sync %s", directory);
    return 0;
}

static int write_synced(int fd, const char *path, const void *bytes, size_t length, mode_t mode, struct error *err)
{
    if (file_write_all(fd, bytes, length, err) < 0)
        return error_context(err, "%s", path);
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "sync %s", path);
    return 0;
}

int file_write(const char *path, const void *bytes, size_t length, mode_t mode, struct error *err)
{
    cleanup(memory_free) char *temporary = memory_format("%s.XXXXXX", path);
    cleanup(file_close) int fd = mkostemp(temporary, O_CLOEXEC); /* made 0600: no moment of wider access */
    if (fd < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "create %s", temporary);
    if (write_synced(fd, temporary, bytes, length, mode, err) < 0) {
        unlink(temporary);
        return -1;
    }
    if (rename(temporary, path) < 0) {
        error_errno(err, ERROR_UNAVAILABLE, "rename %s to %s", temporary, path);
        unlink(temporary);
        return -1;
    }
    return sync_directory(path, err);
}

int directory_make(const char *path, mode_t mode, struct error *err)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return error_errno(err, ERROR_UNAVAILABLE, "make directory %s", path);
    cleanup(memory_free) char *copy = memory_strdup(path);
    if (directory_make(dirname(copy), mode, err) < 0)
        return -1;
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return error_errno(err, ERROR_UNAVAILABLE, "make directory %s", path);
    return 0;
}

static int remove_entries(int directory_fd, dev_t device, const char *path, struct error *err)
{
    DIR *entries = fdopendir(directory_fd);
    if (!entries) {
        close(directory_fd);
        return error_errno(err, ERROR_UNAVAILABLE, "list %s", path);
    }
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(entries));) {
        if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
            continue;
        struct stat status;
        int fd = dirfd(entries);
        cleanup(memory_free) char *child = memory_format("%s/%s", path, entry->d_name);
        if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(status.st_mode) && status.st_dev != device)
            result = error_set(err, ERROR_CONFLICT, "%s is a mount point; unmount it first", child);
        else if (S_ISDIR(status.st_mode)) {
            int inner = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            result = inner < 0 ? error_errno(err, ERROR_UNAVAILABLE, "open %s", child)
                               : remove_entries(inner, device, child, err);
        }
        if (result == 0 && unlinkat(fd, entry->d_name, S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) < 0 &&
            errno != ENOENT)
            result = error_errno(err, ERROR_UNAVAILABLE, "remove %s", child);
    }
    closedir(entries);
    return result;
}

int tree_remove(const char *path, struct error *err)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : error_errno(err, ERROR_UNAVAILABLE, "look at %s", path);
    if (S_ISDIR(status.st_mode)) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return error_errno(err, ERROR_UNAVAILABLE, "open %s", path);
        if (remove_entries(fd, status.st_dev, path, err) < 0)
            return -1;
    }
    if (remove(path) < 0 && errno != ENOENT)
        return error_errno(err, ERROR_UNAVAILABLE, "remove %s", path);
    return 0;
}

int file_lock(const char *path, int *fd, struct error *err)
{
    int made = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (made < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open %s", path);
    if (flock(made, LOCK_EX | LOCK_NB) < 0) {
        int reason = errno;
        close(made);
        errno = reason;
        return reason == EWOULDBLOCK ? error_set(err, ERROR_CONFLICT, "%s is locked by another process", path)
                                     : error_errno(err, ERROR_UNAVAILABLE, "lock %s", path);
    }
    *fd = made;
    return 0;
}
