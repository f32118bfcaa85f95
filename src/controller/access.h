/* Who calls, and whether they may: tenants by the key that signed the request, operators by their certificate. */
#ifndef CONTROLLER_ACCESS_H
#define CONTROLLER_ACCESS_H

#include "controller/records.h"
#include "identity/request_signature.h"
#include "net/http_server.h"

/* The bits of a route's `who`. A tenant's roles hold only under the tenant's own paths, and each includes the lesser. */
enum who {
    WHO_ANYONE = 1,
    WHO_READER = 2,
    WHO_DEVELOPER = 4,
    WHO_ADMINISTRATOR = 8,
    WHO_OPERATOR = 16,
};

/* Found by access_authorize, kept with the request. */
struct caller {
    const char *operator_name; /* of an operator, else NULL */
    const char *tenant;        /* of a tenant's user, else NULL */
    enum role role;
    struct request_signer signer; /* of a tenant's user */
};

http_authorize access_authorize;
struct caller *access_caller(struct http_request *request); /* after access_authorize; never NULL */
/* The body must be the one that was signed. */
int access_check_body(struct http_request *request, struct error *err);
/* 401 and 403 as {"code": number, "message": ...}, anything else in Vespa's form. */
http_error_body access_error_body;

#endif
