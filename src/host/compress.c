#include "host/compress.h"

#include "base/file.h"
#include "base/memory.h"

#include <unistd.h>
#include <zstd.h>

enum { COMPRESSION_LEVEL = 3 };

static void free_stream(ZSTD_CCtx **stream)
{
    ZSTD_freeCCtx(*stream);
}

/* Feeds one piece through, to the end of the frame when it is the last. */
static int compress_piece(ZSTD_CCtx *stream, ZSTD_inBuffer *piece, bool last, ZSTD_outBuffer *room, int to,
                          uint64_t *written, struct error *err)
{
    for (;;) {
        room->pos = 0;
        size_t left = ZSTD_compressStream2(stream, room, piece, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return error_set(err, ERROR_INTERNAL, "compress: %s", ZSTD_getErrorName(left));
        if (file_write_all(to, room->dst, room->pos, err) < 0)
            return -1;
        *written += room->pos;
        if (last ? left == 0 : piece->pos == piece->size)
            return 0;
    }
}

int compress_file(int from, int to, uint64_t *compressed_bytes, struct error *err)
{
    cleanup(free_stream) ZSTD_CCtx *stream = ZSTD_createCCtx();
    cleanup(memory_free) void *input = memory_alloc(ZSTD_CStreamInSize());
    cleanup(memory_free) void *output = memory_alloc(ZSTD_CStreamOutSize());
    ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
    ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1);
    ZSTD_outBuffer room = {.dst = output, .size = ZSTD_CStreamOutSize()};
    *compressed_bytes = 0;
    for (;;) {
        ssize_t got = read(from, input, ZSTD_CStreamInSize());
        if (got < 0)
            return error_errno(err, ERROR_UNAVAILABLE, "read a log");
        ZSTD_inBuffer piece = {.src = input, .size = (size_t)got};
        if (compress_piece(stream, &piece, got == 0, &room, to, compressed_bytes, err) < 0)
            return -1;
        if (got == 0)
            return 0;
    }
}
