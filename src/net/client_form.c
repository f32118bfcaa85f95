#include "base/random.h"
#include "net/client.h"

#include <stdint.h>
#include <string.h>

/* As browsers do (WHATWG HTML, multipart/form-data): what would end the quoted name is percent-encoded. */
static void quote(struct buffer *form, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\r' || *text == '\n')
            buffer_format(form, "%%%02X", (unsigned)*text);
        else
            buffer_append(form, text, 1);
    }
}

void http_form(struct arena *arena, const struct http_form_part *parts, size_t count, const char **content_type,
               char **body, size_t *length)
{
    char *boundary = random_hex(arena, 32); /* 128 random bits do not occur in the parts */
    cleanup(buffer_free) struct buffer form = buffer_new(SIZE_MAX / 2);
    for (size_t i = 0; i < count; i++) {
        const struct http_form_part *part = &parts[i];
        buffer_format(&form, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
        quote(&form, part->name);
        if (part->filename) {
            buffer_text(&form, "\"; filename=\"");
            quote(&form, part->filename);
        }
        buffer_text(&form, "\"\r\n");
        if (part->content_type)
            buffer_format(&form, "Content-Type: %s\r\n", part->content_type);
        buffer_text(&form, "\r\n");
        buffer_append(&form, part->bytes, part->length);
        buffer_text(&form, "\r\n");
    }
    buffer_format(&form, "--%s--\r\n", boundary);
    *content_type = arena_format(arena, "multipart/form-data; boundary=%s", boundary);
    *length = form.length;
    *body = arena_strndup(arena, form.data, form.length);
}
