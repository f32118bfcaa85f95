/* The keys config servers tell each other: of the mesh, and of the hosts' tunnel. What is known of the
 * others, kept in a file, and the words by which it is told. */
#ifndef CONFIGSERVER_MESH_KEYS_H
#define CONFIGSERVER_MESH_KEYS_H

#include "base/record.h"
#include "configserver/config.h"

struct mesh_key {
    int64_t index;
    const char *mesh_key, *tunnel_key; /* WireGuard's public keys */
};
extern const struct record mesh_key_record;

/* All of the zone's, by index; locked by whoever has it. */
struct mesh_keys {
    const struct config *config;
    const char *path;
    struct arena *arena; /* replaced whenever something changes */
    struct mesh_key *keys;
    size_t count;
};
void mesh_keys_open(struct mesh_keys *keys, const struct config *config, const char *path);
void mesh_keys_close(struct mesh_keys *keys);
/* Notes what was told; *changed when it is new. ERROR_FORBIDDEN for one that is none of the zone's, or
 * ourselves, or calls from an address (NULL: we called it) that is not its. */
int mesh_keys_note(struct mesh_keys *keys, const struct mesh_key *told, const char *address, bool *changed,
                   struct error *err);
const struct mesh_key *mesh_keys_of(const struct mesh_keys *keys, int64_t index); /* NULL: not told yet */

#endif
