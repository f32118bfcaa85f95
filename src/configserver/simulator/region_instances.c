/* Instances of a simulated cloud. */
#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/server.h"

#include <stdio.h>
#include <string.h>

enum { LISTED_AFTER_END_MS = HOUR_MS };

const char *const region_zones[REGION_ZONES] = {"use1-az1", "use1-az4", "use1-az6"};

struct region *region_new(struct world *world)
{
    struct region *region = memory_alloc(sizeof *region);
    region->world = world;
    region->chance = chance_of(world->seed, "region");
    region->instances_end = &region->instances;
    region->endpoint_ms = chance_between(&region->chance, 0, 5 * MINUTE_MS);
    return region;
}

void region_free(struct region **region)
{
    struct region *old = take(region);
    if (!old)
        return;
    while (old->instances) {
        struct sim_instance *instance = old->instances;
        old->instances = instance->next;
        machine_free(&instance->machine);
        free(instance);
    }
    while (old->balancers) {
        struct sim_balancer *balancer = old->balancers;
        old->balancers = balancer->next;
        free(balancer);
    }
    free(old);
}

struct sim_instance *region_instance(struct region *region, const char *id)
{
    struct sim_instance *at = region->instances;
    while (at && !text_equal(at->id, id))
        at = at->next;
    return at;
}

struct sim_instance *region_instance_at(struct region *region, const char *address)
{
    struct sim_instance *at = region->instances;
    while (at && !text_equal(at->address[1], address))
        at = at->next;
    return at;
}

void region_end_instance(struct region *region, struct sim_instance *instance, const char *reason)
{
    if (instance->state == INSTANCE_ENDED)
        return;
    machine_stop(instance->machine);
    instance->state = INSTANCE_ENDED;
    instance->ended_ms = world_now(region->world);
    instance->reason = reason;
    world_say(region->world, "instance %s of %s ended: %s", instance->id, instance->hostname, reason);
}

/* One that ended has no machine any more whose events could come: they ask whether it runs. */
void region_forget_ended(struct region *region)
{
    int64_t now = world_now(region->world);
    for (struct sim_instance **at = &region->instances; *at;) {
        struct sim_instance *instance = *at;
        if (instance->state != INSTANCE_ENDED || now - instance->ended_ms < 2 * LISTED_AFTER_END_MS ||
            !machine_is_still(instance->machine)) {
            at = &instance->next;
            continue;
        }
        *at = instance->next;
        if (region->instances_end == &instance->next)
            region->instances_end = at;
        machine_free(&instance->machine);
        free(instance);
    }
}

static uint64_t mix(uint64_t hash, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return (hash ^ 0x1f) * 1099511628211u;
}

/* What a token stands for: EC2 refuses it with anything else. */
static uint64_t parameters_of(const struct launch *launch)
{
    uint64_t hash = mix(mix(mix(14695981039346656037u, launch->type), launch->subnet), launch->image);
    hash = mix(mix(hash, launch->user_data), launch->owner);
    for (size_t i = 0; i < launch->host_count; i++)
        hash = mix(hash, launch->hostnames[i]);
    return hash + (uint64_t)launch->disk_gb;
}

static const char *zone_of(const struct place *place, const char *subnet)
{
    for (size_t i = 0; i < place->host_subnet_count; i++)
        if (text_equal(place->host_subnets[i].id, subnet))
            return place->host_subnets[i].availability_zone;
    return NULL;
}

static bool lacks(const struct sim_account *account, const char *type, const char *zone)
{
    for (unsigned i = 0; i < REGION_ZONES; i++)
        if (account->lacks_zones & 1U << i && text_equal(region_zones[i], zone))
            return true;
    unsigned kind = 0; /* families are what runs out */
    for (const char *at = type; *at && *at != '.'; at++)
        kind = kind * 31 + (unsigned char)*at;
    return account->lacks_types & 1U << kind % 8;
}

