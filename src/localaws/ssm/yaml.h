/* YAML into JSON, for documents that are written in it: one document of mappings with distinct texts as keys,
 * sequences and scalars. A plain scalar is null, a boolean or a number when JSON would write it so (and
 * ~, True, NULL, ...), else a text: `yes` is a text. What could mean much with few bytes, or differ between
 * readers, is refused: anchors and aliases, tags, several documents, depth over YAML_DEEPEST. */
#ifndef LOCALAWS_SSM_YAML_H
#define LOCALAWS_SSM_YAML_H

#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>

enum { YAML_DEEPEST = 32, YAML_LARGEST = 64 << 10 };

/* The reference lives in the arena. ERROR_INVALID with a reason for the writer. */
int yaml_read(struct arena *arena, const char *text, json_t **value, struct error *err);

#endif
