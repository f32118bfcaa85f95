/* What the files of this folder share: a device is known by its name alone, everything else is read from it.
 */
#ifndef TUNNEL_DEVICE_H
#define TUNNEL_DEVICE_H

#include "base/process.h"
#include "tunnel/tunnel.h"

#include <net/if.h>

struct tunnel {
    char interface[IF_NAMESIZE];
};

enum { TUNNEL_TOOL_TIMEOUT_MS = 10 * 1000 };

/* Runs ip(8) or wg(8); the output (may be NULL) is in the arena. */
int tunnel_tool(struct arena *arena, const char *const *argv, char **output, struct error *err);
#define TUNNEL_ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
