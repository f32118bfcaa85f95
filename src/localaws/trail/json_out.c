#include "localaws/trail/json_out.h"

#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What a byte becomes in a JSON string; NULL: itself. `form` has room for an escape. */
static const char *json_form(unsigned char byte, bool ascii_only, char form[8])
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if (byte < 0x20 || byte == 0x7f) {
        snprintf(form, 8, "\\u%04x", byte);
        return form;
    }
    return ascii_only && byte >= 0x80 ? "?" : NULL;
}

/* Eight bytes at a time: nearly every text is plain, and there are many in an event. The top bit of a byte of
 * the result is set when that byte is below 0x20, 0x7f, a quote, a backslash or not ASCII (and perhaps in
 * bytes above such a one). */
static uint64_t odd_bytes(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t quote = eight ^ (ones * '"'), backslash = eight ^ (ones * '\\'), delete = eight ^ (ones * 0x7f);
    return ((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | (delete - ones) | eight) & tops;
}

static bool is_plain(const char *text, size_t length)
{
    uint64_t odd = 0, eight;
    size_t i = 0;
    for (; i + sizeof eight <= length; i += sizeof eight) {
        memcpy(&eight, text + i, sizeof eight);
        odd |= odd_bytes(eight);
    }
    eight = 0x2020202020202020u; /* blanks, which are plain */
    memcpy(&eight, text + i, length - i);
    return !(odd | odd_bytes(eight));
}

void out_text_n(struct buffer *out, const char *text, size_t length)
{
    buffer_append(out, "\"", 1);
    if (is_plain(text, length)) {
        buffer_append(out, text, length);
    } else {
        bool ascii_only = !text_utf8(text, length);
        size_t plain = 0;
        for (size_t i = 0; i < length; i++) {
            char escape[8];
            const char *form = json_form((unsigned char)text[i], ascii_only, escape);
            if (!form)
                continue;
            buffer_append(out, text + plain, i - plain);
            buffer_text(out, form);
            plain = i + 1;
        }
        buffer_append(out, text + plain, length - plain);
    }
    buffer_append(out, "\"", 1);
}

void out_text(struct buffer *out, const char *text)
{
    if (text)
        out_text_n(out, text, strlen(text));
    else
        buffer_append(out, "null", 4);
}

void out_comma(struct buffer *out)
{
    char last = out->length ? out->data[out->length - 1] : '{';
    if (last != '{' && last != '[')
        buffer_append(out, ",", 1);
}

void out_name(struct buffer *out, const char *name)
{
    out_comma(out);
    buffer_append(out, "\"", 1);
    buffer_append(out, name, strlen(name));
    buffer_append(out, "\":", 2);
}

void out_small_name(struct buffer *out, const char *name, size_t length)
{
    out_comma(out);
    size_t at = out->length + 1;
    out_text_n(out, name, length);
    if (at < out->length)
        out->data[at] = (char)tolower((unsigned char)out->data[at]);
    buffer_append(out, ":", 1);
}

void out_member(struct buffer *out, const char *name, const char *text)
{
    if (!text)
        return;
    out_name(out, name);
    out_text(out, text);
}

/* Nine digits at most: an account's id has twelve. */
static bool is_number(const char *text, size_t length)
{
    size_t sign = length > 1 && *text == '-';
    if (length <= sign || length - sign > 9 || (text[sign] == '0' && length - sign > 1))
        return false;
    for (size_t i = sign; i < length; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return true;
}

void out_guess(struct buffer *out, const char *text, size_t length)
{
    bool is_bool =
        (length == 4 && memcmp(text, "true", 4) == 0) || (length == 5 && memcmp(text, "false", 5) == 0);
    if (is_bool || is_number(text, length))
        buffer_append(out, text, length);
    else
        out_text_n(out, text, length);
}
