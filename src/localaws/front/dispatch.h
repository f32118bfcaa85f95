/* The region's front door: one table of routes, the calls that come in by them, and who answers. POST / is
 * one of the services named by the signature's scope; every other path is S3's. */
#ifndef LOCALAWS_DISPATCH_H
#define LOCALAWS_DISPATCH_H

#include "localaws/region.h"

/* Serves `region` on the given listening sockets, with TLS. The server answers until http_server_stop. */
int api_start(struct region *region, const struct http_listener *listeners, size_t count,
              struct http_server **server, struct error *err);

enum { API_SIDE = 1 };

#endif
