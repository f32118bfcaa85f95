/* The zone's peers as WireGuard has them: src/tunnel, one thread at a time, behind the zone's interface.
 * Before the tunnel is open setting peers fails as unavailable, and they are set once it is. */
#ifndef CONFIGSERVER_TUNNEL_PEERS_H
#define CONFIGSERVER_TUNNEL_PEERS_H

#include "configserver/zone.h"

struct tunnel_peers;
struct tunnel_peers *tunnel_peers_new(const char *state_directory); /* the key is kept there */
void tunnel_peers_free(struct tunnel_peers **peers);                /* leaves the device up */
/* Our public key, before the tunnel is open, too. In the arena. */
int tunnel_peers_key(struct tunnel_peers *peers, struct arena *arena, char **key, struct error *err);
int tunnel_peers_open(struct tunnel_peers *peers, const char *address, int prefix_length, struct error *err);
struct peers tunnel_peers_interface(struct tunnel_peers *peers);

#endif
