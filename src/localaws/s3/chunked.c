#include "localaws/s3/chunked.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static int malformed(struct error *err, const char *what)
{
    return error_code(err, ERROR_INVALID, "IncompleteBody", "The aws-chunked body is malformed: %s", what);
}

/* "1f;chunk-signature=..." */
static int read_size(struct chunked *chunked, struct error *err)
{
    static const char extension[] = ";chunk-signature=";
    size_t digits = strspn(chunked->line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 12 || (chunked->line[digits] && chunked->line[digits] != ';'))
        return malformed(err, "a chunk's size");
    chunked->left = strtoull(chunked->line, NULL, 16);
    chunked->state = chunked->left ? CHUNK_BYTES : CHUNK_TRAILER;
    if (!chunked->signing)
        return 0;
    const char *rest = chunked->line + digits;
    if (!text_starts(rest, extension))
        return malformed(err, "a chunk without signature");
    snprintf(chunked->signature, sizeof(chunked->signature), "%.70s", rest + strlen(extension));
    return chunked->left ? 0 : chunk_signing_check(chunked->signing, chunked->signature, err);
}

static int end_trailers(struct chunked *chunked, struct error *err)
{
    const char *signature = http_headers_get(&chunked->trailers, "x-amz-trailer-signature");
    chunked->state = CHUNK_DONE;
    if (!chunked->signing || !chunked->trailers.count)
        return 0;
    return chunk_signing_check_trailers(
        chunked->signing, chunked->signed_trailers ? chunked->signed_trailers : "", signature, err);
}

/* "x-amz-checksum-crc32:AAAAAA==", or the empty line that ends everything. */
static int read_trailer(struct chunked *chunked, struct error *err)
{
    if (!*chunked->line)
        return end_trailers(chunked, err);
    char *colon = strchr(chunked->line, ':');
    if (!colon || colon == chunked->line || chunked->trailers.count == CHUNKED_TRAILERS)
        return malformed(err, "its trailers");
    *colon = '\0';
    char *name = text_lower(chunked->arena, chunked->line);
    if (!text_only(name, "a-z0-9-"))
        return malformed(err, "its trailers");
    const char *value = text_trim(chunked->arena, arena_strdup(chunked->arena, colon + 1));
    http_headers_add(chunked->arena, &chunked->trailers, name, value);
    if (chunked->signing && strcmp(name, "x-amz-trailer-signature") != 0)
        chunked->signed_trailers =
            arena_format(chunked->arena, "%s%s:%s\n",
                         chunked->signed_trailers ? chunked->signed_trailers : "", name, value);
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

static int take_bytes(struct chunked *chunked, const char *bytes, size_t length, chunked_sink *sink,
                      void *context, struct error *err)
{
    if (chunked->signing)
        chunk_signing_update(chunked->signing, bytes, length);
    if (sink(context, bytes, length, err) < 0)
        return -1;
    chunked->left -= length;
    if (chunked->left)
        return 0;
    chunked->state = CHUNK_END;
    return chunked->signing ? chunk_signing_check(chunked->signing, chunked->signature, err) : 0;
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
            if (take_bytes(chunked, bytes, taken, sink, context, err) < 0)
                return -1;
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
