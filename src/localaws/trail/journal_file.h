/* One account's files of the trail: the one being written, and which are kept (journal.h says how). */
#ifndef LOCALAWS_JOURNAL_FILE_H
#define LOCALAWS_JOURNAL_FILE_H

#include "base/error.h"
#include "base/memory.h"

#include <stddef.h>
#include <stdint.h>

/* The file being written; begin with .fd = -1. */
struct journal_file {
    int fd;
    int64_t bytes, day; /* written so far; days since the epoch */
    char name[40];
};

/* Appends lines, in a new file when it is time for one; then what is too old or too much goes. */
int journal_file_write(struct journal_file *file, const char *directory, const char *account,
                       const char *lines, size_t length, int64_t keep_bytes, struct error *err);
void journal_file_close(struct journal_file *file);

/* Paths, newest first, NULL-terminated, in the arena. */
char **journal_file_list(struct arena *arena, const char *directory, const char *account);

#endif
