/* The cloud as a zone needs it: tenants' accounts in which hosts and load balancers are made. The real one is
 * cloud_aws.c; tests and simulations bring their own. Every call may block and may be repeated: all are
 * idempotent, so that dying between a call and writing down its outcome costs nothing. */
#ifndef CONFIGSERVER_CLOUD_H
#define CONFIGSERVER_CLOUD_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

struct account;

/* What the tenant's Terraform made in an account for this zone. */
struct place {
    const char *vpc, *host_subnet, *balancer_subnet, *security_group, *host_profile_arn, *disk_key;
    const char *archive_bucket;
    const char *balancer_network;     /* IPv6 CIDR of the balancer subnet */
    const char *image, *architecture; /* of hosts: AMI id, "x86_64" or "arm64" */
};

enum instance_state { INSTANCE_STARTING, INSTANCE_RUNNING, INSTANCE_ENDING, INSTANCE_ENDED };

struct instance {
    const char *id, *hostname; /* from its tag */
    enum instance_state state;
    const char *addresses[2]; /* IPv6; NULL until there */
    const char *reason;       /* why it ended; may be NULL */
};

struct launch {
    const char *token; /* the same token is the same instance */
    const char *hostname, *tenant, *application, *cluster, *owner, *type, *user_data;
    int disk_gb;
};

struct balancer_plan {
    const char *name, *owner, *application, *cluster;
};
struct balancer {
    const char *arn, *group_arn, *dns_name, *hosted_zone;
};
struct balancer_target {
    const char *address;
    bool healthy;
};

struct cloud {
    void *context;
    /* ERROR_INVALID naming what is missing and the command that makes it. */
    int (*find_place)(void *context, const struct account *account, struct arena *arena, struct place *place,
                      struct error *err);
    int (*launch)(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instance,
                  struct error *err);
    /* Every instance of the zone tagged with this owner that is not long gone. */
    int (*list)(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err);
    int (*terminate)(void *context, const struct account *account, const char *instance_id,
                     struct error *err);
    int (*make_balancer)(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err);
    int (*targets)(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **targets, size_t *count, struct error *err);
    int (*change_targets)(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err);
    /* Begins or continues the removal; `*gone` when nothing of it is left. */
    int (*remove_balancer)(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err);
};

/* Only the real cloud has one: roles are assumed and clients made on first use, one an account. */
struct config;
int cloud_aws_open(const struct config *config, struct cloud **cloud, struct error *err);
void cloud_aws_close(struct cloud **cloud);

#endif
