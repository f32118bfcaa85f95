#include "base/text.h"
#include "net/server.h"

#include <stdio.h>
#include <string.h>

/* One segment of a path, or of a route's pattern. */
struct segment {
    const char *start;
    size_t length;
};

/* Takes the next segment from `*at`, which stands on a slash; false at the end. A slash at the very end is no segment:
 * "/a/" is "/a". */
static bool next_segment(const char **at, struct segment *segment)
{
    if (**at != '/' || (*at)[1] == '\0')
        return false;
    segment->start = *at + 1;
    segment->length = strcspn(segment->start, "/");
    *at = segment->start + segment->length;
    return true;
}

static bool is_parameter(const struct segment *segment)
{
    return segment->length > 2 && segment->start[0] == '{';
}

static bool is_rest(const struct segment *segment)
{
    return is_parameter(segment) && segment->length > 5 &&
           memcmp(segment->start + segment->length - 4, "...}", 4) == 0;
}

struct match {
    struct segment names[PARAMETERS_MOST], values[PARAMETERS_MOST];
    size_t count;
};

static void keep(struct match *match, const struct segment *pattern, size_t suffix, struct segment value)
{
    if (match->count == PARAMETERS_MOST)
        return;
    match->names[match->count] = (struct segment){pattern->start + 1, pattern->length - 1 - suffix};
    match->values[match->count++] = value;
}

/* `path` is as it was sent, percent-encoded. "{rest...}" takes everything after its slash, an end slash too. */
static bool matches(const char *pattern, const char *path, struct match *match)
{
    struct segment wanted, given;
    match->count = 0;
    while (next_segment(&pattern, &wanted)) {
        if (is_rest(&wanted)) {
            if (*path != '/')
                return false;
            keep(match, &wanted, 4, (struct segment){path + 1, strlen(path + 1)});
            return true;
        }
        if (!next_segment(&path, &given))
            return false;
        if (is_parameter(&wanted)) {
            if (given.length == 0)
                return false;
            keep(match, &wanted, 1, given);
        } else if (wanted.length != given.length || memcmp(wanted.start, given.start, given.length) != 0) {
            return false;
        }
    }
    return !next_segment(&path, &given);
}

static int decode_parameters(struct http_request *request, const struct match *match, struct error *err)
{
    for (size_t i = 0; i < match->count; i++) {
        const char *name = arena_strndup(request->arena, match->names[i].start, match->names[i].length);
        const char *raw = arena_strndup(request->arena, match->values[i].start, match->values[i].length);
        char *value;
        if (percent_decode(request->arena, raw, false, &value, err) < 0)
            return error_context(err, "path");
        request->parameters[request->parameter_count++] = (struct parameter){name, value};
    }
    return 0;
}

static int method_of(const char *name)
{
    for (int method = 0; method < HTTP_METHODS; method++)
        if (strcmp(http_method_name((enum http_method)method), name) == 0)
            return method;
    return -1;
}

/* What keeps a request from its handler, when nothing matches: the path is another side's, or takes other methods. */
struct near_miss {
    bool other_side, other_method;
    char allowed[64];
};

static void note_near_miss(struct near_miss *miss, const struct http_route *route, unsigned side)
{
    if (!(route->side & side)) {
        miss->other_side = true;
        return;
    }
    miss->other_method = true;
    const char *name = http_method_name(route->method);
    size_t length = strlen(miss->allowed);
    if (!strstr(miss->allowed, name))
        snprintf(miss->allowed + length, sizeof miss->allowed - length, "%s%s", length ? ", " : "", name);
}

static int explain(struct http_request *request, const struct near_miss *miss, const char *method, int *status,
                   struct error *err)
{
    if (miss->other_method) {
        *status = 405;
        http_respond_header(request, "Allow", miss->allowed);
        return error_code(err, ERROR_INVALID, "METHOD_NOT_ALLOWED", "%s is not possible on %s, only %s", method,
                          request->path, miss->allowed);
    }
    *status = miss->other_side ? 403 : 404;
    if (miss->other_side)
        return error_set(err, ERROR_FORBIDDEN, "%s is not served on this side", request->path);
    return error_set(err, ERROR_NOT_FOUND, "nothing is at %s", request->path);
}

int routes_find(struct http_request *request, const char *method, int *status, struct error *err)
{
    const struct http_server_options *options = &request->server->options;
    unsigned side = request->connection->side;
    int wanted = method_of(method);
    struct near_miss miss = {0};
    struct match match;
    if (wanted >= 0)
        request->method = (enum http_method)wanted;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct http_route *route = &options->routes[i];
        if (!matches(route->path, request->path, &match))
            continue;
        if ((route->side & side) && (int)route->method == wanted) {
            request->route = route;
            *status = 400;
            return decode_parameters(request, &match, err);
        }
        note_near_miss(&miss, route, side);
    }
    return explain(request, &miss, method, status, err);
}
