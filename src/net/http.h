/* What HTTP server and client share: methods, the status an error kind becomes, header lists. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/error.h"
#include "base/memory.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_METHODS };

const char *http_method_name(enum http_method method);
int http_status(enum error_kind kind);               /* the one place where a kind becomes a status */
enum error_kind http_error_kind(int status);         /* and back, for clients; ERROR_NONE below 400 */

struct http_header {
    const char *name, *value;
};

struct http_headers {
    struct http_header *items;
    size_t count, capacity;
};

void http_headers_add(struct arena *arena, struct http_headers *headers, const char *name, const char *value);
const char *http_headers_get(const struct http_headers *headers, const char *name); /* first, any case; or NULL */

#endif
