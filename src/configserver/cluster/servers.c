#include "configserver/cluster/servers.h"

#include "configserver/cluster/mesh.h"

bool zone_leads(const struct zone *zone)
{
    return !zone->servers || atomic_load(&zone->servers->leads);
}

void config_servers_init(struct config_servers *servers, const struct config *config, uint16_t port,
                         struct arena *arena)
{
    *servers = (struct config_servers){.index = config->index, .count = config->server_count};
    if (servers->count > SERVERS_MOST)
        servers->count = SERVERS_MOST;
    for (size_t i = 0; i < servers->count; i++) {
        const struct config_server *server = &config->servers[i];
        const char *address = mesh_address(arena, config->zone, server->index);
        servers->all[i] = (struct mesh_server){server->index, server->address,
                                               arena_format(arena, "https://[%s]:%u", address, port)};
    }
}
