/* Files: bounded reads, atomic writes (temporary file, fsync, rename, fsync of the directory), trees. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <sys/types.h>

void file_close(int *fd); /* for cleanup(); -1 is nothing */

/* The whole file, NUL-terminated, in the arena; larger than `maximum` is ERROR_INVALID, absent ERROR_NOT_FOUND. */
int file_read(struct arena *arena, const char *path, size_t maximum, char **text, size_t *length,
              struct error *err);
/* After a crash the file holds the old bytes or the new, never a mixture. */
int file_write(const char *path, const void *bytes, size_t length, mode_t mode, struct error *err);
bool file_exists(const char *path);
int directory_make(const char *path, mode_t mode, struct error *err); /* with parents; existing is fine */
/* Removes a file or a tree, not following links or crossing into other mounts. Absent is fine. */
int tree_remove(const char *path, struct error *err);
int file_write_all(int fd, const void *bytes, size_t length, struct error *err);
/* An exclusive lock on `path` (made if absent) held until the descriptor is closed; ERROR_CONFLICT when taken. */
int file_lock(const char *path, int *fd, struct error *err);

#endif
