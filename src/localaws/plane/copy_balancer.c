/* Deep copies of load balancers and private links. Keys are wiped when the copy goes. */
#include "localaws/plane/copy.h"
#include "localaws/plane/parts.h"

#include <string.h>

static void wipe(void *text)
{
    explicit_bzero(text, strlen(text));
}

static const char *copy_secret(struct arena *arena, const char *secret)
{
    char *copy = arena_strdup(arena, secret);
    if (copy)
        arena_defer(arena, wipe, copy);
    return copy;
}

static void copy_listener(struct arena *arena, struct plane_listener *listener)
{
    listener->group_arn = arena_strdup(arena, listener->group_arn);
    listener->priorities = arena_strdup(arena, listener->priorities);
    listener->application = copy_texts(arena, listener->application);
    struct plane_certificate *certificates =
        copy_array(arena, listener->certificates, listener->certificate_count, sizeof *certificates);
    for (size_t i = 0; i < listener->certificate_count; i++) {
        certificates[i].chain_pem = arena_strdup(arena, certificates[i].chain_pem);
        certificates[i].key_pem = copy_secret(arena, certificates[i].key_pem);
    }
    listener->certificates = certificates;
}

static void copy_group(struct arena *arena, struct plane_target_group *group)
{
    group->arn = arena_strdup(arena, group->arn);
    group->check.path = arena_strdup(arena, group->check.path);
    group->check.matcher = arena_strdup(arena, group->check.matcher);
    struct plane_lb_target *targets = copy_array(arena, group->targets, group->target_count, sizeof *targets);
    for (size_t i = 0; i < group->target_count; i++) {
        targets[i].address = arena_strdup(arena, targets[i].address);
        targets[i].zone = arena_strdup(arena, targets[i].zone);
    }
    group->targets = targets;
}

static void copy_fronts(struct arena *arena, struct plane_balancer *copy)
{
    struct plane_front *fronts = copy_array(arena, copy->fronts, copy->front_count, sizeof *fronts);
    for (size_t i = 0; i < copy->front_count; i++) {
        fronts[i].address = arena_strdup(arena, fronts[i].address);
        fronts[i].zone = arena_strdup(arena, fronts[i].zone);
    }
    copy->fronts = fronts;
}

static void copy_rules(struct arena *arena, struct plane_balancer *copy)
{
    struct plane_client_rule *rules =
        copy_array(arena, copy->link_rules, copy->link_rule_count, sizeof *rules);
    for (size_t i = 0; i < copy->link_rule_count; i++)
        rules[i].cidr = arena_strdup(arena, rules[i].cidr);
    copy->link_rules = rules;
}

struct plane_balancer *plane_copy_balancer(struct arena *arena, const struct plane_balancer *balancer)
{
    struct plane_balancer *copy = copy_array(arena, balancer, 1, sizeof *balancer);
    copy->name = arena_strdup(arena, balancer->name);
    copy->vpc_id = arena_strdup(arena, balancer->vpc_id);
    copy_fronts(arena, copy);
    copy_rules(arena, copy);
    struct plane_listener *listeners =
        copy_array(arena, balancer->listeners, balancer->listener_count, sizeof *listeners);
    for (size_t i = 0; i < balancer->listener_count; i++)
        copy_listener(arena, &listeners[i]);
    struct plane_target_group *groups =
        copy_array(arena, balancer->groups, balancer->group_count, sizeof *groups);
    for (size_t i = 0; i < balancer->group_count; i++)
        copy_group(arena, &groups[i]);
    copy->listeners = listeners;
    copy->groups = groups;
    return copy;
}

struct plane_link *plane_copy_link(struct arena *arena, const struct plane_link *link)
{
    struct plane_link *copy = copy_array(arena, link, 1, sizeof *link);
    copy->id = arena_strdup(arena, link->id);
    copy->vpc_id = arena_strdup(arena, link->vpc_id);
    struct plane_link_front *fronts = copy_array(arena, link->fronts, link->front_count, sizeof *fronts);
    for (size_t i = 0; i < link->front_count; i++) {
        fronts[i].address = arena_strdup(arena, fronts[i].address);
        fronts[i].zone = arena_strdup(arena, fronts[i].zone);
        fronts[i].balancer = arena_strdup(arena, fronts[i].balancer);
    }
    copy->fronts = fronts;
    return copy;
}
