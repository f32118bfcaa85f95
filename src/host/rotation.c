#include "host/rotation.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MOST = 10000, NAMES_TRIED = 1000 };

bool log_name_is_valid(const char *name)
{
    return !text_empty(name) && strlen(name) <= LOG_NAME_LONGEST && name[0] != '.' && name[0] != '-' &&
           text_only(name, "A-Za-z0-9._-");
}

bool log_name_is_live(const char *name)
{
    return text_ends(name, ".log");
}

static int64_t milliseconds(struct statx_timestamp time)
{
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* False for what is not a file of its writer's: links, pipes, and names that are links to files elsewhere. */
static bool look_at(int directory, const char *name, struct log_file *file)
{
    struct statx status;
    if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &status) < 0 ||
        !S_ISREG(status.stx_mode) || status.stx_nlink != 1)
        return false;
    *file = (struct log_file){
        .live = log_name_is_live(name),
        .size = status.stx_size,
        .modified_ms = milliseconds(status.stx_mtime),
        .changed_ms = milliseconds(status.stx_ctime),
        .begun_ms = status.stx_mask & STATX_BTIME ? milliseconds(status.stx_btime) : 0,
    };
    return true;
}

static int by_age(const void *left, const void *right)
{
    const struct log_file *a = left, *b = right;
    if (a->modified_ms != b->modified_ms)
        return a->modified_ms < b->modified_ms ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void close_directory(DIR **stream)
{
    if (*stream)
        closedir(*stream);
}

int log_directory_list(struct arena *arena, int directory, struct log_file **files, size_t *count,
                       struct error *err)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(close_directory) DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    if (!stream) {
        error_errno(err, ERROR_UNAVAILABLE, "read a log directory");
        file_close(&copy);
        return -1;
    }
    struct log_file *found = NULL;
    size_t room = 0;
    *count = 0;
    for (struct dirent *entry; *count < FILES_MOST && (entry = readdir(stream));) {
        struct log_file file;
        if (!log_name_is_valid(entry->d_name) || !look_at(directory, entry->d_name, &file))
            continue;
        if (*count == room) {
            struct log_file *more = arena_alloc(arena, (room * 2 + 16) * sizeof *more);
            if (room)
                memcpy(more, found, room * sizeof *more);
            found = more;
            room = room * 2 + 16;
        }
        file.name = arena_strdup(arena, entry->d_name);
        found[(*count)++] = file;
    }
    if (*count)
        qsort(found, *count, sizeof *found, by_age);
    *files = found;
    return 0;
}

bool log_is_due(const struct log_file *file, const struct rotation *rotation, int64_t now_ms)
{
    if (!file->live || file->size == 0)
        return false;
    return rotation->everything || file->size >= (uint64_t)rotation->rotate_bytes ||
           (file->begun_ms && now_ms - file->begun_ms >= rotation->rotate_ms);
}

char *log_rotated_name(struct arena *arena, const char *name, int64_t now_ms)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char stamp[32];
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%d.%H-%M-%S", &utc);
    return arena_format(arena, "%s-%s", name, stamp);
}

int log_rotate(struct arena *arena, int directory, const char *name, int64_t now_ms,
               bool (*taken)(void *context, const char *rotated), void *context, struct error *err)
{
    for (int i = 0; i < NAMES_TRIED; i++) { /* seconds can be short: the next free one is taken */
        const char *rotated = log_rotated_name(arena, name, now_ms + i * 1000);
        if (taken && taken(context, rotated))
            continue;
        if (renameat2(directory, name, directory, rotated, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST)
            return error_errno(err, ERROR_UNAVAILABLE, "rotate %s", name);
    }
    return error_set(err, ERROR_UNAVAILABLE, "rotate %s: every name is taken", name);
}
