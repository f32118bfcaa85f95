/* Network load balancers in a tenant's account. Clients come by IPv6 from anywhere, though the scheme is
 * "internal": that scheme gets no public IPv4 address, and the attribute below opens it to IPv6. */
#include "aws/elbv2.h"
#include "base/text.h"
#include "configserver/cloud/aws.h"
#include "configserver/config.h"

int cloud_aws_make_balancer(void *context, const struct account *account, const struct place *place,
                            const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                            struct error *err)
{
    struct aws_client *client;
    const struct aws_tag tags[] = {
        {"managedby", "vespa-cloud"}, {"zone", cloud_aws_config(context)->zone},
        {"owner", plan->owner},       {"application", plan->application},
        {"cluster", plan->cluster},
    };
    const struct elb_load_balancer_spec balancer_spec = {.name = plan->name,
                                                         .subnet_ids = place->balancer_subnets, .subnet_count = place->balancer_subnet_count,
                                                         .tags = tags,
                                                         .tag_count = COUNT_OF(tags)};
    const struct elb_target_group_spec group_spec = {.name = plan->name,
                                                     .vpc_id = place->vpc,
                                                     .port = NODE_PORT,
                                                     .health_port = NODE_PORT,
                                                     .ipv6 = true,
                                                     .tags = tags,
                                                     .tag_count = COUNT_OF(tags)};
    struct elb_load_balancer made;
    struct elb_target_group group;
    const char *listener;
    if (cloud_aws_client(context, account, &client, err) < 0 ||
        elb_create_load_balancer(client, arena, &balancer_spec, &made, err) < 0 ||
        elb_set_attribute(client, made.arn, "ipv6.deny_all_igw_traffic", "false", err) < 0 ||
        elb_create_target_group(client, arena, &group_spec, &group, err) < 0)
        return -1;
    if (elb_create_listener(client, arena, made.arn, ENDPOINT_PORT, group.arn, &listener, err) < 0 &&
        err->kind != ERROR_CONFLICT) /* there already */
        return -1;
    *balancer =
        (struct balancer){plan->name, made.arn, group.arn, made.dns_name, made.hosted_zone, NULL, NULL};
    return 0;
}

int cloud_aws_list_balancers(void *context, const struct account *account, const char *owner,
                             struct arena *arena, struct balancer **balancers, size_t *count,
                             struct error *err)
{
    (void)context;
    (void)account;
    (void)owner;
    (void)arena;
    (void)err;
    *balancers = NULL;
    *count = 0;
    return 0;
}

int cloud_aws_name_resolves(void *context, const char *name, bool *resolves, struct error *err)
{
    (void)context;
    (void)name;
    (void)err;
    *resolves = true;
    return 0;
}

int cloud_aws_targets(void *context, const struct account *account, const char *group_arn,
                      struct arena *arena, struct balancer_target **targets, size_t *count, struct error *err)
{
    struct aws_client *client;
    struct elb_target *actual;
    size_t actual_count;
    if (cloud_aws_client(context, account, &client, err) < 0 ||
        elb_target_health(client, arena, group_arn, &actual, &actual_count, err) < 0)
        return -1;
    *targets = arena_alloc(arena, actual_count * sizeof **targets);
    *count = 0;
    for (size_t i = 0; i < actual_count; i++)
        if (!text_equal(actual[i].state, "draining"))
            (*targets)[(*count)++] =
                (struct balancer_target){actual[i].id, text_equal(actual[i].state, "healthy")};
    return 0;
}

static struct elb_target *targets_of(struct arena *arena, const char *const *addresses, size_t count)
{
    struct elb_target *targets = arena_alloc(arena, count * sizeof *targets);
    for (size_t i = 0; i < count; i++)
        targets[i] = (struct elb_target){.id = addresses[i], .port = NODE_PORT};
    return targets;
}

int cloud_aws_change_targets(void *context, const struct account *account, const char *group_arn,
                             const char *const *added, size_t added_count, const char *const *removed,
                             size_t removed_count, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_client *client;
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    if (added_count > 0 &&
        elb_register_targets(client, group_arn, targets_of(arena, added, added_count), added_count, err) < 0)
        return -1;
    if (removed_count == 0)
        return 0;
    return elb_deregister_targets(client, group_arn, targets_of(arena, removed, removed_count), removed_count,
                                  err);
}

int cloud_aws_remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                              struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_client *client;
    struct elb_load_balancer balancer;
    struct elb_target_group group;
    *gone = false;
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    if (elb_describe_load_balancer(client, arena, name, &balancer, err) == 0)
        return elb_delete_load_balancer(client, balancer.arn, err);
    if (err->kind != ERROR_NOT_FOUND)
        return -1;
    if (elb_describe_target_group(client, arena, name, &group, err) < 0) {
        *gone = err->kind == ERROR_NOT_FOUND;
        return *gone ? 0 : -1;
    }
    if (elb_delete_target_group(client, group.arn, err) == 0)
        return 0;
    return err->kind == ERROR_CONFLICT ? 0 : -1; /* in use until the balancer's listener is really gone */
}
