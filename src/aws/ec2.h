/* The EC2 calls a zone needs: find what the tenant's Terraform made, run and terminate hosts, see what is
 * there. */
#ifndef AWS_EC2_H
#define AWS_EC2_H

#include "aws/client.h"

#include <stdbool.h>

struct aws_tag {
    const char *key, *value;
};
struct ec2_filter {
    const char *name, *value; /* "tag:zone", "vpc-id", "instance-state-name" */
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

struct ec2_run {
    const char *client_token; /* makes it idempotent */
    const char *image_id, *type, *subnet_id, *security_group_id, *profile_arn,
        *kms_key_id;       /* EBS key: id or alias */
    const char *user_data; /* plain text; encoded here */
    int ipv6_count, disk_gb;
    const struct aws_tag *tags; /* on the instance, its volume and its interface */
    size_t tag_count;
};
/* IMDSv2 required, hop limit 1, encrypted volume deleted with the instance, no public IPv4. */
int ec2_run_instance(struct aws_client *client, struct arena *arena, const struct ec2_run *run,
                     struct ec2_instance *instance, struct error *err);
int ec2_terminate_instance(struct aws_client *client, const char *instance_id, struct error *err);

#endif
