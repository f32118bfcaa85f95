/* The trust boundary: which route answers on which side, for whom. */
#ifndef CONFIGSERVER_ROUTES_H
#define CONFIGSERVER_ROUTES_H

#include "net/http_server.h"

enum side {
    SIDE_PUBLIC = 1,   /* the VPC address, through the Config NLB from anywhere */
    SIDE_PROVIDER = 2, /* the vendor's network; with the provider's certificate */
    SIDE_TUNNEL = 4,   /* the zone's tunnel, where only admitted hosts are */
    SIDE_PEERS = 8,    /* the vendor's network; config servers tell each other their tunnel keys */
    SIDE_MESH = 16,    /* the config servers' own tunnel: what others ask of a follower, for the leader */
    /* Beside another side: the leader answers; a follower passes the request on to it over the mesh. */
    AT_LEADER = SIDE_MESH,
};

enum who {
    WHO_ANYONE = 1,
    WHO_HOST = 2,        /* a host of this zone that lives */
    WHO_HOST_ITSELF = 4, /* and {hostname} is it */
    WHO_ITS_NODE = 8,    /* and {hostname} is a node on it */
    WHO_CONTROLLER = 16,
    WHO_OPERATOR = 32,
    WHO_ZTS = 64,
    WHO_CONFIGSERVER = 128, /* one of this zone's */
    WHO_ANY_HOST = WHO_HOST | WHO_HOST_ITSELF | WHO_ITS_NODE,
};

extern const struct http_route routes[];
extern const size_t route_count;

http_authorize authorize_caller; /* the server's context is the zone */

#endif