static struct instance shown(const struct sim_instance *instance, struct arena *arena)
{
    struct instance shown = {.id = arena_strdup(arena, instance->id),
                             .hostname = arena_strdup(arena, instance->named ? instance->hostname : ""),
                             .application = arena_strdup(arena, instance->application),
                             .state = instance->state,
                             .reason = instance->reason,
                             .launched_ms = instance->launched_ms,
                             .token = arena_strdup(arena, instance->token),
                             .launch_index = instance->launch_index};
    if (machine_has_addresses(instance->machine))
        for (size_t i = 0; i < 2; i++)
            shown.addresses[i] = arena_strdup(arena, instance->address[i]);
    return shown;
}

/* One that boots or runs well is not launched a second time, whatever answer was lost; well: AWS has
 * announced nothing of it. */
static void judge_second(struct region_call *call, const char *hostname)
{
    struct world *world = call->region->world;
    int64_t now = world_now(world);
    for (const struct sim_instance *at = call->region->instances; at; at = at->next)
        if (at->account == call->account && at->state <= INSTANCE_RUNNING && !at->event &&
            text_equal(at->hostname, hostname) && now - at->launched_ms < world->config.limits.boot_longest &&
            now - at->visible_ms > 10 * SECOND_MS)
            world_breaks(world, "a launch is not repeated", "%s of %s is there, and another is launched",
                         at->id, hostname);
}

static void start_instance(struct region_call *call, const struct launch *launch, const char *zone,
                           size_t index)
{
    struct region *region = call->region;
    struct sim_instance *instance = memory_alloc(sizeof *instance);
    int64_t number = ++region->instance_count;
    judge_second(call, launch->hostnames[index]);
    instance->account = call->account;
    snprintf(instance->id, sizeof instance->id, "i-%017llx", (unsigned long long)number);
    snprintf(instance->hostname, sizeof instance->hostname, "%s", launch->hostnames[index]);
    snprintf(instance->type, sizeof instance->type, "%s", launch->type);
    snprintf(instance->zone, sizeof instance->zone, "%s", zone);
    snprintf(instance->token, sizeof instance->token, "%s", launch->token);
    snprintf(instance->owner, sizeof instance->owner, "%s", launch->owner);
    snprintf(instance->application, sizeof instance->application, "%s:%s:%s", launch->tenant,
             launch->application, launch->instance);
    instance->named = launch->host_count == 1; /* tags are the whole launch's */
    for (int i = 0; i < 2; i++)
        snprintf(instance->address[i], sizeof instance->address[i], "2001:db8:1::%llx:%d",
                 (unsigned long long)number, i + 1);
    instance->parameters = parameters_of(launch);
    instance->launch_index = (int64_t)index;
    instance->launched_ms = world_now(region->world);
    instance->visible_ms = instance->launched_ms + chance_around(&region->chance, 1500);
    instance->state = INSTANCE_STARTING;
    *region->instances_end = instance;
    region->instances_end = &instance->next;
    call->account->launched++;
    world_say(region->world, "instance %s launched for %s in %s (%s, %s)", instance->id, instance->hostname,
              call->account->id, instance->type, instance->zone);
    instance->machine = machine_new(region->world, instance);
    if (call->account->key_disabled) {
        call->account->excused++;
        region_end_instance(region, instance, "Client.InternalError: the disk's key is disabled");
    }
}

/* Those that the token has launched already, in `instances`; 0 when there are none. */
static size_t find_launched(struct region_call *call, const struct launch *launch, struct arena *arena,
                            struct instance *instances, bool *differs)
{
    size_t found = 0;
    uint64_t parameters = parameters_of(launch);
    for (const struct sim_instance *at = call->region->instances; at; at = at->next) {
        if (at->account != call->account || !text_equal(at->token, launch->token))
            continue;
        *differs = *differs || at->parameters != parameters;
        if ((size_t)at->launch_index < launch->host_count)
            instances[at->launch_index] = shown(at, arena);
        found++;
    }
    return found;
}

