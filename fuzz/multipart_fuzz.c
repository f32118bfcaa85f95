/* A form: the first line is its Content-Type, the rest its body. */
#include "net/http_server.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const uint8_t *end = length ? memchr(bytes, '\n', length) : NULL;
    if (!end)
        return 0;
    char *type = arena_strndup(arena, (const char *)bytes, (size_t)(end - bytes));
    size_t rest = length - (size_t)(end + 1 - bytes);
    char *body = malloc(rest ? rest : 1); /* its own, so that reading past it is seen */
    memcpy(body, end + 1, rest);
    struct http_part *parts;
    size_t count, sum = 0;
    if (http_parts_read(arena, type, body, rest, &parts, &count, NULL) == 0)
        for (size_t i = 0; i < count; i++)
            sum += parts[i].length + strlen(parts[i].name);
    free(body);
    return sum > 2 * length + 4096;
}
