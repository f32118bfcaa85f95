/* Zstandard compression of a file into another, streamed: memory does not grow with the file. */
#ifndef HOST_COMPRESS_H
#define HOST_COMPRESS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* From both descriptors' offsets on; the same bytes always give the same result. */
int compress_file(int from, int to, uint64_t *compressed_bytes, struct error *err);

#endif
