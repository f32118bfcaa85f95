/* The cloud as a zone needs it: tenants' accounts in which hosts and load balancers are made. The real one is
 * aws.c; tests and simulations bring their own. Every call may block and may be repeated: all are idempotent,
 * so that dying between a call and writing down its outcome costs nothing. An error's kind is THROTTLED when
 * the account's rate is used up, INVALID what will fail again, UNAVAILABLE when the outcome may be unknown;
 * its code is AWS's, and cloud_lacks_capacity() knows those that mean "not here, not now, not of this type".
 */
#ifndef CONFIGSERVER_CLOUD_H
#define CONFIGSERVER_CLOUD_H

#include "base/error.h"
#include "base/memory.h"
#include "configserver/records/records.h"

#include <stdbool.h>
#include <stdint.h>

/* A subnet for hosts: one an availability zone. */
struct host_subnet {
    const char *id, *availability_zone; /* "use1-az6" or "us-east-1c", as AWS says it */
};
struct host_image {
    const char *id, *architecture; /* AMI id; "x86_64" or "arm64" */
};

/* What the tenant's Terraform made in an account for this zone. */
struct place {
    const char *vpc, *security_group, *host_profile_arn, *disk_key;
    const char *archive_bucket;
    struct host_subnet *host_subnets; /* at least one, sorted by zone */
    size_t host_subnet_count;
    const char **balancer_subnets;
    const char **balancer_networks; /* IPv6 CIDRs of these */
    size_t balancer_subnet_count;
    struct host_image *images; /* of hosts, one an architecture; the first is preferred */
    size_t image_count;
};

/* One that is stopped serves nobody, but has its disks still and is terminated to be gone. */
enum instance_state {
    INSTANCE_STARTING,
    INSTANCE_RUNNING,
    INSTANCE_STOPPED,
    INSTANCE_ENDING,
    INSTANCE_ENDED
};

struct instance {
    const char *id;
    const char *hostname;    /* from its tag; "" when it has none: launched together with others */
    const char *application; /* id, from its tags; may be NULL */
    enum instance_state state;
    const char *addresses[2]; /* IPv6; NULL until there */
    const char *reason;       /* why it ended; may be NULL */
    int64_t launched_ms;
    const char *token;    /* of its launch; may be NULL */
    int64_t launch_index; /* in its launch: the same place as its hostname there */
};

/* One call launches `host_count` instances of a kind; the nth is the nth hostname's, and has its name from
 * its user data if they are several. */
struct launch {
    const char *token; /* the same token is the same instances */
    const char *const *hostnames;
    size_t host_count;
    const char *tenant, *application, *instance, *cluster, *owner, *type, *subnet, *image, *user_data;
    int disk_gb;
    const struct resource_tag *tags; /* the tenant's */
    size_t tag_count;
};

/* What the cloud announces of an instance. */
struct instance_event {
    const char *instance_id;
    const char *code; /* "instance-retirement", "instance-stop", "system-reboot", … or "impaired" */
    const char *description;
    int64_t not_before_ms; /* 0: now */
};

struct balancer_plan {
    const char *name, *owner, *application, *cluster;
    struct endpoint_settings settings;
    const struct resource_tag *tags;
    size_t tag_count;
};
struct balancer {
    const char *name, *arn, *group_arn, *dns_name, *hosted_zone;
    const char *service_id, *service_name; /* of its endpoint service; NULL when it has none */
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
    /* All or none; `instances` has room for launch->host_count. Asked again with the same token: the
     * instances of then, an id being NULL where one is forgotten; cloud_token_is_used() when not all else is
     * as then. */
    int (*launch)(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err);
    /* Every instance of the zone tagged with this owner that is not long gone. */
    int (*list)(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err);
    /* Gives an instance that was launched with others its own name; nothing when we may not. May be NULL. */
    int (*name_instance)(void *context, const struct account *account, const char *instance_id,
                         const char *hostname, struct error *err);
    /* Removes this owner's disks that are nobody's and older; those removed. May be NULL. */
    int (*remove_disks)(void *context, const struct account *account, const char *owner,
                        int64_t older_than_ms, struct arena *arena, const char ***removed, size_t *count,
                        struct error *err);
    /* Those that are there. */
    int (*terminate)(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err);
    /* What is announced of this owner's instances. */
    int (*events)(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **events, size_t *count, struct error *err);
    /* Makes it, or makes one that is there as the plan says (settings, endpoint service, allowed principals).
     */
    int (*make_balancer)(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err);
    /* Every balancer and target group of this owner: names, with what is known of each. */
    int (*list_balancers)(void *context, const struct account *account, const char *owner,
                          struct arena *arena, struct balancer **balancers, size_t *count, struct error *err);
    int (*targets)(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **targets, size_t *count, struct error *err);
    int (*change_targets)(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err);
    /* Begins or continues the removal; `*gone` when nothing of it is left. */
    int (*remove_balancer)(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err);
    /* Whether the name is found by clients' resolvers. */
    int (*name_resolves)(void *context, const char *name, bool *resolves, struct error *err);
};

bool cloud_lacks_capacity(const struct error *err); /* another type or zone may do */
bool cloud_quota_is_used(
    const struct error *err); /* of the account: no other type helps, AWS must be asked */
bool cloud_token_is_used(const struct error *err); /* this launch was asked before, and not in the same way */

/* Only the real cloud has one: roles are assumed and clients made on first use, one an account. */
struct config;
int cloud_aws_open(const struct config *config, struct cloud **cloud, struct error *err);
void cloud_aws_close(struct cloud **cloud);

#endif
