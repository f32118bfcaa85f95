/* Randomness for identifiers and secrets, from the kernel. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/memory.h"

#include <stdint.h>

void random_bytes(void *bytes, size_t length);
uint64_t random_below(uint64_t limit);                         /* uniform in [0, limit) */
char *random_hex(struct arena *arena, size_t digits);          /* lower-case hex digits */
char *random_uuid(struct arena *arena);                        /* version 4 */

#endif
