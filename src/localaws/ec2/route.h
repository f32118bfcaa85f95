/* What route tables and the changing of their routes share. */
#ifndef LOCALAWS_EC2_ROUTE_H
#define LOCALAWS_EC2_ROUTE_H

#include "localaws/ec2/ec2.h"

enum { MOST_ROUTES = 1000 };
extern const struct record route_record;

/* How a route's target is named, by its id's prefix: in requests and in answers. */
enum { TARGET_FORMS = 7 };
struct target_form {
    const char *prefix, *parameter, *element;
};
extern const struct target_form target_forms[TARGET_FORMS];

#endif
