#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_equal_nocase(const char *a, const char *b)
{
    return a && b ? strcasecmp(a, b) == 0 : a == b;
}

bool text_starts(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t length = text ? strlen(text) : 0, tail = strlen(suffix);
    return text && length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool text_empty(const char *text)
{
    return !text || !*text;
}

bool text_equal_secret(const char *a, const char *b)
{
    size_t length = strlen(a);
    if (length != strlen(b))
        return false;
    unsigned difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
    return difference == 0;
}

size_t text_split(struct arena *arena, const char *text, char separator, char ***parts)
{
    size_t count = 1;
    for (const char *at = text; *at; at++)
        count += *at == separator;
    char **list = arena_alloc(arena, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const char *end = strchrnul(text, separator);
        list[i] = arena_strndup(arena, text, (size_t)(end - text));
        text = *end ? end + 1 : end;
    }
    *parts = list;
    return count;
}

char *text_lower(struct arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *at = copy; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

size_t text_cut(const char *text, size_t most)
{
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

char *text_trim(struct arena *arena, const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    return arena_strndup(arena, text, length);
}

static bool in_ranges(unsigned char byte, const char *ranges)
{
    for (const char *at = ranges; *at; at++) {
        if (at[1] == '-' && at[2]) {
            if (byte >= (unsigned char)at[0] && byte <= (unsigned char)at[2])
                return true;
            at += 2;
        } else if (byte == (unsigned char)*at) {
            return true;
        }
    }
    return false;
}

bool text_only(const char *text, const char *allowed)
{
    for (; *text; text++)
        if (!in_ranges((unsigned char)*text, allowed))
            return false;
    return true;
}

/* Length of the well-formed sequence at `bytes` by table 3-7 of the Unicode standard, 0 when there is none. */
static size_t utf8_sequence(const unsigned char *bytes, size_t length)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high, more;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 0},       {0xC2, 0xDF, 0x80, 0xBF, 1}, {0xE0, 0xE0, 0xA0, 0xBF, 2},
        {0xE1, 0xEC, 0x80, 0xBF, 2}, {0xED, 0xED, 0x80, 0x9F, 2}, {0xEE, 0xEF, 0x80, 0xBF, 2},
        {0xF0, 0xF0, 0x90, 0xBF, 3}, {0xF1, 0xF3, 0x80, 0xBF, 3}, {0xF4, 0xF4, 0x80, 0x8F, 3},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (bytes[0] < forms[i].first_low || bytes[0] > forms[i].first_high)
            continue;
        if (length <= forms[i].more)
            return 0;
        for (size_t j = 1; j <= forms[i].more; j++) {
            unsigned char low = j == 1 ? forms[i].second_low : 0x80, high = j == 1 ? forms[i].second_high : 0xBF;
            if (bytes[j] < low || bytes[j] > high)
                return 0;
        }
        return forms[i].more + 1u;
    }
    return 0;
}

bool text_utf8(const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t step = utf8_sequence((const unsigned char *)bytes + at, length - at);
        if (!step)
            return false;
        at += step;
    }
    return true;
}

int text_number(const char *text, int64_t minimum, int64_t maximum, const char *what, int64_t *number,
                struct error *err)
{
    char *end = NULL;
    errno = 0;
    long long value = text_empty(text) || isspace((unsigned char)*text) ? 0 : strtoll(text, &end, 10);
    if (!end || *end || errno || value < minimum || value > maximum)
        return error_set(err, ERROR_INVALID, "%s must be a whole number from %lld to %lld, not \"%.40s\"", what,
                         (long long)minimum, (long long)maximum, text ? text : "");
    *number = value;
    return 0;
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *arena, const void *bytes, size_t length)
{
    const unsigned char *in = bytes;
    char *out = arena_alloc(arena, (length + 2) / 3 * 4 + 1), *to = out;
    for (size_t i = 0; i < length; i += 3) {
        unsigned group = (unsigned)in[i] << 16;
        group |= i + 1 < length ? (unsigned)in[i + 1] << 8 : 0;
        group |= i + 2 < length ? in[i + 2] : 0;
        *to++ = base64_alphabet[group >> 18];
        *to++ = base64_alphabet[group >> 12 & 63];
        *to++ = i + 1 < length ? base64_alphabet[group >> 6 & 63] : '=';
        *to++ = i + 2 < length ? base64_alphabet[group & 63] : '=';
    }
    return out;
}

