#include "localaws/s3/segments.h"

#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

enum { NONCE = 12, FLUSH_SEGMENTS = 64 };

static void make_nonce(uint64_t index, bool last, unsigned char nonce[NONCE])
{
    memset(nonce, 0, NONCE);
    nonce[0] = last;
    for (int i = 0; i < 8; i++)
        nonce[NONCE - 1 - i] = (unsigned char)(index >> (8 * i));
}

static gnutls_aead_cipher_hd_t open_cipher(const unsigned char key[SEGMENT_KEY])
{
    gnutls_aead_cipher_hd_t cipher;
    gnutls_datum_t datum = {(unsigned char *)key, SEGMENT_KEY};
    if (gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM, &datum) < 0)
        abort(); /* no memory */
    return cipher;
}

struct segment_writer {
    int fd;     /* -1 until there is something to write */
    char *path; /* NULL once finished */
    gnutls_aead_cipher_hd_t cipher;
    uint64_t index;
    size_t used;
    unsigned char plain[SEGMENT_BYTES], sealed[SEGMENT_BYTES + SEGMENT_TAG];
};

int segment_writer_open(const char *path, const unsigned char key[SEGMENT_KEY],
                        struct segment_writer **writer, struct error *err)
{
    if (access(path, F_OK) == 0)
        return error_set(err, ERROR_INTERNAL, "create %s: it is there", path);
    *writer = memory_alloc(sizeof(**writer));
    (*writer)->fd = -1;
    (*writer)->path = memory_strdup(path);
    (*writer)->cipher = open_cipher(key);
    return 0;
}

static size_t seal(struct segment_writer *writer, const unsigned char *plain, size_t used, bool last)
{
    unsigned char nonce[NONCE];
    size_t length = sizeof(writer->sealed);
    make_nonce(writer->index++, last, nonce);
    if (gnutls_aead_cipher_encrypt(writer->cipher, nonce, sizeof(nonce), NULL, 0, SEGMENT_TAG, plain, used,
                                   writer->sealed, &length) < 0)
        abort(); /* sizes are ours */
    return length;
}

static int store(struct segment_writer *writer, const unsigned char *plain, size_t used, bool last,
                 struct error *err)
{
    if (writer->fd < 0)
        writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0)
        return error_errno(err, ERROR_INTERNAL, "create %s", writer->path);
    if (file_write_all(writer->fd, writer->sealed, seal(writer, plain, used, last), err) < 0)
        return -1;
    /* The disk begins while more is still coming, so that the end has less to wait for. */
    if (writer->index % FLUSH_SEGMENTS == 0)
        sync_file_range(writer->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return 0;
}

/* A full segment waits for the next byte, since only the end shows which one is the last. */
int segment_write(struct segment_writer *writer, const void *bytes, size_t length, struct error *err)
{
    const unsigned char *from = bytes;
    while (length > 0) {
        if (writer->used == SEGMENT_BYTES) {
            if (store(writer, writer->plain, SEGMENT_BYTES, false, err) < 0)
                return -1;
            writer->used = 0;
        }
        size_t now = SEGMENT_BYTES - writer->used < length ? SEGMENT_BYTES - writer->used : length;
        memcpy(writer->plain + writer->used, from, now);
        writer->used += now;
        from += now;
        length -= now;
    }
    return 0;
}

int segment_writer_finish(struct segment_writer *writer, struct error *err)
{
    if (store(writer, writer->plain, writer->used, true, err) < 0)
        return -1;
    if (fdatasync(writer->fd) < 0)
        return error_errno(err, ERROR_INTERNAL, "write %s to disk", writer->path);
    memory_free(&writer->path);
    return 0;
}

const unsigned char *segment_writer_finish_small(struct segment_writer *writer, size_t largest,
                                                 size_t *length)
{
    if (writer->index || writer->used > largest)
        return NULL;
    *length = seal(writer, writer->plain, writer->used, true);
    memory_free(&writer->path);
    return writer->sealed;
}

