/* Tag sets: XML (?tagging), the x-amz-tagging header, and the one form they are kept in: "k=v&k=v",
 * percent-encoded. */
#ifndef LOCALAWS_S3_TAGS_H
#define LOCALAWS_S3_TAGS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

enum { S3_TAGS_OF_OBJECT = 10, S3_TAGS_OF_BUCKET = 50 }; /* the most there may be */

int s3_tags_read(struct arena *arena, const char *xml, size_t length, size_t most, char **tags,
                 struct error *err);
int s3_tags_parse(struct arena *arena, const char *header, char **tags, struct error *err);
size_t s3_tags_count(const char *tags);
void s3_tags_write(struct arena *arena, const char *tags, struct buffer *xml);

#endif
