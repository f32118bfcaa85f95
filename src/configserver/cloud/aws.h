/* What the files of the real cloud share: aws.c has accounts, aws_place.c finds what Terraform made,
 * aws_instances.c makes hosts, aws_balancer.c load balancers. Private to these. */
#ifndef CONFIGSERVER_CLOUD_AWS_H
#define CONFIGSERVER_CLOUD_AWS_H

#include "aws/client.h"
#include "configserver/cloud/cloud.h"
#include "zone/names.h"

struct cloud_aws;
/* The account's client, made on first use; lives as long as the cloud. No call to AWS is made here. */
int cloud_aws_client(struct cloud_aws *aws, const struct account *account, struct aws_client **client,
                     struct error *err);
const struct config *cloud_aws_config(const struct cloud_aws *aws);
const struct zone_id *cloud_aws_zone(const struct cloud_aws *aws);

/* Members of struct cloud. */
int cloud_aws_find_place(void *context, const struct account *account, struct arena *arena,
                         struct place *place, struct error *err);
int cloud_aws_launch(void *context, const struct account *account, const struct place *place,
                     const struct launch *launch, struct arena *arena, struct instance *instances,
                     struct error *err);
int cloud_aws_list(void *context, const struct account *account, const char *owner, struct arena *arena,
                   struct instance **instances, size_t *count, struct error *err);
int cloud_aws_terminate(void *context, const struct account *account, const char *const *instance_ids,
                        size_t count, struct error *err);
int cloud_aws_name_instance(void *context, const struct account *account, const char *instance_id,
                            const char *hostname, struct error *err);
int cloud_aws_remove_disks(void *context, const struct account *account, const char *owner,
                           int64_t older_than_ms, struct arena *arena, const char ***removed, size_t *count,
                           struct error *err);
int cloud_aws_events(void *context, const struct account *account, const char *owner, struct arena *arena,
                     struct instance_event **events, size_t *count, struct error *err);
int cloud_aws_make_balancer(void *context, const struct account *account, const struct place *place,
                            const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                            struct error *err);
int cloud_aws_list_balancers(void *context, const struct account *account, const char *owner,
                             struct arena *arena, struct balancer **balancers, size_t *count,
                             struct error *err);
int cloud_aws_name_resolves(void *context, const char *name, bool *resolves, struct error *err);
int cloud_aws_targets(void *context, const struct account *account, const char *group_arn,
                      struct arena *arena, struct balancer_target **targets, size_t *count,
                      struct error *err);
int cloud_aws_change_targets(void *context, const struct account *account, const char *group_arn,
                             const char *const *added, size_t added_count, const char *const *removed,
                             size_t removed_count, struct error *err);
int cloud_aws_remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                              struct error *err);

#endif