static int base64_digit(char character)
{
    const char *at = character ? strchr(base64_alphabet, character) : NULL;
    return at ? (int)(at - base64_alphabet) : -1;
}

int base64_decode(struct arena *arena, const char *text, unsigned char **bytes, size_t *length, struct error *err)
{
    size_t size = strlen(text), padding = text_ends(text, "==") ? 2 : text_ends(text, "=") ? 1 : 0;
    if (size % 4)
        return error_set(err, ERROR_INVALID, "not base64: length %zu is not a multiple of four", size);
    unsigned char *out = arena_alloc(arena, size / 4 * 3 + 1);
    size_t made = 0;
    for (size_t i = 0; i < size; i += 4) {
        unsigned group = 0;
        for (size_t j = 0; j < 4; j++) {
            int digit = i + j >= size - padding ? 0 : base64_digit(text[i + j]);
            if (digit < 0)
                return error_set(err, ERROR_INVALID, "not base64: character %zu is out of the alphabet", i + j + 1);
            group = group << 6 | (unsigned)digit;
        }
        out[made++] = (unsigned char)(group >> 16);
        out[made++] = (unsigned char)(group >> 8);
        out[made++] = (unsigned char)group;
    }
    *length = made - padding;
    out[*length] = '\0';
    *bytes = out;
    return 0;
}

char *hex_encode(struct arena *arena, const void *bytes, size_t length)
{
    const unsigned char *in = bytes;
    char *out = arena_alloc(arena, 2 * length + 1);
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = "0123456789abcdef"[in[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
    }
    return out;
}

static int hex_digit(char character)
{
    const char *digits = "0123456789abcdef", *at = character ? strchr(digits, tolower((unsigned char)character)) : NULL;
    return at ? (int)(at - digits) : -1;
}

int hex_decode(struct arena *arena, const char *text, unsigned char **bytes, size_t *length, struct error *err)
{
    size_t size = strlen(text);
    if (size % 2 || !text_only(text, "0-9a-fA-F"))
        return error_set(err, ERROR_INVALID, "not hexadecimal: \"%.40s\"", text);
    unsigned char *out = arena_alloc(arena, size / 2 + 1);
    for (size_t i = 0; i < size / 2; i++)
        out[i] = (unsigned char)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    *bytes = out;
    *length = size / 2;
    return 0;
}

char *percent_encode(struct arena *arena, const char *text, bool keep_slash)
{
    char *out = arena_alloc(arena, 3 * strlen(text) + 1), *to = out;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (in_ranges(byte, "A-Za-z0-9._~-") || (keep_slash && byte == '/')) {
            *to++ = *text;
        } else {
            *to++ = '%';
            *to++ = "0123456789ABCDEF"[byte >> 4];
            *to++ = "0123456789ABCDEF"[byte & 15];
        }
    }
    return out;
}

int percent_decode(struct arena *arena, const char *text, bool plus, char **decoded, struct error *err)
{
    char *out = arena_alloc(arena, strlen(text) + 1), *to = out;
    for (; *text; text++) {
        if (*text != '%') {
            *to++ = plus && *text == '+' ? ' ' : *text;
            continue;
        }
        int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);
        if (low < 0 || (high | low) == 0)
            return error_set(err, ERROR_INVALID, "bad percent-encoding \"%.3s\"", text);
        *to++ = (char)(high << 4 | low);
        text += 2;
    }
    *decoded = out;
    return 0;
}
