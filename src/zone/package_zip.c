/* The zip around an application package: read with suspicion, written the same from the same files. */
#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"
#include "zone/package_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LONGEST = 512, READ_PIECE = 65536 };

static void reader_free(struct archive **reader)
{
    if (*reader)
        archive_read_free(*reader);
    *reader = NULL;
}

static void writer_free(struct archive **writer)
{
    if (*writer)
        archive_write_free(*writer);
    *writer = NULL;
}

static bool has_control_or_backslash(const char *path)
{
    for (; *path; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f || *path == '\\')
            return true;
    return false;
}

static bool is_normal(const char *path)
{
    for (const char *part = path;;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length <= 2 && memcmp(part, "..", length) == 0))
            return false;
        if (!part[length])
            return true;
        part += length + 1;
    }
}

/* Relative, normal, printable: what may become a path on a host some day. */
static int check_path(const char *path, struct error *err)
{
    if (text_empty(path) || strlen(path) > PATH_LONGEST || !text_utf8(path, strlen(path)))
        return package_refuse(
            err, "the zip holds a file whose name is empty, longer than %d bytes or not UTF-8", PATH_LONGEST);
    if (has_control_or_backslash(path))
        return package_refuse(err, "the zip holds a file whose name has a control character or a backslash");
    if (path[0] == '/')
        return package_refuse(err, "%s: an absolute path; every path in the package must be relative", path);
    if (!is_normal(path))
        return package_refuse(
            err, "%s: a path with '.', '..' or an empty part; files must lie in the package", path);
    return 0;
}

/* The entry's content; what its header says of its size is not believed. */
static int read_content(struct arena *arena, struct archive *reader, struct package_file *file,
                        size_t *unpacked, struct error *err)
{
    cleanup(buffer_free) struct buffer content = buffer_new(PACKAGE_LARGEST_UNPACKED);
    char piece[READ_PIECE];
    for (;;) {
        la_ssize_t got = archive_read_data(reader, piece, sizeof piece);
        if (got < 0)
            return package_refuse(err, "%s: the zip is damaged or encrypted here: %s", file->path,
                                  archive_error_string(reader) ? archive_error_string(reader) : "unreadable");
        if (got == 0)
            break;
        *unpacked += (size_t)got;
        if (*unpacked > PACKAGE_LARGEST_UNPACKED)
            return package_refuse(err, "%s: the package unpacks to more than %d MiB", file->path,
                                  PACKAGE_LARGEST_UNPACKED >> 20);
        buffer_append(&content, piece, (size_t)got);
    }
    file->length = content.length;
    file->bytes = arena_strndup(arena, buffer_string(&content), content.length);
    return 0;
}

static int read_entry(struct arena *arena, struct archive *reader, struct archive_entry *entry,
                      struct application_package *package, size_t *unpacked, struct error *err)
{
    const char *name = archive_entry_pathname_utf8(entry);
    size_t length = name ? strlen(name) : 0;
    bool directory = archive_entry_filetype(entry) == AE_IFDIR;
    if (directory && length > 0 && name[length - 1] == '/')
        length--;
    const char *path = arena_strndup(arena, name ? name : "", length);
    if (check_path(path, err) < 0)
        return -1;
    if (archive_entry_symlink(entry) || archive_entry_hardlink(entry))
        return package_refuse(err, "%s: a link; put the file itself in the package", path);
    if (directory)
        return 0;
    if (archive_entry_filetype(entry) != AE_IFREG)
        return package_refuse(err, "%s: not a regular file", path);
    if (archive_entry_is_encrypted(entry))
        return package_refuse(err, "%s: encrypted; the package must not be", path);
    struct package_file *file = &package->files[package->file_count++];
    file->path = path;
    return read_content(arena, reader, file, unpacked, err);
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct package_file *)a)->path, ((const struct package_file *)b)->path);
}

/* Sorts, and refuses what a file system could not hold: a path twice, or a file that is also a directory. */
static int sort_files(struct arena *arena, struct application_package *package, struct error *err)
{
    qsort(package->files, package->file_count, sizeof *package->files, compare_files);
    for (size_t i = 0; i < package->file_count; i++) {
        const char *path = package->files[i].path;
        if (i > 0 && text_equal(path, package->files[i - 1].path))
            return package_refuse(err, "%s: twice in the package", path);
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
            const char *parent = arena_strndup(arena, path, (size_t)(slash - path));
            if (application_package_file(package, parent))
                return package_refuse(err, "%s: both a file and a directory in the package", parent);
        }
    }
    return 0;
}

static int open_zip(const void *zip, size_t length, struct archive *reader, struct error *err)
{
    bool is_zip = length >= 4 && (memcmp(zip, "PK\3\4", 4) == 0 || memcmp(zip, "PK\5\6", 4) == 0);
    if (!is_zip)
        return package_refuse(err, "the application package is not a zip file");
    archive_read_support_format_zip_seekable(reader);
    archive_read_set_option(reader, "zip", "hdrcharset", "UTF-8");
    if (archive_read_open_memory(reader, zip, length) != ARCHIVE_OK)
        return package_refuse(err, "the application package cannot be read as a zip file: %s",
                              archive_error_string(reader));
    return 0;
}

