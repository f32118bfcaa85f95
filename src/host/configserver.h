/* Talking to the zone's config servers: on their public side for the bootstrap, through the tunnel for
 * everything else. Whoever answers must prove the config servers' principal. */
#ifndef HOST_CONFIGSERVER_H
#define HOST_CONFIGSERVER_H

#include "host/agent.h"

/* `body` is JSON or NULL. -1 for any answer of status 400 and above, with its message. */
int bootstrap_call(struct agent *agent, struct http_client *client, enum http_method method, const char *path,
                   const char *body, struct arena *arena, struct http_reply *reply, struct error *err);

struct question {
    enum http_method method;
    const char *path;
    const char *body; /* JSON or NULL */
    int timeout_ms;
    bool on_line; /* over the connection that stays, by who has it (line.h); else over one that is closed */
};
/* Asks the config server that answered last; when it does not answer in time, or says that something is wrong
 * with it (500 and above), the next, which then is the one. -1 for any answer of status 400 and above. */
int configserver_call(struct agent *agent, const struct question *question, struct arena *arena,
                      struct http_reply *reply, struct error *err);

/* From now on the next in the list. */
void configserver_turn(struct agent *agent);

/* The tunnel's peers as last told, from the state directory; ERROR_NOT_FOUND before the first time. */
int configserver_peers(struct agent *agent, struct arena *arena, struct wireguard_peers *peers,
                       struct error *err);

#endif
