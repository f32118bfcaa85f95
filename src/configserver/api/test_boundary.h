/* For tests: the trust boundary over real TLS. A zone's server with its three sides, and one client of each
 * kind of caller, each with the certificate that such a caller has. */
#ifndef CONFIGSERVER_TEST_BOUNDARY_H
#define CONFIGSERVER_TEST_BOUNDARY_H

#include "configserver/api/routes.h"
#include "configserver/test_callers.h"

#include <stdatomic.h>

#define HOST     "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE     "h100a.dev.aws-us-east-1c.vespa.enclave.internal"
#define NEIGHBOR "h101.dev.aws-us-east-1c.vespa.enclave.internal"
#define PROVIDER "vespa.provider_dev_aws-us-east-1c"

enum caller {
    NOBODY,
    ITSELF,
    CONTROLLER,
    OPERATOR,
    ZTS,
    HOST_ITSELF,
    HOST_NEIGHBOR,
    ITS_NODE,
    STRANGER,
    CALLERS
};

struct boundary {
    struct test_zone *test;
    struct test_callers callers;
    struct http_server *server;
    int ports[SIDE_TUNNEL + 1];
    struct memory_tree *tree;  /* of boundary_begin_in_memory */
    atomic_bool silent, loses; /* the store answers nothing; begins to when it has written next */
};

/* cmocka's setups: *state is a struct boundary, with two launched hosts, "web" on the first. */
int boundary_begin(void **state);
/* On a store that falls silent when the test says so. */
int boundary_begin_in_memory(void **state);
int boundary_end(void **state);

struct http_reply ask(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
                      const char *path, const char *body);
int status(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
           const char *path, const char *body);

#endif
