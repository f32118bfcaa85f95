/* A spec as a host takes it, and the firewall made of it: nothing that was let through may add a chain or a
 * policy of its own. */
#include "host/firewall.h"
#include "host/spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int occurrences(const char *text, const char *of)
{
    int count = 0;
    for (; (text = strstr(text, of)); text++)
        count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)bytes, length);
    struct host_spec spec = {0};
    if (spec_parse("h100.dev.aws-us-east-1c.vespa.enclave.internal", arena, text, length, &spec, NULL) < 0)
        return 0;
    struct firewall firewall = {.spec = &spec, .tunnel_interface = TUNNEL_INTERFACE};
    const char *rules = firewall_text(arena, &firewall);
    if (occurrences(rules, "chain ") != 2 || occurrences(rules, "policy drop") != 2 ||
        occurrences(rules, "policy ") != 2 || occurrences(rules, "table inet enclave") != 3 ||
        occurrences(rules, "{") != occurrences(rules, "}"))
        abort();
    return 0;
}
