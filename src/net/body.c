#include "base/text.h"
#include "net/server.h"

#include <string.h>

struct framing {
    const char *length;
    unsigned lengths, encodings;
};

/* libmicrohttpd takes two Content-Length, or one beside Transfer-Encoding, and picks for itself; somebody in front of
 * us may pick the other, and a second request hides in the difference (RFC 9112, 6.3). */
static int check_framing(const struct framing *framing, struct error *err)
{
    if (framing->lengths > 1)
        return error_set(err, ERROR_INVALID, "more than one Content-Length");
    if (framing->lengths && framing->encodings)
        return error_set(err, ERROR_INVALID, "Content-Length together with Transfer-Encoding");
    if (framing->encodings > 1)
        return error_set(err, ERROR_INVALID, "more than one Transfer-Encoding");
    return 0;
}

int body_announced(struct http_request *request, struct error *err)
{
    struct framing framing = {0};
    for (size_t i = 0; i < request->headers.count; i++) {
        const struct http_header *header = &request->headers.items[i];
        if (text_equal_nocase(header->name, "Content-Length")) {
            framing.length = header->value;
            framing.lengths++;
        } else if (text_equal_nocase(header->name, "Transfer-Encoding")) {
            if (!text_equal_nocase(header->value, "chunked"))
                return error_set(err, ERROR_INVALID, "the only Transfer-Encoding known here is chunked");
            framing.encodings++;
        }
    }
    if (check_framing(&framing, err) < 0)
        return -1;
    request->announced = framing.encodings ? -1 : 0;
    if (!framing.length)
        return 0;
    if (!text_only(framing.length, "0-9"))
        return error_set(err, ERROR_INVALID, "Content-Length is not a number");
    return text_number(framing.length, 0, INT64_MAX, "Content-Length", &request->announced, err);
}

size_t body_limit(const struct http_route *route)
{
    if (route->body_limit)
        return route->body_limit;
    return route->piece ? SIZE_MAX : BODY_LIMIT_DEFAULT;
}

int body_receive(struct http_request *request, const char *bytes, size_t length, int *status, struct error *err)
{
    const struct http_route *route = request->route;
    size_t limit = body_limit(route);
    if (length > limit - request->received) {
        *status = 413;
        return error_set(err, ERROR_INVALID, "the body is larger than %zu bytes", limit);
    }
    request->received += length;
    if (route->piece) {
        int result = route->piece(request, bytes, length, err);
        *status = result < 0 ? http_status(err->kind) : 0;
        return result;
    }
    if (!request->body.maximum)
        request->body = buffer_new(limit);
    buffer_append(&request->body, bytes, length);
    return 0;
}
