#include "base/buffer.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

struct buffer buffer_new(size_t maximum)
{
    return (struct buffer){.maximum = maximum};
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->length = buffer->capacity = 0;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->overflow = false;
    if (buffer->data)
        buffer->data[0] = '\0';
}

static bool make_room(struct buffer *buffer, size_t more)
{
    if (more > buffer->maximum - buffer->length) {
        buffer->overflow = true;
        return false;
    }
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : 128;
    while (capacity < needed)
        capacity *= 2;
    buffer->data = memory_resize(buffer->data, capacity, 1);
    buffer->capacity = capacity;
    return true;
}

void buffer_taken(struct buffer *buffer, size_t *begin, size_t length)
{
    *begin += length;
    if (*begin * 2 < buffer->length || !buffer->length)
        return; /* moving the rest costs no more than what was taken */
    buffer->length -= *begin;
    memmove(buffer->data, buffer->data + *begin, buffer->length);
    buffer->data[buffer->length] = '\0';
    *begin = 0;
}

void buffer_reserve(struct buffer *buffer, size_t more)
{
    bool overflow = buffer->overflow;
    make_room(buffer, more);
    buffer->overflow = overflow;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (!make_room(buffer, length))
        return;
    if (length)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && make_room(buffer, (size_t)length)) {
        vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

/* Those that cannot stand for themselves: controls, and what XML gives a meaning. */
static bool is_marked(unsigned char byte)
{
    return byte < 0x20 || byte == '&' || byte == '<' || byte == '>' || byte == '"' || byte == '\'';
}

/* What stands for such a byte. Control characters but these are left out. */
static const char *xml_form(char byte)
{
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    case '\t': return "&#9;";
    case '\n': return "&#10;";
    case '\r': return "&#13;";
    default: return "";
    }
}

void buffer_xml(struct buffer *buffer, const char *text)
{
    for (;;) {
        const char *plain = text;
        while (!is_marked((unsigned char)*text))
            text++;
        buffer_append(buffer, plain, (size_t)(text - plain));
        if (!*text)
            return;
        buffer_text(buffer, xml_form(*text++));
    }
}

const char *buffer_string(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

char *buffer_take(struct buffer *buffer)
{
    char *data = buffer->data ? buffer->data : memory_strdup("");
    *buffer = (struct buffer){.maximum = buffer->maximum};
    return data;
}
