/* The Elastic Load Balancing v2 calls a zone needs for a Network Load Balancer. What is ensured is made, or
 * found by its name and put right where somebody changed it. */
#ifndef AWS_ELBV2_H
#define AWS_ELBV2_H

#include "aws/ec2.h"

struct elb_load_balancer {
    const char *arn, *name, *dns_name, *state, *vpc_id, *hosted_zone;
    const char **subnet_ids;
    size_t subnet_count;
};
struct elb_target_group {
    const char *arn, *name;
};
struct elb_target {
    const char *id; /* address */
    int port;
    const char *state, *reason; /* of health: "healthy", "initial", ... */
};

/* Those that carry this tag. Something that is deleted meanwhile is ERROR_NOT_FOUND: ask again. */
struct elb_named {
    const char *arn, *name, *dns_name; /* NULL of target groups */
};
int elb_list_load_balancers(struct aws_client *client, struct arena *arena, const struct aws_tag *tag,
                            struct elb_named **balancers, size_t *count, struct error *err);
int elb_list_target_groups(struct aws_client *client, struct arena *arena, const struct aws_tag *tag,
                           struct elb_named **groups, size_t *count, struct error *err);

struct elb_load_balancer_spec {
    const char *name;
    const char *const *subnet_ids; /* one a zone */
    size_t subnet_count;
    bool internet_facing;
    const struct aws_tag *tags;
    size_t tag_count;
};
/* A dualstack Network Load Balancer. */
int elb_create_load_balancer(struct aws_client *client, struct arena *arena,
                             const struct elb_load_balancer_spec *spec, struct elb_load_balancer *balancer,
                             struct error *err);
int elb_describe_load_balancer(struct aws_client *client, struct arena *arena, const char *name,
                               struct elb_load_balancer *balancer, struct error *err); /* ERROR_NOT_FOUND */
/* Subnets that we may not change stay as they are. */
int elb_ensure_load_balancer(struct aws_client *client, struct arena *arena,
                             const struct elb_load_balancer_spec *spec, struct elb_load_balancer *balancer,
                             struct error *err);
/* Of a load balancer or a target group, by its ARN. */
int elb_set_attributes(struct aws_client *client, const char *arn, const struct aws_tag *attributes,
                       size_t count, struct error *err);
int elb_delete_load_balancer(struct aws_client *client, const char *arn, struct error *err);

struct elb_target_group_spec {
    const char *name, *vpc_id;
    int port, health_port;
    bool ipv6;
    const struct aws_tag *tags;
    size_t tag_count;
};
/* TCP, targets by address, TCP health checks every 10 s. */
int elb_create_target_group(struct aws_client *client, struct arena *arena,
                            const struct elb_target_group_spec *spec, struct elb_target_group *group,
                            struct error *err);
int elb_describe_target_group(struct aws_client *client, struct arena *arena, const char *name,
                              struct elb_target_group *group, struct error *err); /* ERROR_NOT_FOUND */
int elb_ensure_target_group(struct aws_client *client, struct arena *arena,
                            const struct elb_target_group_spec *spec, struct elb_target_group *group,
                            struct error *err);
int elb_delete_target_group(struct aws_client *client, const char *arn, struct error *err);
int elb_register_targets(struct aws_client *client, const char *group_arn, const struct elb_target *targets,
                         size_t count, struct error *err);
int elb_deregister_targets(struct aws_client *client, const char *group_arn, const struct elb_target *targets,
                           size_t count, struct error *err);
int elb_target_health(struct aws_client *client, struct arena *arena, const char *group_arn,
                      struct elb_target **targets, size_t *count, struct error *err);
/* The one on this port, with these tags when it is new, forwards to that group. */
int elb_ensure_listener(struct aws_client *client, struct arena *arena, const char *load_balancer_arn,
                        int port, const char *group_arn, const struct aws_tag *tags, size_t tag_count,
                        struct error *err);

#endif