int package_unzip(struct arena *arena, const void *zip, size_t length, struct application_package *package,
                  struct error *err)
{
    if (length > PACKAGE_LARGEST)
        return package_refuse(err, "the application package is larger than %d MiB", PACKAGE_LARGEST >> 20);
    cleanup(reader_free) struct archive *reader = archive_read_new();
    if (open_zip(zip, length, reader, err) < 0)
        return -1;
    cleanup(memory_free) struct package_file *files = memory_array(PACKAGE_MOST_FILES, sizeof *files);
    package->files = files;
    size_t unpacked = 0, entries = 0;
    for (struct archive_entry *entry;;) {
        int result = archive_read_next_header(reader, &entry);
        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return package_refuse(err, "the application package cannot be read as a zip file: %s",
                                  archive_error_string(reader) ? archive_error_string(reader) : "damaged");
        if (++entries > PACKAGE_MOST_FILES)
            return package_refuse(err, "the package holds more than %d files", PACKAGE_MOST_FILES);
        if (read_entry(arena, reader, entry, package, &unpacked, err) < 0)
            return -1;
    }
    package->files = arena_alloc(arena, package->file_count * sizeof *package->files);
    memcpy(package->files, files, package->file_count * sizeof *package->files);
    return sort_files(arena, package, err);
}

static la_ssize_t append_bytes(struct archive *writer, void *context, const void *bytes, size_t length)
{
    struct buffer *zip = context;
    buffer_append(zip, bytes, length);
    if (zip->overflow) {
        archive_set_error(writer, EFBIG, "the package would be larger than %d MiB", PACKAGE_LARGEST >> 20);
        return -1;
    }
    return (la_ssize_t)length;
}

/* One time and one mode for all, so that the same files make the same bytes. */
static int add_file(struct archive *writer, const char *file_path, const char *path, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *bytes;
    size_t length;
    if (file_read(arena, file_path, PACKAGE_LARGEST_UNPACKED, &bytes, &length, err) < 0)
        return -1;
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname_utf8(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 315619200, 0); /* 1980-01-02, zip's first whole day anywhere */
    archive_entry_set_size(entry, (la_int64_t)length);
    int result = archive_write_header(writer, entry);
    archive_entry_free(entry);
    if (result != ARCHIVE_OK || archive_write_data(writer, bytes, length) != (la_ssize_t)length)
        return error_set(err, ERROR_INVALID, "zip %s: %s", path, archive_error_string(writer));
    return 0;
}

static int compare_entries(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void walk_end(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

static int add_files(struct archive *writer, const char *directory, struct error *err)
{
    char *roots[] = {(char *)directory, NULL};
    cleanup(walk_end) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
    if (!walk)
        return error_errno(err, ERROR_INVALID, "read %s", directory);
    size_t prefix = strlen(directory);
    for (FTSENT *entry; (entry = fts_read(walk));) {
        const char *path = entry->fts_path + prefix;
        path += strspn(path, "/");
        if (entry->fts_level > 0 &&
            entry->fts_name[0] == '.') { /* .git and the like are not of the application */
            fts_set(walk, entry, FTS_SKIP);
            continue;
        }
        if (entry->fts_info == FTS_D || entry->fts_info == FTS_DP)
            continue;
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            errno = entry->fts_errno;
            return error_errno(err, ERROR_INVALID, "read %s", entry->fts_path);
        }
        if (entry->fts_info != FTS_F || entry->fts_level == 0)
            return error_set(err, ERROR_INVALID, "%s is not a regular file in a directory", entry->fts_path);
        if (add_file(writer, entry->fts_path, path, err) < 0)
            return -1;
    }
    return 0;
}

int application_package_zip(const char *directory, char **zip, size_t *length, struct error *err)
{
    cleanup(buffer_free) struct buffer bytes = buffer_new(PACKAGE_LARGEST);
    cleanup(writer_free) struct archive *writer = archive_write_new();
    archive_write_set_format_zip(writer);
    archive_write_set_option(writer, "zip", "hdrcharset", "UTF-8");
    archive_write_set_bytes_in_last_block(writer, 1);
    if (archive_write_open(writer, &bytes, NULL, append_bytes, NULL) != ARCHIVE_OK)
        return error_set(err, ERROR_INTERNAL, "begin a zip: %s", archive_error_string(writer));
    if (add_files(writer, directory, err) < 0)
        return -1;
    if (archive_write_close(writer) != ARCHIVE_OK)
        return error_set(err, ERROR_INVALID, "zip %s: %s", directory, archive_error_string(writer));
    *length = bytes.length;
    *zip = buffer_take(&bytes);
    return 0;
}