void segment_writer_free(struct segment_writer **writer)
{
    if (!*writer)
        return;
    if ((*writer)->path && (*writer)->fd >= 0)
        unlink((*writer)->path);
    memory_free(&(*writer)->path);
    file_close(&(*writer)->fd);
    gnutls_aead_cipher_deinit((*writer)->cipher);
    gnutls_memset(*writer, 0, sizeof(**writer));
    memory_free(writer);
}

struct segment_reader {
    int fd;
    const unsigned char *small; /* instead of the file */
    size_t small_length;
    gnutls_aead_cipher_hd_t cipher;
    uint64_t size, count; /* of the plaintext; of segments */
    uint64_t index;       /* of the one in `plain`; `count` when none is */
    size_t length;
    unsigned char plain[SEGMENT_BYTES], sealed[SEGMENT_BYTES + SEGMENT_TAG];
};

static struct segment_reader *new_reader(int fd, const unsigned char key[SEGMENT_KEY], uint64_t size)
{
    struct segment_reader *reader = memory_alloc(sizeof(*reader));
    reader->fd = fd;
    reader->cipher = open_cipher(key);
    reader->size = size;
    reader->count = size ? (size + SEGMENT_BYTES - 1) / SEGMENT_BYTES : 1;
    reader->index = reader->count;
    return reader;
}

int segment_reader_open(const char *path, const unsigned char key[SEGMENT_KEY], uint64_t size,
                        struct segment_reader **reader, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, "open %s", path);
    *reader = new_reader(fd, key, size);
    return 0;
}

void segment_reader_open_small(const unsigned char *sealed, size_t length,
                               const unsigned char key[SEGMENT_KEY], uint64_t size,
                               struct segment_reader **reader)
{
    *reader = new_reader(-1, key, size);
    (*reader)->small = sealed;
    (*reader)->small_length = length;
}

static ssize_t read_sealed(struct segment_reader *reader, uint64_t index, size_t length)
{
    if (!reader->small)
        return pread(reader->fd, reader->sealed, length, (off_t)(index * (SEGMENT_BYTES + SEGMENT_TAG)));
    size_t have = reader->small_length < length ? reader->small_length : length;
    memcpy(reader->sealed, reader->small, have);
    return (ssize_t)have;
}

static int unseal(struct segment_reader *reader, uint64_t index, struct error *err)
{
    unsigned char nonce[NONCE];
    uint64_t left = reader->size - index * SEGMENT_BYTES;
    size_t plain = left < SEGMENT_BYTES ? (size_t)left : SEGMENT_BYTES, length = sizeof(reader->plain);
    ssize_t got = read_sealed(reader, index, plain + SEGMENT_TAG);
    if (got < 0)
        return error_errno(err, ERROR_INTERNAL, "read an encrypted file");
    make_nonce(index, index + 1 == reader->count, nonce);
    reader->index = reader->count;
    if (gnutls_aead_cipher_decrypt(reader->cipher, nonce, sizeof(nonce), NULL, 0, SEGMENT_TAG, reader->sealed,
                                   (size_t)got, reader->plain, &length) < 0 ||
        length != plain)
        return error_set(err, ERROR_INTERNAL, "an encrypted file was altered, or its key is another");
    reader->index = index;
    reader->length = length;
    return 0;
}

int segment_read(struct segment_reader *reader, uint64_t position, void *bytes, size_t room, size_t *length,
                 struct error *err)
{
    *length = 0;
    if (position >= reader->size)
        return 0;
    uint64_t index = position / SEGMENT_BYTES;
    if (index != reader->index && unseal(reader, index, err) < 0)
        return -1;
    size_t at = (size_t)(position % SEGMENT_BYTES);
    *length = reader->length - at < room ? reader->length - at : room;
    memcpy(bytes, reader->plain + at, *length);
    return 0;
}

void segment_reader_free(struct segment_reader **reader)
{
    if (!*reader)
        return;
    file_close(&(*reader)->fd);
    gnutls_aead_cipher_deinit((*reader)->cipher);
    gnutls_memset(*reader, 0, sizeof(**reader));
    memory_free(reader);
}
