/* Calls to the controller: signed with the tenant's API key, or by mTLS as an operator. The controller must prove to be
 * vespa.controller. */
#ifndef CLI_CONTROLLER_H
#define CLI_CONTROLLER_H

#include "cli/cli.h"
#include "net/http.h"

enum controller_caller { AS_TENANT, AS_OPERATOR };

struct controller_call {
    enum controller_caller as;
    enum http_method method;
    const char *path;         /* "/application/v4/tenant/acme" */
    const char *content_type; /* of the body */
    const void *body;
    size_t length;
    int timeout_ms;
};

/* `*answer` is the answer's JSON (NULL when it is not JSON). An answer of 400 and above is an error with its message. */
int controller_call(struct cli *cli, const struct controller_call *call, json_t **answer, struct error *err);
int controller_get(struct cli *cli, json_t **answer, struct error *err, const char *path_format, ...)
    __attribute__((format(printf, 4, 5)));
/* "/application/v4/tenant/T/application/A/instance/I" of the settings; NULL when one is missing. */
char *instance_path(struct cli *cli, struct error *err);
/* ".../environment/E/region/R" */
char *deployment_path(struct cli *cli, struct error *err);

#endif
