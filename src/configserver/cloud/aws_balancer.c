/* Network load balancers in a tenant's account, and the endpoint services behind which they may stand.
 * Clients come by IPv6 from anywhere, though the scheme is "internal": that scheme gets no public IPv4
 * address, and an attribute opens it to IPv6, or does not. Everything is found again by its name, which the
 * zone derives. */
#include "aws/elbv2.h"
#include "aws/endpoint_service.h"
#include "base/text.h"
#include "configserver/cloud/aws.h"
#include "configserver/config.h"

#include <netdb.h>
#include <string.h>

enum { TAGS_OWN = 5, TAGS_MOST = TAGS_OWN + 20 };

/* One balancer in the making. */
struct making {
    const struct cloud_aws *aws;
    struct aws_client *client;
    struct arena *arena;
    const struct place *place;
    const struct balancer_plan *plan;
    struct aws_tag tags[TAGS_MOST + 1]; /* the tenant's after ours; the last is a service's name */
    size_t tag_count;
};

static void fill_tags(struct making *making, const char *zone)
{
    const struct balancer_plan *plan = making->plan;
    const struct aws_tag own[TAGS_OWN] = {
        {"managedby", "vespa-cloud"}, {"zone", zone},
        {"owner", plan->owner},       {"application", plan->application},
        {"cluster", plan->cluster},
    };
    memcpy(making->tags, own, sizeof own);
    making->tag_count = TAGS_OWN;
    for (size_t i = 0; i < plan->tag_count && making->tag_count < TAGS_MOST; i++)
        making->tags[making->tag_count++] = (struct aws_tag){plan->tags[i].key, plan->tags[i].value};
}

/* Whom a node that leaves still answers may take their time, but no longer than it stays (leaving.h). */
static int set_attributes(const struct making *making, const char *arn, const char *group_arn,
                          struct error *err)
{
    int64_t drain_ms = cloud_aws_config(making->aws)->limits.connections_drain;
    const struct aws_tag of_balancer[] = {
        {"ipv6.deny_all_igw_traffic", making->plan->settings.is_public ? "false" : "true"},
        {"load_balancing.cross_zone.enabled", making->place->balancer_subnet_count > 1 ? "true" : "false"},
    };
    const struct aws_tag of_group[] = {
        {"deregistration_delay.timeout_seconds",
         arena_format(making->arena, "%lld", (long long)(drain_ms + 999) / 1000)},
    };
    if (elb_set_attributes(making->client, arn, of_balancer, COUNT_OF(of_balancer), err) < 0)
        return -1;
    return elb_set_attributes(making->client, group_arn, of_group, COUNT_OF(of_group), err);
}

/* As it shall be, whatever of it is there. */
static int make_listener(const struct making *making, struct elb_load_balancer *balancer,
                         struct elb_target_group *group, struct error *err)
{
    const struct elb_load_balancer_spec balancer_spec = {.name = making->plan->name,
                                                         .subnet_ids = making->place->balancer_subnets,
                                                         .subnet_count = making->place->balancer_subnet_count,
                                                         .tags = making->tags,
                                                         .tag_count = making->tag_count};
    const struct elb_target_group_spec group_spec = {.name = making->plan->name,
                                                     .vpc_id = making->place->vpc,
                                                     .port = NODE_PORT,
                                                     .health_port = NODE_PORT,
                                                     .ipv6 = true,
                                                     .tags = making->tags,
                                                     .tag_count = making->tag_count};
    if (elb_ensure_load_balancer(making->client, making->arena, &balancer_spec, balancer, err) < 0 ||
        elb_ensure_target_group(making->client, making->arena, &group_spec, group, err) < 0 ||
        set_attributes(making, balancer->arn, group->arn, err) < 0)
        return -1;
    return elb_ensure_listener(making->client, making->arena, balancer->arn, ENDPOINT_PORT, group->arn,
                               making->tags, making->tag_count, err);
}

/* A module of the tenant's that does not offer private endpoints lets us see none: then there are none. */
static bool is_kept_from_us(const struct error *err)
{
    return err->kind == ERROR_FORBIDDEN || err->kind == ERROR_UNAUTHENTICATED;
}

static int find_service(struct aws_client *client, struct arena *arena, const char *name,
                        struct endpoint_service *service, struct error *err)
{
    const struct ec2_filter filters[] = {{"tag:managedby", {"vespa-cloud"}}, {"tag:Name", {name}}};
    struct endpoint_service *services;
    size_t count;
    *service = (struct endpoint_service){0};
    if (endpoint_service_list(client, arena, filters, COUNT_OF(filters), &services, &count, err) < 0)
        return is_kept_from_us(err) ? 0 : -1;
    for (size_t i = 0; i < count; i++)
        if (!text_equal_nocase(services[i].state, "Deleting") &&
            !text_equal_nocase(services[i].state, "Deleted"))
            *service = services[i];
    return 0;
}

