/* For tests: a controller that serves on loopback, with an authority, a zone's config server and an AWS of our own
 * making around it. All over the real protocols; only who answers is ours. */
#ifndef CONTROLLER_TEST_WORLD_H
#define CONTROLLER_TEST_WORLD_H

#include "controller/api.h"
#include "identity/key.h"

#include <stdatomic.h>

#define ZONE         "dev.aws-us-east-1c"
#define ACME_ACCOUNT "210987654321"
#define EVIL_ACCOUNT "666666666666"

/* What the zone's config server is made to do next. */
struct zone_mood {
    atomic_bool down;           /* 503 for everything */
    atomic_bool serves;         /* the deployment is running and converged */
    atomic_bool fails;          /* or failed */
    atomic_bool refuses;        /* packages are invalid */
    atomic_bool not_set_up;     /* accounts are */
    atomic_bool exists;         /* it has the deployment */
    atomic_int taken, deleted;  /* packages handed over, deletions asked for */
};

/* What the tenant's AWS account is like. */
struct aws_mood {
    atomic_bool no_external_id_needed, no_host_role;
};

struct world {
    struct arena *arena;
    char directory[64];
    struct controller_config config;
    struct controller controller;
    struct zone_mood zone;
    struct aws_mood aws;
    struct http_server *api, *configserver, *aws_server;
    int api_socket;
    struct tls_context *api_tls, *configserver_tls, *operator_tls, *nobody_tls;
    struct http_client *as_operator, *as_nobody;
    struct key *acme, *evil, *reader; /* API keys */
    struct aws_credentials *ours;
};

int world_begin(void **state);
int world_end(void **state);
/* As after kill -9: everything in memory is gone, the state directory stays. */
void world_restart(struct world *world);

/* A call whose answer's status is returned; `*answer` (may be NULL) is its JSON. A NULL key does not sign. */
int call_as(struct world *world, struct http_client *client, const struct key *key, const char *key_id,
            enum http_method method, const char *path, const void *body, size_t length, json_t **answer);
/* acme's administrator, with a text body. */
int call_acme(struct world *world, enum http_method method, const char *path, const char *body, json_t **answer);
int call_operator(struct world *world, enum http_method method, const char *path, const char *body, json_t **answer);

void make_tenant(struct world *world, const char *name, const struct key *key, const char *external_id);
/* Registers with a proof signed by the AWS keys named `aws_key`; the status. */
int register_account_as(struct world *world, const char *tenant, const struct key *key, const char *account,
                        const char *aws_key, json_t **answer);
/* A package for this account. */
char *make_package(struct world *world, const char *account, size_t *length);
/* One with these files. */
char *make_package_of(struct world *world, const char *services, const char *deployment, size_t *length);

#endif
