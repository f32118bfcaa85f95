/* DNS messages: a query from an instance, and the answer to it. */
#ifndef LOCALAWS_PLANE_NAMES_MESSAGE_H
#define LOCALAWS_PLANE_NAMES_MESSAGE_H

#include "localaws/plane/plane.h"

enum { NAMES_UDP_LARGEST = 512, NAMES_TCP_LARGEST = 4096 };

/* Answers a message of whatever bytes came, for an instance of the VPC, into `answer`; what does not fit into
 * `room` is left out and said to be. Gives the answer's length; 0 when the message is no query to be
 * answered. */
size_t names_answer(const struct plane_callbacks *callbacks, const char *vpc_id, const unsigned char *query,
                    size_t length, unsigned char *answer, size_t room);

#endif
