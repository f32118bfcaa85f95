/* What was asked and what was answered, in the shape CloudTrail shows them: names with a small first letter,
 * EC2's lists as {"xSet": {"items": [...]}}, secrets hidden. Each writes one JSON value, null when there is
 * nothing to show, and instead of what is larger than 100 KB that it was left out. */
#ifndef LOCALAWS_REQUEST_SHAPE_H
#define LOCALAWS_REQUEST_SHAPE_H

#include "base/buffer.h"
#include "localaws/region.h"

void out_request(struct buffer *out, struct call *call);
void out_response(struct buffer *out, struct call *call);

/* The pieces, for tests. `text` is XML as the handlers write it: elements and text, nothing else. */
void out_parameters(struct buffer *out, struct arena *arena, const char *service, const char *action,
                    const char *const *pairs, size_t count);
void out_xml(struct buffer *out, const char *service, const char *text, size_t length);
void out_json(struct buffer *out, const char *service, json_t *value);

#endif
