/* Rotation: a live log "vespa.log" is renamed to "vespa.log-2026-01-02.03-04-05"; its writer notices at its
 * next line that the file is no longer there under its name and opens a new one. Names in a log directory are
 * the container's: only those in our grammar are looked at. */
#ifndef HOST_ROTATION_H
#define HOST_ROTATION_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOG_NAME_LONGEST = 200 };

struct log_file {
    const char *name;
    bool live; /* ends in ".log": its writer has it open */
    uint64_t size;
    int64_t modified_ms; /* last line */
    int64_t changed_ms;  /* last line or renaming */
    int64_t begun_ms;    /* when the file was made; 0 where the file system does not tell */
};

bool log_name_is_valid(const char *name);
bool log_name_is_live(const char *name);

/* Regular files with names in our grammar, oldest change first. `directory` is a descriptor. */
int log_directory_list(struct arena *arena, int directory, struct log_file **files, size_t *count,
                       struct error *err);

struct rotation {
    int64_t rotate_ms, rotate_bytes;
    bool everything; /* the writer is gone */
};
bool log_is_due(const struct log_file *file, const struct rotation *rotation, int64_t now_ms);

/* "vespa.log" at a time -> "vespa.log-2026-01-02.03-04-05". */
char *log_rotated_name(struct arena *arena, const char *name, int64_t now_ms);

/* Renames a live log to a name that neither the directory nor `taken` has. */
int log_rotate(struct arena *arena, int directory, const char *name, int64_t now_ms,
               bool (*taken)(void *context, const char *rotated), void *context, struct error *err);

#endif
