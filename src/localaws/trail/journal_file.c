#include "localaws/trail/journal_file.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "localaws/trail/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY_MS = 24 * 3600 * 1000 };
#define SUFFIX ".jsonl"

void journal_file_close(struct journal_file *file)
{
    file_close(&file->fd);
    file->fd = -1;
}

static int is_journal_file(const struct dirent *entry)
{
    return text_ends(entry->d_name, SUFFIX);
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

char **journal_file_list(struct arena *arena, const char *directory, const char *account)
{
    char *folder = arena_format(arena, "%s/%s", directory, account);
    struct dirent **found = NULL;
    int count = scandir(folder, &found, is_journal_file, newest_first);
    char **paths = arena_alloc(arena, ((size_t)(count < 0 ? 0 : count) + 1) * sizeof *paths);
    for (int i = 0; i < count; i++) {
        paths[i] = arena_format(arena, "%s/%s", folder, found[i]->d_name);
        free(found[i]);
    }
    free(found);
    return paths;
}

/* The newest stays, whatever its size. */
static void remove_old(const char *directory, const char *account, int64_t keep_bytes)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **paths = journal_file_list(arena, directory, account);
    const char *oldest = clock_rfc3339_ms(arena, clock_now_ms() - (int64_t)JOURNAL_DAYS * DAY_MS);
    int64_t sum = JOURNAL_FILE_BYTES; /* the one that is begun will have as much */
    for (size_t i = 0; paths[i]; i++) {
        struct stat status;
        sum += i && stat(paths[i], &status) == 0 ? status.st_size : 0;
        if (i && (sum > keep_bytes || strcmp(strrchr(paths[i], '/') + 1, oldest) < 0))
            unlink(paths[i]);
    }
}

static int begin(struct journal_file *file, const char *directory, const char *account, int64_t keep_bytes,
                 struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *folder = arena_format(arena, "%s/%s", directory, account);
    if (directory_make(folder, 0700, err) < 0)
        return -1;
    int64_t now_ms = clock_now_ms();
    journal_file_close(file);
    do { /* names never repeat */
        snprintf(file->name, sizeof file->name, "%s" SUFFIX, clock_rfc3339_ms(arena, now_ms));
        char *path = arena_format(arena, "%s/%s", folder, file->name);
        file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (file->fd < 0 && errno != EEXIST)
            return error_errno(err, ERROR_UNAVAILABLE, "%s", path);
    } while (file->fd < 0 && now_ms++);
    file->bytes = 0;
    file->day = now_ms / DAY_MS;
    remove_old(directory, account, keep_bytes);
    return 0;
}

int journal_file_write(struct journal_file *file, const char *directory, const char *account,
                       const char *lines, size_t length, int64_t keep_bytes, struct error *err)
{
    bool whole = file->bytes >= JOURNAL_FILE_BYTES || file->day != clock_now_ms() / DAY_MS;
    if ((file->fd < 0 || whole) && begin(file, directory, account, keep_bytes, err) < 0)
        return -1;
    file->bytes += (int64_t)length;
    if (file_write_all(file->fd, lines, length, err) == 0)
        return 0;
    journal_file_close(file); /* a line may be torn: the next begin a file of their own */
    return -1;
}
