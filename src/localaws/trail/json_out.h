/* JSON written straight into a buffer: an event is made for every call, so no tree is built for it. */
#ifndef LOCALAWS_JSON_OUT_H
#define LOCALAWS_JSON_OUT_H

#include "base/buffer.h"

/* A string with its quotes; what is not UTF-8 becomes '?'. NULL is null. */
void out_text(struct buffer *out, const char *text);
void out_text_n(struct buffer *out, const char *text, size_t length);
/* "name":  with a comma before it unless it is the first of an object or list. The name is one of ours. */
void out_name(struct buffer *out, const char *name);
/* The same with its first letter made small, as CloudTrail has the names of parameters. */
void out_small_name(struct buffer *out, const char *name, size_t length);
void out_comma(struct buffer *out); /* before a list's item */
/* "name":"text"; nothing when the text is NULL. */
void out_member(struct buffer *out, const char *name, const char *text);
/* A text that is a number or a bool stands as one; account ids and the like stay texts. */
void out_guess(struct buffer *out, const char *text, size_t length);

#endif