/* A private endpoint has one, with exactly the principals that are allowed; one that is not private has none.
 */
static int make_service(struct making *making, const char *balancer_arn, struct endpoint_service *service,
                        struct error *err)
{
    const struct balancer_plan *plan = making->plan;
    if (find_service(making->client, making->arena, plan->name, service, err) < 0)
        return -1;
    if (!plan->settings.is_private) {
        int result = service->id ? endpoint_service_delete(making->client, service->id, err) : 0;
        *service = (struct endpoint_service){0};
        return result;
    }
    making->tags[making->tag_count] = (struct aws_tag){"Name", plan->name};
    if (!service->id && endpoint_service_create(making->client, making->arena, balancer_arn, NULL,
                                                making->tags, making->tag_count + 1, service, err) < 0)
        return -1;
    return endpoint_service_allow(making->client, service->id, plan->settings.allowed_arns,
                                  plan->settings.allowed_arn_count, err);
}

int cloud_aws_make_balancer(void *context, const struct account *account, const struct place *place,
                            const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                            struct error *err)
{
    struct making making = {.aws = context, .arena = arena, .place = place, .plan = plan};
    struct elb_load_balancer made;
    struct elb_target_group group;
    struct endpoint_service service;
    if (cloud_aws_client(context, account, &making.client, err) < 0)
        return -1;
    fill_tags(&making, cloud_aws_config(context)->zone);
    if (make_listener(&making, &made, &group, err) < 0)
        return -1;
    if (make_service(&making, made.arn, &service, err) < 0)
        return error_context(err, "endpoint service of %s", plan->name);
    *balancer = (struct balancer){plan->name,       made.arn,   group.arn,   made.dns_name,
                                  made.hosted_zone, service.id, service.name};
    return 0;
}

static struct balancer *balancer_named(struct balancer *balancers, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (text_equal(balancers[i].name, name))
            return &balancers[i];
    balancers[*count] = (struct balancer){.name = name};
    return &balancers[(*count)++];
}

static const char *service_balancer(const struct endpoint_service *service)
{
    const char *name = aws_tag_value(service->tags, service->tag_count, "Name");
    return name ? name : service->id;
}

int cloud_aws_list_balancers(void *context, const struct account *account, const char *owner,
                             struct arena *arena, struct balancer **balancers, size_t *count,
                             struct error *err)
{
    struct aws_client *client;
    const struct aws_tag tag = {"owner", owner};
    const struct ec2_filter filters[] = {{"tag:managedby", {"vespa-cloud"}}, {"tag:owner", {owner}}};
    struct elb_named *made, *groups;
    struct endpoint_service *services;
    size_t made_count, group_count, service_count;
    if (cloud_aws_client(context, account, &client, err) < 0 ||
        elb_list_load_balancers(client, arena, &tag, &made, &made_count, err) < 0 ||
        elb_list_target_groups(client, arena, &tag, &groups, &group_count, err) < 0)
        return -1;
    if (endpoint_service_list(client, arena, filters, COUNT_OF(filters), &services, &service_count, err) <
        0) {
        if (!is_kept_from_us(err))
            return -1;
        service_count = 0;
    }
    *balancers = arena_alloc(arena, (made_count + group_count + service_count) * sizeof **balancers);
    *count = 0;
    for (size_t i = 0; i < made_count; i++) {
        struct balancer *balancer = balancer_named(*balancers, count, made[i].name);
        balancer->arn = made[i].arn;
        balancer->dns_name = made[i].dns_name;
    }
    for (size_t i = 0; i < group_count; i++)
        balancer_named(*balancers, count, groups[i].name)->group_arn = groups[i].arn;
    for (size_t i = 0; i < service_count; i++) {
        struct balancer *balancer = balancer_named(*balancers, count, service_balancer(&services[i]));
        balancer->service_id = services[i].id;
        balancer->service_name = services[i].name;
    }
    return 0;
}

int cloud_aws_name_resolves(void *context, const char *name, bool *resolves, struct error *err)
{
    (void)context;
    const struct addrinfo hints = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(name, NULL, &hints, &found);
    *resolves = result == 0;
    if (found)
        freeaddrinfo(found);
    if (result == 0 || result == EAI_NONAME || result == EAI_NODATA)
        return 0;
    return error_set(err, ERROR_UNAVAILABLE, "look up %s: %s", name, gai_strerror(result));
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

/* An endpoint service holds its balancer, a balancer's listener its target group: one call, one of them. */
int cloud_aws_remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                              struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_client *client;
    struct endpoint_service service;
    struct elb_load_balancer balancer;
    struct elb_target_group group;
    *gone = false;
    if (cloud_aws_client(context, account, &client, err) < 0 ||
        find_service(client, arena, name, &service, err) < 0)
        return -1;
    if (service.id)
        return endpoint_service_delete(client, service.id, err) == 0 || err->kind == ERROR_CONFLICT ? 0 : -1;
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
