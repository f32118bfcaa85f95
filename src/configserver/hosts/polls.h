/* Hosts that ask for their spec and wait until it is another than the one they have. One thread answers them
 * all, when the records change or their time is over. A spec's generation is the time its content was first
 * seen, so that it rises with every change and over restarts without being stored. */
#ifndef CONFIGSERVER_POLLS_H
#define CONFIGSERVER_POLLS_H

#include "configserver/zone.h"
#include "net/http_server.h"

enum { POLL_LONGEST_S = 60 };

struct polls *polls_new(struct zone *zone);
int polls_start(struct polls *polls, struct error *err);
void polls_stop(struct polls *polls); /* answers everyone who waits */
void polls_free(struct polls **polls);
/* Records changed: whoever waits for the spec of a host concerned is looked at again. */
void polls_look(struct polls *polls, const struct touched *touched);

/* The host's spec as JSON and its generation, in the arena; ERROR_NOT_FOUND. */
int polls_spec(struct polls *polls, const char *hostname, struct arena *arena, char **text,
               int64_t *generation, struct error *err);

/* GET /spec/v1/host/{hostname}?generation=G&wait=S */
http_handler get_spec;

#endif
