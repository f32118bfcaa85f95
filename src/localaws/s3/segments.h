/* Encrypted files: AES-256-GCM in segments of 64 KiB, each sealed on its own, so that a file is written and
 * read in constant memory and from any position. The nonce is the segment's number and whether it is the
 * last, hence no segment can be changed, moved, dropped or cut off unnoticed (the STREAM construction: Hoang,
 * Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance"). A
 * key must seal one file only. */
#ifndef LOCALAWS_S3_SEGMENTS_H
#define LOCALAWS_S3_SEGMENTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { SEGMENT_BYTES = 64 << 10, SEGMENT_TAG = 16, SEGMENT_KEY = 32 };

struct segment_writer;

/* The file must not exist yet; it is made with the second segment, or when the writer is finished. */
int segment_writer_open(const char *path, const unsigned char key[SEGMENT_KEY],
                        struct segment_writer **writer, struct error *err);
int segment_write(struct segment_writer *writer, const void *bytes, size_t length, struct error *err);
/* Seals the last segment and waits until all is on disk. */
int segment_writer_finish(struct segment_writer *writer, struct error *err);
/* Instead: when all that was written is no more than `largest`, the sealed bytes (the writer's until it is
 * freed), and no file is made. NULL: there is too much, finish it. */
const unsigned char *segment_writer_finish_small(struct segment_writer *writer, size_t largest,
                                                 size_t *length);
void segment_writer_free(struct segment_writer **writer); /* removes a file that was not finished */

struct segment_reader;

/* `size` is the plaintext's, as it was when the file was finished; another size is an altered file. */
int segment_reader_open(const char *path, const unsigned char key[SEGMENT_KEY], uint64_t size,
                        struct segment_reader **reader, struct error *err);
/* The same of the bytes that segment_writer_finish_small gave; they outlive the reader. */
void segment_reader_open_small(const unsigned char *sealed, size_t length,
                               const unsigned char key[SEGMENT_KEY], uint64_t size,
                               struct segment_reader **reader);
/* Up to `room` bytes from `position`; none at the end. */
int segment_read(struct segment_reader *reader, uint64_t position, void *bytes, size_t room, size_t *length,
                 struct error *err);
void segment_reader_free(struct segment_reader **reader);

#endif
