/* What route tables and the changing of their routes share. */
#ifndef LOCALAWS_EC2_ROUTE_H
#define LOCALAWS_EC2_ROUTE_H

#include "localaws/ec2/ec2.h"
#include "localaws/plane/plane.h"

enum { MOST_ROUTES = 1000 };
extern const struct record route_record;

/* How a route's target is named, by its id's prefix: in requests and in answers. */
enum { TARGET_FORMS = 7 };
struct target_form {
    const char *prefix, *parameter, *element;
};
extern const struct target_form target_forms[TARGET_FORMS];

/* ec2/picture_routes.c. Where a route leads now: a black hole when what it names is gone, detached or without
 * an interface that is in use. */
struct plane_route route_for_plane(const struct route_table *table, const struct route *route);
bool route_is_active(const struct route_table *table, const struct route *route);

#endif
