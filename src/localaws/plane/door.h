/* Doors: see door.c. A house is what a door belongs to: a VPC (its metadata service) or an endpoint, by id;
 * its doors are all in one namespace, in which it is alone. */
#ifndef LOCALAWS_PLANE_DOOR_H
#define LOCALAWS_PLANE_DOOR_H

#include "localaws/plane/parts.h"

/* Takes the connection over; on the doors' thread, which it should not hold up. */
typedef void door_entered(struct plane *plane, const char *house, int connection);

int doors_start(struct plane *plane, struct error *err);
void doors_stop(struct plane *plane);
int door_open(struct plane *plane, const char *house, int namespace, const char *address, uint16_t port,
              door_entered *entered, struct error *err);
void doors_close(struct plane *plane, const char *house); /* all of its doors; connections stay */
/* Through whose door a connection came: in the arena, or NULL. */
char *door_house(struct plane *plane, struct arena *arena, int connection);

#endif
