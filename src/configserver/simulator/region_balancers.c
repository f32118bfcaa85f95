/* Load balancers of a simulated cloud: each with one target group, whose targets turn healthy a while after
 * their node serves. */
#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/server.h"

#include <stdio.h>
#include <string.h>

enum { HEALTHY_AFTER_MS = 20 * 1000 };

struct sim_balancer *region_balancer(struct region *region, const char *account, const char *name)
{
    struct sim_balancer *at = region->balancers;
    while (at && !(text_equal(at->name, name) && text_equal(at->account->id, account)))
        at = at->next;
    return at;
}

/* A group's ARN is its name and which making of it: what was made anew is another group. */
static struct sim_balancer *find_group(const struct region_call *call, const char *group_arn)
{
    char arn[64];
    for (struct sim_balancer *at = call->region->balancers; at; at = at->next) {
        snprintf(arn, sizeof arn, "arn:group/%s/%d", at->name, at->incarnation);
        if (at->account == call->account && at->group_exists && text_equal(arn, group_arn))
            return at;
    }
    return NULL;
}

bool region_target_healthy(const struct region *region, const struct sim_target *target)
{
    const struct sim_instance *instance = region_instance_at((struct region *)region, target->address);
    int64_t now = world_now(region->world);
    return instance && machine_serves(instance->machine) && now - target->since_ms >= HEALTHY_AFTER_MS &&
           now - machine_serves_since(instance->machine) >= HEALTHY_AFTER_MS;
}

static uint64_t allowed_of(const struct endpoint_settings *settings)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < settings->allowed_arn_count; i++) {
        uint64_t one = 14695981039346656037u;
        for (const char *at = settings->allowed_arns[i]; *at; at++)
            one = (one ^ (unsigned char)*at) * 1099511628211u;
        hash += one; /* in whatever order */
    }
    return hash;
}

bool region_balancer_is_as(const struct sim_balancer *balancer, const struct endpoint_settings *settings)
{
    return balancer->is_public == settings->is_public && balancer->is_private == settings->is_private &&
           balancer->allowed == allowed_of(settings);
}

static struct balancer shown(const struct sim_balancer *balancer, struct arena *arena)
{
    struct balancer shown = {.name = arena_strdup(arena, balancer->name)};
    if (balancer->exists) {
        shown.arn = arena_format(arena, "arn:lb/%s/%d", balancer->name, balancer->incarnation);
        shown.dns_name = arena_format(arena, "%s.elb.example", balancer->name);
        shown.hosted_zone = "Z1";
    }
    if (balancer->group_exists)
        shown.group_arn = arena_format(arena, "arn:group/%s/%d", balancer->name, balancer->incarnation);
    if (balancer->exists && balancer->is_private) {
        shown.service_id = arena_format(arena, "vpce-svc-%s", balancer->name);
        shown.service_name = arena_format(arena, "com.amazonaws.vpce.%s", balancer->name);
    }
    return shown;
}

int region_make_balancer(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err)
{
    struct region_call call;
    (void)place;
    if (region_call_begin(&call, context, account, "make balancer", false, err) < 0)
        return -1;
    struct sim_balancer *actual = region_balancer(call.region, account->id, plan->name);
    if (!actual) {
        actual = memory_alloc(sizeof *actual);
        actual->next = call.region->balancers;
        call.region->balancers = actual;
        actual->account = call.account;
        snprintf(actual->name, sizeof actual->name, "%s", plan->name);
    }
    /* said again as it is, to mend what somebody may have changed, it is no change */
    call.account->changes += !text_equal(actual->owner, plan->owner) || !actual->exists ||
                             !actual->group_exists || !region_balancer_is_as(actual, &plan->settings);
    snprintf(actual->owner, sizeof actual->owner, "%s", plan->owner);
    if (!actual->exists || !actual->group_exists) {
        actual->incarnation += !actual->group_exists;
        actual->exists = actual->group_exists = true;
        actual->made_ms = world_now(call.region->world);
        world_say(call.region->world, "balancer %s made in %s", actual->name, account->id);
    }
    actual->is_public = plan->settings.is_public;
    actual->is_private = plan->settings.is_private;
    actual->allowed = allowed_of(&plan->settings);
    *balancer = shown(actual, arena);
    return region_call_end(&call, err);
}

