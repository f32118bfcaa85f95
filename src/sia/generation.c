#include "sia/generation.h"

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "sia/sia.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "generation-"

char *sia_certificate_path(struct arena *arena, const char *directory)
{
    return arena_format(arena, "%s/current/cert.pem", directory);
}

char *sia_key_path(struct arena *arena, const char *directory)
{
    return arena_format(arena, "%s/current/key.pem", directory);
}

char *sia_trust_path(struct arena *arena, const char *directory)
{
    return arena_format(arena, "%s/current/ca.pem", directory);
}

int generation_load(struct arena *arena, const char *directory, struct generation *generation,
                    struct error *err)
{
    *generation = (struct generation){0};
    cleanup(key_free) struct key *key = NULL;
    if (certificate_load(arena, sia_certificate_path(arena, directory), &generation->certificate, err) < 0 ||
        key_load(sia_key_path(arena, directory), &key, err) < 0)
        return -1;
    if (!text_equal(key_public_hash(arena, key), generation->certificate.public_key_hash))
        return error_set(err, ERROR_INVALID, "the key in %s is not its certificate's", directory);
    if (!file_exists(sia_trust_path(arena, directory)))
        return error_set(err, ERROR_NOT_FOUND, "%s has no ca.pem", directory);
    generation->key = take(&key);
    return 0;
}

static int sync_directory(const char *directory, struct error *err)
{
    cleanup(file_close) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "sync %s", directory);
    return 0;
}

/* The name of the generation `current` points to, or NULL. */
static char *current_name(struct arena *arena, const char *directory)
{
    char target[256];
    ssize_t length = readlink(arena_format(arena, "%s/current", directory), target, sizeof target);
    return length > 0 && (size_t)length < sizeof target ? arena_strndup(arena, target, (size_t)length) : NULL;
}

static int flip(struct arena *arena, const char *directory, const char *name, struct error *err)
{
    char *next = arena_format(arena, "%s/.next", directory),
         *current = arena_format(arena, "%s/current", directory);
    if (unlink(next) < 0 && errno != ENOENT)
        return error_errno(err, ERROR_UNAVAILABLE, "remove %s", next);
    if (sync_directory(directory, err) < 0)
        return -1;
    if (symlink(name, next) < 0 || rename(next, current) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make %s current in %s", name, directory);
    return sync_directory(directory, err);
}

static void remove_others(struct arena *arena, const char *directory, const char *name, const char *previous)
{
    DIR *stream = opendir(directory);
    if (!stream)
        return;
    for (struct dirent *entry; (entry = readdir(stream));)
        if (text_starts(entry->d_name, PREFIX) && !text_equal(entry->d_name, name) &&
            !text_equal(entry->d_name, previous))
            tree_remove(arena_format(arena, "%s/%s", directory, entry->d_name), NULL);
    closedir(stream);
}

int generation_save(const char *directory, const struct key *key, const char *certificate_pem,
                    const char *trust_pem, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *name = arena_format(arena, PREFIX "%s", random_hex(arena, 16));
    char *path = arena_format(arena, "%s/%s", directory, name);
    if (directory_make(path, 0700, err) < 0 ||
        key_save(key, arena_format(arena, "%s/key.pem", path), err) < 0 ||
        file_write(arena_format(arena, "%s/cert.pem", path), certificate_pem, strlen(certificate_pem), 0644,
                   err) < 0 ||
        file_write(arena_format(arena, "%s/ca.pem", path), trust_pem, strlen(trust_pem), 0644, err) < 0) {
        tree_remove(path, NULL);
        return -1;
    }
    char *previous = current_name(arena, directory);
    if (flip(arena, directory, name, err) < 0)
        return -1;
    remove_others(arena, directory, name, previous);
    return 0;
}
