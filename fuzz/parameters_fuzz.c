/* The body of a query-protocol call, and how the audit trail shows it: always as JSON. */
#include "localaws/front/parameters.h"
#include "localaws/trail/request_shape.h"

#include <assert.h>

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void show(struct arena *arena, const struct parameters *parameters, const char *service)
{
    cleanup(buffer_free) struct buffer out = buffer_new(16 << 20);
    size_t count;
    const char *const *pairs = parameters_all(parameters, &count);
    out_parameters(&out, arena, service, "RunInstances", pairs, count);
    json_t *shown = out.overflow ? json_null() : json_loadb(out.data, out.length, JSON_DECODE_ANY, NULL);
    assert(shown);
    json_decref(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct parameters *parameters;
    if (parameters_parse(arena, arena_strndup(arena, (const char *)bytes, length), &parameters, NULL) == 0) {
        parameters_get(parameters, "Action");
        parameters_get(parameters, "");
        show(arena, parameters, "ec2");
        show(arena, parameters, "iam");
    }
    return 0;
}
