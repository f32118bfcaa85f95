/* Calls to an application's endpoint with the tenant's client certificate. The endpoint must prove to be a node of that
 * application. */
#ifndef CLI_DATA_PLANE_H
#define CLI_DATA_PLANE_H

#include "cli/cli.h"
#include "net/http.h"

struct data_plane {
    struct tls_context *tls;
    struct http_client *client;
    const char *url; /* "https://name" */
};

int data_plane_open(struct cli *cli, struct data_plane *plane, struct error *err);
void data_plane_close(struct data_plane *plane);
int data_plane_call(struct cli *cli, struct data_plane *plane, enum http_method method, const char *path,
                    const char *body, json_t **answer, struct error *err);

#endif
