/* What deep copies are made of; the copies themselves are plane_copy_... of parts.h. */
#ifndef LOCALAWS_PLANE_COPY_H
#define LOCALAWS_PLANE_COPY_H

#include "base/memory.h"

/* The array's bytes; what they point at is copied by the caller. */
void *copy_array(struct arena *arena, const void *items, size_t count, size_t size);
const char *const *copy_texts(struct arena *arena, const char *const *texts); /* NULL-terminated */

#endif
