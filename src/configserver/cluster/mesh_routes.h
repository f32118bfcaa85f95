/* The one route of the side on which config servers tell each other their keys; its server's context is the
 * mesh. */
#ifndef CONFIGSERVER_MESH_ROUTES_H
#define CONFIGSERVER_MESH_ROUTES_H

#include "net/http_server.h"

http_handler exchange_mesh_keys;

#endif
