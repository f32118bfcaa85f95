/* For tests: who the controller talks to. */
#ifndef CONTROLLER_TEST_PEERS_H
#define CONTROLLER_TEST_PEERS_H

#include "controller/test_world.h"

struct http_server *configserver_start(struct world *world, int *port); /* moods: world->zone */
struct http_server *aws_start(struct world *world, int *port);          /* moods: world->aws */

#endif