int region_list_balancers(void *context, const struct account *account, const char *owner,
                          struct arena *arena, struct balancer **balancers, size_t *count, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "list balancers", false, err) < 0)
        return -1;
    size_t most = 0;
    for (const struct sim_balancer *at = call.region->balancers; at; at = at->next)
        most++;
    *balancers = arena_alloc(arena, most * sizeof **balancers);
    *count = 0;
    for (const struct sim_balancer *at = call.region->balancers; at; at = at->next)
        if (at->account == call.account && text_equal(at->owner, owner) && (at->exists || at->group_exists))
            (*balancers)[(*count)++] = shown(at, arena);
    return region_call_end(&call, err);
}

int region_targets(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **targets, size_t *count, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "targets", false, err) < 0)
        return -1;
    const struct sim_balancer *group = find_group(&call, group_arn);
    *count = group ? group->target_count : 0;
    *targets = arena_alloc(arena, *count * sizeof **targets);
    for (size_t i = 0; i < *count; i++)
        (*targets)[i] = (struct balancer_target){arena_strdup(arena, group->targets[i].address),
                                                 region_target_healthy(call.region, &group->targets[i])};
    if (region_call_end(&call, err) < 0)
        return -1;
    return group ? 0
                 : error_code(err, ERROR_NOT_FOUND, "TargetGroupNotFound", "no target group %s", group_arn);
}

static void remove_target(struct sim_balancer *group, const char *address)
{
    for (size_t i = 0; i < group->target_count; i++)
        if (text_equal(group->targets[i].address, address))
            group->targets[i--] = group->targets[--group->target_count];
}

static void add_target(struct region *region, struct sim_balancer *group, const char *address)
{
    for (size_t i = 0; i < group->target_count; i++)
        if (text_equal(group->targets[i].address, address))
            return;
    if (group->target_count == TARGETS_MOST)
        return;
    struct sim_target *target = &group->targets[group->target_count++];
    *target = (struct sim_target){.since_ms = world_now(region->world)};
    snprintf(target->address, sizeof target->address, "%s", address);
}

int region_change_targets(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "change targets", true, err) < 0)
        return -1;
    struct sim_balancer *group = find_group(&call, group_arn);
    size_t healthy = 0;
    for (size_t i = 0; group && i < group->target_count; i++)
        healthy += region_target_healthy(call.region, &group->targets[i]);
    for (size_t i = 0; group && i < added_count; i++)
        judge_adds_target(call.region->world, group, added[i]);
    for (size_t i = 0; group && i < added_count; i++)
        add_target(call.region, group, added[i]);
    for (size_t i = 0; group && i < removed_count; i++)
        remove_target(group, removed[i]);
    if (group && removed_count > 0)
        judge_removes_targets(call.region->world, group, healthy);
    if (group)
        world_say(call.region->world, "balancer %s: %zu targets added, %zu removed, %zu there", group->name,
                  added_count, removed_count, group->target_count);
    if (region_call_end(&call, err) < 0)
        return -1;
    return group ? 0
                 : error_code(err, ERROR_NOT_FOUND, "TargetGroupNotFound", "no target group %s", group_arn);
}

/* In two steps, as the real one: the balancer, then its target group. */
int region_remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "remove balancer", true, err) < 0)
        return -1;
    struct sim_balancer *actual = region_balancer(call.region, account->id, name);
    *gone = !actual || (!actual->exists && !actual->group_exists);
    if (actual && !actual->exists && actual->group_exists) {
        actual->group_exists = false;
        actual->target_count = 0;
        world_say(call.region->world, "target group of balancer %s removed", name);
    }
    if (actual && actual->exists) {
        actual->exists = actual->is_private = false;
        world_say(call.region->world, "balancer %s removed", name);
    }
    return region_call_end(&call, err);
}
