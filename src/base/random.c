#include "base/random.h"

#include "base/text.h"

#include <errno.h>
#include <sys/random.h>

void random_bytes(void *bytes, size_t length)
{
    unsigned char *to = bytes;
    while (length) {
        ssize_t got = getrandom(to, length, 0);
        if (got < 0 && errno != EINTR)
            abort(); /* no entropy is no state to go on in */
        if (got > 0) {
            to += got;
            length -= (size_t)got;
        }
    }
}

uint64_t random_below(uint64_t limit)
{
    uint64_t value, unfair = UINT64_MAX - UINT64_MAX % limit;
    do
        random_bytes(&value, sizeof value);
    while (value >= unfair);
    return value % limit;
}

char *random_hex(struct arena *arena, size_t digits)
{
    unsigned char bytes[64];
    size_t count = (digits + 1) / 2;
    if (count > sizeof bytes)
        abort();
    random_bytes(bytes, count);
    char *text = hex_encode(arena, bytes, count);
    text[digits] = '\0';
    return text;
}

char *random_uuid(struct arena *arena)
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char *hex = hex_encode(arena, bytes, sizeof bytes);
    return arena_format(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}
