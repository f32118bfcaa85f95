#include "net/http.h"

#include "base/text.h"

#include <string.h>

const char *http_method_name(enum http_method method)
{
    static const char *const names[HTTP_METHODS] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    return names[method];
}

static const int statuses[] = {
    [ERROR_NONE] = 200,      [ERROR_INVALID] = 400,  [ERROR_UNAUTHENTICATED] = 401,
    [ERROR_FORBIDDEN] = 403, [ERROR_NOT_FOUND] = 404, [ERROR_CONFLICT] = 409,
    [ERROR_THROTTLED] = 429, [ERROR_UNAVAILABLE] = 503, [ERROR_INTERNAL] = 500,
};

int http_status(enum error_kind kind)
{
    return statuses[kind];
}

enum error_kind http_error_kind(int status)
{
    if (status < 400)
        return ERROR_NONE;
    for (size_t kind = ERROR_INVALID; kind < COUNT_OF(statuses); kind++)
        if (statuses[kind] == status)
            return (enum error_kind)kind;
    if (status < 500)
        return ERROR_INVALID;
    return status == 502 || status == 504 ? ERROR_UNAVAILABLE : ERROR_INTERNAL;
}

void http_headers_add(struct arena *arena, struct http_headers *headers, const char *name, const char *value)
{
    if (headers->count == headers->capacity) {
        size_t capacity = headers->capacity ? 2 * headers->capacity : 16;
        struct http_header *items = arena_alloc(arena, capacity * sizeof *items);
        if (headers->count)
            memcpy(items, headers->items, headers->count * sizeof *items);
        headers->items = items;
        headers->capacity = capacity;
    }
    headers->items[headers->count++] =
        (struct http_header){.name = arena_strdup(arena, name), .value = arena_strdup(arena, value)};
}

const char *http_headers_get(const struct http_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (text_equal_nocase(headers->items[i].name, name))
            return headers->items[i].value;
    return NULL;
}
