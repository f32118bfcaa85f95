#include "localaws/s3/chunked.h"

#include "base/text.h"

#include <string.h>

static int malformed(struct error *err, const char *what)
{
    return error_code(err, ERROR_INVALID, "IncompleteBody", "The aws-chunked body is malformed: %s", what);
}

/* "1f;chunk-signature=..." */
static int read_size(struct chunked *chunked, struct error *err)
{
    size_t digits = strspn(chunked->line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 12 || (chunked->line[digits] && chunked->line[digits] != ';'))
        return malformed(err, "a chunk's size");
    chunked->left = strtoull(chunked->line, NULL, 16);
    chunked->state = chunked->left ? CHUNK_BYTES : CHUNK_TRAILER;
    return 0;
}

/* "x-amz-checksum-crc32:AAAAAA==", or the empty line that ends everything. */
static int read_trailer(struct chunked *chunked, struct error *err)
{
    if (!*chunked->line) {
        chunked->state = CHUNK_DONE;
        return 0;
    }
    char *colon = strchr(chunked->line, ':');
    if (!colon || colon == chunked->line || chunked->trailers.count == CHUNKED_TRAILERS)
        return malformed(err, "its trailers");
    *colon = '\0';
    char *name = text_lower(chunked->arena, chunked->line);
    if (!text_only(name, "a-z0-9-"))
        return malformed(err, "its trailers");
    http_headers_add(chunked->arena, &chunked->trailers, name,
                     text_trim(chunked->arena, arena_strdup(chunked->arena, colon + 1)));
    return 0;
}

static int read_line(struct chunked *chunked, struct error *err)
{
    size_t length = chunked->length;
    if (length == 0 || chunked->line[length - 1] != '\r')
        return malformed(err, "a line without CR LF");
    chunked->line[length - 1] = '\0';
    chunked->length = 0;
    if (strlen(chunked->line) != length - 1)
        return malformed(err, "a line with a NUL");
    if (chunked->state == CHUNK_SIZE)
        return read_size(chunked, err);
    if (chunked->state == CHUNK_TRAILER)
        return read_trailer(chunked, err);
    chunked->state = CHUNK_SIZE;
    return *chunked->line ? malformed(err, "bytes after a chunk") : 0;
}

/* Takes bytes up to the end of a line; returns how many. */
static int collect_line(struct chunked *chunked, const char *bytes, size_t length, size_t *taken,
                        struct error *err)
{
    const char *newline = memchr(bytes, '\n', length);
    size_t now = newline ? (size_t)(newline - bytes) : length;
    if (now >= sizeof(chunked->line) - chunked->length)
        return malformed(err, "a line that is too long");
    memcpy(chunked->line + chunked->length, bytes, now);
    chunked->length += now;
    *taken = newline ? now + 1 : now;
    return newline ? read_line(chunked, err) : 0;
}

int chunked_feed(struct chunked *chunked, const char *bytes, size_t length, chunked_sink *sink, void *context,
                 struct error *err)
{
    while (length > 0) {
        size_t taken = 0;
        if (chunked->state == CHUNK_DONE)
            return malformed(err, "bytes after its end");
        if (chunked->state != CHUNK_BYTES) {
            if (collect_line(chunked, bytes, length, &taken, err) < 0)
                return -1;
        } else {
            taken = chunked->left < length ? (size_t)chunked->left : length;
            if (sink(context, bytes, taken, err) < 0)
                return -1;
            chunked->left -= taken;
            if (chunked->left == 0)
                chunked->state = CHUNK_END;
        }
        bytes += taken;
        length -= taken;
    }
    return 0;
}

bool chunked_whole(const struct chunked *chunked)
{
    return chunked->state == CHUNK_DONE;
}
