#include "base/text.h"
#include "net/http_server.h"

#include <string.h>

enum { PARTS_MOST = 64, PART_HEADERS_LARGEST = 4096, BOUNDARY_LONGEST = 70 };

/* A piece of the body. */
struct span {
    const char *start, *end;
};

static const char *find(struct span in, const char *text)
{
    return memmem(in.start, (size_t)(in.end - in.start), text, strlen(text));
}

/* The value of name="..." or name=token in a header's parameters; NULL when absent. */
static const char *header_parameter(struct arena *arena, const char *header, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strchr(header, ';'); at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, length) != 0 || at[length] != '=')
            continue;
        const char *value = at + length + 1;
        if (*value != '"')
            return arena_strndup(arena, value, strcspn(value, "; \t"));
        const char *close = strchr(value + 1, '"');
        return close ? arena_strndup(arena, value + 1, (size_t)(close - value - 1)) : NULL;
    }
    return NULL;
}

static int read_part_header(struct arena *arena, const char *line, struct http_part *part)
{
    const char *colon = strchr(line, ':');
    if (!colon)
        return -1;
    char *name = text_trim(arena, arena_strndup(arena, line, (size_t)(colon - line)));
    const char *value = text_trim(arena, arena_strdup(arena, colon + 1));
    if (text_equal_nocase(name, "Content-Disposition")) {
        part->name = header_parameter(arena, value, "name");
        part->filename = header_parameter(arena, value, "filename");
    } else if (text_equal_nocase(name, "Content-Type")) {
        part->content_type = value;
    }
    return 0;
}

/* `in` is what lies between two boundaries: headers, an empty line, the bytes. */
static int read_part(struct arena *arena, struct span in, struct http_part *part, struct error *err)
{
    const char *blank = find(in, "\r\n\r\n");
    if (!blank || blank - in.start > PART_HEADERS_LARGEST)
        return error_set(err, ERROR_INVALID, "a part of the form has no end to its headers");
    if (!text_utf8(in.start, (size_t)(blank - in.start)))
        return error_set(err, ERROR_INVALID, "the headers of a part of the form are not UTF-8");
    for (const char *at = in.start; at < blank;) {
        struct span line = {at, blank};
        const char *end = find(line, "\r\n");
        end = end ? end : blank;
        if (read_part_header(arena, arena_strndup(arena, at, (size_t)(end - at)), part) < 0)
            return error_set(err, ERROR_INVALID, "a part of the form has a header without a colon");
        at = end + 2;
    }
    if (!part->name)
        return error_set(err, ERROR_INVALID, "a part of the form has no name");
    part->bytes = blank + 4;
    part->length = (size_t)(in.end - part->bytes);
    return 0;
}

/* "\r\n--" and the boundary that the Content-Type names; NULL when it names none. */
static const char *form_boundary(struct arena *arena, const char *type, struct error *err)
{
    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0) {
        error_set(err, ERROR_INVALID, "the body must be multipart/form-data");
        return NULL;
    }
    const char *value = header_parameter(arena, type, "boundary");
    if (text_empty(value) || strlen(value) > BOUNDARY_LONGEST) {
        error_set(err, ERROR_INVALID, "multipart/form-data needs a boundary of 1 to 70 characters");
        return NULL;
    }
    return arena_format(arena, "\r\n--%s", value);
}

/* Moves past the first boundary, which may open the body without the line break before it. */
static int skip_preamble(struct span *rest, const char *boundary, struct error *err)
{
    size_t length = strlen(boundary);
    if ((size_t)(rest->end - rest->start) >= length - 2 && memcmp(rest->start, boundary + 2, length - 2) == 0) {
        rest->start += length - 2;
        return 0;
    }
    const char *first = find(*rest, boundary);
    if (!first)
        return error_set(err, ERROR_INVALID, "the form's boundary does not occur in it");
    rest->start = first + length;
    return 0;
}

int http_parts_read(struct arena *arena, const char *content_type, const char *body, size_t length,
                    struct http_part **parts, size_t *count, struct error *err)
{
    const char *boundary = form_boundary(arena, content_type, err);
    struct span rest = {body, body + length};
    if (!boundary || skip_preamble(&rest, boundary, err) < 0)
        return -1;
    *parts = arena_alloc(arena, PARTS_MOST * sizeof **parts);
    for (*count = 0; rest.end - rest.start >= 2 && memcmp(rest.start, "--", 2) != 0; (*count)++) {
        const char *next = find(rest, boundary);
        if (!next || next < rest.start + 2 || memcmp(rest.start, "\r\n", 2) != 0)
            break;
        if (*count == PARTS_MOST)
            return error_set(err, ERROR_INVALID, "the form has more than %d parts", PARTS_MOST);
        struct span part = {rest.start + 2, next};
        if (read_part(arena, part, &(*parts)[*count], err) < 0)
            return -1;
        rest.start = next + strlen(boundary);
    }
    if (rest.end - rest.start < 2 || memcmp(rest.start, "--", 2) != 0)
        return error_set(err, ERROR_INVALID, "the form is cut short");
    return 0;
}

int http_request_parts(struct http_request *request, struct http_part **parts, size_t *count, struct error *err)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    return http_parts_read(http_request_arena(request), http_request_header(request, "Content-Type"), body, length,
                           parts, count, err);
}