static int carry_out_launch(struct region_call *call, const struct place *place, const struct launch *launch,
                            struct arena *arena, struct instance *instances, struct error *err)
{
    bool differs = false;
    size_t found = find_launched(call, launch, arena, instances, &differs);
    const char *zone = zone_of(place, launch->subnet);
    if (differs)
        return error_code(err, ERROR_INVALID, "IdempotentParameterMismatch",
                          "the token of %s was used with other parameters", launch->hostnames[0]);
    if (found)
        return 0;
    if (!zone)
        return error_code(err, ERROR_INVALID, "InvalidSubnetID.NotFound", "no subnet %s", launch->subnet);
    if (lacks(call->account, launch->type, zone)) {
        world_say(call->region->world, "no capacity of %s in %s for %s", launch->type, zone,
                  launch->hostnames[0]);
        return error_code(err, ERROR_UNAVAILABLE, "InsufficientInstanceCapacity",
                          "there is no capacity of %s in %s now", launch->type, zone);
    }
    for (size_t i = 0; i < launch->host_count; i++)
        start_instance(call, launch, zone, i);
    find_launched(call, launch, arena, instances, &differs);
    return 0;
}

int region_launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err)
{
    struct region_call call;
    struct error refused = {0};
    if (region_call_begin(&call, context, account, "launch", true, err) < 0)
        return -1;
    int result = carry_out_launch(&call, place, launch, arena, instances, &refused);
    if (region_call_end(&call, err) < 0)
        return -1;
    if (result < 0 && err)
        *err = refused;
    return result;
}

int region_list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "list", false, err) < 0)
        return -1;
    int64_t now = world_now(call.region->world);
    size_t most = 0;
    for (const struct sim_instance *at = call.region->instances; at; at = at->next)
        most++;
    *instances = arena_alloc(arena, most * sizeof **instances);
    *count = 0;
    for (const struct sim_instance *at = call.region->instances; at; at = at->next) {
        bool long_gone = at->state == INSTANCE_ENDED && now - at->ended_ms > LISTED_AFTER_END_MS;
        if (at->account == call.account && text_equal(at->owner, owner) && at->visible_ms <= now &&
            !long_gone)
            (*instances)[(*count)++] = shown(at, arena);
    }
    return region_call_end(&call, err);
}

int region_name_instance(void *context, const struct account *account, const char *instance_id,
                         const char *hostname, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "name instance", true, err) < 0)
        return -1;
    struct sim_instance *instance = region_instance(call.region, instance_id);
    if (instance && !text_equal(instance->hostname, hostname))
        world_breaks(call.region->world, "an instance gets its own name", "%s of %s is named %s",
                     instance->id, instance->hostname, hostname);
    if (instance)
        instance->named = true;
    return region_call_end(&call, err);
}

int region_terminate(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "terminate", true, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct sim_instance *instance = region_instance(call.region, instance_ids[i]);
        if (instance && instance->account == call.account && instance->state < INSTANCE_ENDING) {
            judge_terminates(call.region->world, instance);
            instance->state = INSTANCE_ENDING;
            world_say(call.region->world, "instance %s of %s is being terminated", instance->id,
                      instance->hostname);
            machine_terminate(instance->machine);
        }
    }
    return region_call_end(&call, err);
}

int region_events(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **events, size_t *count, struct error *err)
{
    struct region_call call;
    if (region_call_begin(&call, context, account, "events", false, err) < 0)
        return -1;
    size_t most = 0;
    for (const struct sim_instance *at = call.region->instances; at; at = at->next)
        most += at->event != NULL;
    *events = arena_alloc(arena, most * sizeof **events);
    *count = 0;
    for (const struct sim_instance *at = call.region->instances; at; at = at->next)
        if (at->event && at->account == call.account && at->state <= INSTANCE_RUNNING &&
            text_equal(at->owner, owner))
            (*events)[(*count)++] = (struct instance_event){.instance_id = arena_strdup(arena, at->id),
                                                            .code = at->event,
                                                            .description = "simulated",
                                                            .not_before_ms = at->event_at_ms};
    return region_call_end(&call, err);
}
