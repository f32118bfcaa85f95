/* The one world of a test program, as cmocka's set-up and teardown make and end it. */
#ifndef LOCALAWS_PLANE_WORLD_FIXTURE_TEST_H
#define LOCALAWS_PLANE_WORLD_FIXTURE_TEST_H

#include "localaws/plane/world_test.h"

extern struct plane_world world;

int world_raise(void **state);       /* populated, and machines A to D serve */
int world_raise_empty(void **state); /* the VPC "home", and no machine */
int world_lower(void **state);

#endif
