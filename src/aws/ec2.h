/* The EC2 calls a zone needs: find what the tenant's Terraform made, run and terminate hosts, see what is
 * there. */
#ifndef AWS_EC2_H
#define AWS_EC2_H

#include "aws/client.h"

#include <stdbool.h>

struct aws_tag {
    const char *key, *value;
};
enum { EC2_FILTER_VALUES = 5 };
struct ec2_filter {
    const char *name;                      /* "tag:zone", "vpc-id", "instance-state-name" */
    const char *values[EC2_FILTER_VALUES]; /* any of these; NULL-terminated unless full */
};

struct ec2_vpc {
    const char *id, *cidr, *ipv6_cidr;
    struct aws_tag *tags;
    size_t tag_count;
};
struct ec2_subnet {
    const char *id, *vpc_id, *availability_zone, *cidr, *ipv6_cidr;
    struct aws_tag *tags;
    size_t tag_count;
};
struct ec2_security_group {
    const char *id, *name, *vpc_id;
};
struct ec2_instance {
    const char *id, *state, *type, *image_id, *subnet_id, *vpc_id, *availability_zone, *client_token;
    const char *private_ip;
    const char *ipv6[4]; /* NULL-terminated unless full */
    const char *profile_arn;
    const char *state_reason; /* why it ended or never began; NULL when there is nothing to say */
    int64_t launched_ms;
    int64_t launch_index; /* in the call that launched it, from 0 */
    struct aws_tag *tags;
    size_t tag_count;
};
struct ec2_image {
    const char *id, *name, *architecture;
};
const char *aws_tag_value(const struct aws_tag *tags, size_t count, const char *key); /* NULL when absent */

/* Lists page through to the end; arrays are in the arena. */
int ec2_describe_vpcs(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                      size_t filter_count, struct ec2_vpc **vpcs, size_t *count, struct error *err);
int ec2_describe_subnets(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                         size_t filter_count, struct ec2_subnet **subnets, size_t *count, struct error *err);
int ec2_describe_security_groups(struct aws_client *client, struct arena *arena,
                                 const struct ec2_filter *filters, size_t filter_count,
                                 struct ec2_security_group **groups, size_t *count, struct error *err);
int ec2_describe_instances(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                           size_t filter_count, struct ec2_instance **instances, size_t *count,
                           struct error *err);
int ec2_describe_images(struct aws_client *client, struct arena *arena, const char *owner,
                        const struct ec2_filter *filters, size_t filter_count, struct ec2_image **images,
                        size_t *count, struct error *err);

/* What AWS measures and announces of an instance that runs. */
struct ec2_event {
    const char *code, *description; /* "[Completed] ..." and "[Canceled] ..." are over */
    int64_t not_before_ms;
};
struct ec2_instance_status {
    const char *id;
    const char *system,
        *instance; /* "ok", "impaired", "initializing", ...: the computer's and the machine's */
    struct ec2_event *events;
    size_t event_count;
};
int ec2_describe_instance_status(struct aws_client *client, struct arena *arena,
                                 const struct ec2_filter *filters, size_t filter_count,
                                 struct ec2_instance_status **statuses, size_t *count, struct error *err);

struct ec2_volume {
    const char *id, *state;
    int64_t created_ms;
    struct aws_tag *tags;
    size_t tag_count;
};
int ec2_describe_volumes(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                         size_t filter_count, struct ec2_volume **volumes, size_t *count, struct error *err);
int ec2_delete_volume(struct aws_client *client, const char *volume_id, struct error *err);

struct ec2_run {
    const char *client_token; /* makes it idempotent */
    const char *image_id, *type, *subnet_id, *security_group_id, *profile_arn,
        *kms_key_id;       /* EBS key: id or alias */
    const char *user_data; /* plain text; encoded here */
    int count;             /* instances: as many or none */
    int ipv6_count, disk_gb;
    const struct aws_tag *tags; /* on the instances, their volumes and their interfaces */
    size_t tag_count;
};
/* IMDSv2 required, hop limit 1, encrypted volume deleted with the instance, no public IPv4. A token that was
 * used before gives the instances of then, whatever became of them. */
int ec2_run_instances(struct aws_client *client, struct arena *arena, const struct ec2_run *run,
                      struct ec2_instance **instances, size_t *count, struct error *err);
/* All or, when one does not exist, none. */
int ec2_terminate_instances(struct aws_client *client, const char *const *instance_ids, size_t count,
                            struct error *err);
int ec2_create_tags(struct aws_client *client, const char *resource_id, const struct aws_tag *tags,
                    size_t tag_count, struct error *err);

#endif
