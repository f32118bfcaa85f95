/* What all calls to the cloud have in common: they take time, are throttled, fail and lose their answers. */
#include "base/text.h"
#include "configserver/simulator/server.h"

#include <string.h>

enum {
    ANSWER_MS = 40,         /* on average, there and back */
    TIMEOUT_MS = 20 * 1000, /* of a call that gets no answer */
};

/* Calls a second and how many at once, as EC2's buckets:
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */
static const double bucket_size = 100, bucket_rate = 20, bucket_rate_throttled = 0.1;

struct sim_account *region_account(struct region *region, const char *id)
{
    for (size_t i = 0; i < region->account_count; i++)
        if (text_equal(region->accounts[i].id, id))
            return &region->accounts[i];
    return NULL;
}

void good_time_stop(struct world *world, struct sim_account *account)
{
    if (account->good.troubles++ == 0)
        account->good.total_ms += world_now(world) - account->good.since_ms;
}

void good_time_go(struct world *world, struct sim_account *account)
{
    if (--account->good.troubles == 0)
        account->good.since_ms = world_now(world);
}

int64_t good_time(const struct world *world, const struct sim_account *account)
{
    return account->good.total_ms + (account->good.troubles ? 0 : world_now(world) - account->good.since_ms);
}

static bool takes_token(struct sim_account *account, int64_t now)
{
    double rate = account->throttled ? bucket_rate_throttled : bucket_rate;
    account->bucket += rate * (double)(now - account->bucket_ms) / 1000;
    account->bucket_ms = now;
    double most = account->throttled ? 2 : bucket_size;
    account->bucket = account->bucket < most ? account->bucket : most;
    if (account->bucket < 1)
        return false;
    account->bucket -= 1;
    return true;
}

static int fail_call(struct region_call *call, struct error *err, const char *why)
{
    return error_set(err, ERROR_UNAVAILABLE, "%s in account %s: %s", call->name, call->account->id, why);
}

int region_call_begin(struct region_call *call, struct process *process, const struct account *account,
                      const char *name, bool changes, struct error *err)
{
    struct world *world = process->server->world;
    *call = (struct region_call){.process = process,
                                 .region = world->region,
                                 .account = region_account(world->region, account->id),
                                 .name = name,
                                 .changes = changes};
    process_enter(process);
    process_wait_for_thaw(process);
    struct sim_account *known = call->account;
    int result = 0;
    if (!known) {
        result = error_set(err, ERROR_FORBIDDEN, "no account %s", account->id);
    } else if (process_step(process, name)) {
        result = fail_call(call, err, "this process is dead");
    } else if (known->calls++, known->unreachable) {
        clockwork_sleep(world->clockwork, TIMEOUT_MS);
        result = fail_call(call, err, "no answer");
    } else {
        clockwork_sleep(world->clockwork, 1 + chance_around(&world->region->chance, ANSWER_MS / 2));
        if (!takes_token(known, world_now(world)))
            result = error_code(err, ERROR_THROTTLED, "RequestLimitExceeded",
                                "%s in account %s: rate exceeded", name, known->id);
    }
    if (result < 0)
        process_leave(process);
    else if (changes)
        known->changes++;
    return result;
}

int region_call_end(struct region_call *call, struct error *err)
{
    struct world *world = call->region->world;
    int result = 0;
    bool lost = call->account->loses > 0 && chance_is(&call->region->chance, call->account->loses);
    if (lost)
        world_say(world, "the answer to '%s' in %s is lost", call->name, call->account->id);
    clockwork_sleep(world->clockwork,
                    lost ? TIMEOUT_MS : 1 + chance_around(&call->region->chance, ANSWER_MS / 2));
    if (process_step(call->process, call->name))
        result = fail_call(call, err, "this process is dead");
    else if (lost)
        result = fail_call(call, err, "the connection was reset");
    process_leave(call->process);
    return result;
}

int region_find_place(void *context, const struct account *account, struct arena *arena, struct place *place,
                      struct error *err)
{
    static const char *const subnets[REGION_ZONES] = {"subnet-1", "subnet-2", "subnet-3"};
    static struct host_image images[] = {{"ami-x86", "x86_64"}, {"ami-arm", "arm64"}};
    static const char *balancer_subnets[] = {"subnet-8"}, *balancer_networks[] = {"2001:db8:0:8::/64"};
    struct region_call call;
    if (region_call_begin(&call, context, account, "find place", false, err) < 0)
        return -1;
    struct host_subnet *list = arena_alloc(arena, REGION_ZONES * sizeof *list);
    for (size_t i = 0; i < REGION_ZONES; i++)
        list[i] = (struct host_subnet){subnets[i], region_zones[i]};
    *place = (struct place){.vpc = "vpc-1",
                            .security_group = "sg-1",
                            .host_profile_arn = "arn:profile",
                            .disk_key = "key-1",
                            .archive_bucket = arena_format(arena, "archive-%s", account->id),
                            .host_subnets = list,
                            .host_subnet_count = REGION_ZONES,
                            .balancer_subnets = balancer_subnets,
                            .balancer_networks = balancer_networks,
                            .balancer_subnet_count = 1,
                            .images = images,
                            .image_count = COUNT_OF(images)};
    bool set_up = call.account->set_up;
    if (region_call_end(&call, err) < 0)
        return -1;
    return set_up ? 0
                  : error_code(err, ERROR_INVALID, "ACCOUNT_NOT_SET_UP",
                               "account %s has no VPC: run 'terraform apply'", account->id);
}

int region_name_resolves(void *context, const char *name, bool *resolves, struct error *err)
{
    struct process *process = context;
    if (process->dead)
        return error_set(err, ERROR_UNAVAILABLE, "this process is dead");
    struct region *region = process->server->world->region;
    *resolves = false;
    for (const struct sim_balancer *at = region->balancers; at; at = at->next)
        if (at->exists && text_starts(name, at->name))
            *resolves = world_now(region->world) > at->made_ms + region->endpoint_ms;
    return 0;
}

struct cloud region_cloud(struct process *process)
{
    return (struct cloud){.context = process,
                          .find_place = region_find_place,
                          .launch = region_launch,
                          .list = region_list,
                          .name_instance = region_name_instance,
                          .terminate = region_terminate,
                          .events = region_events,
                          .make_balancer = region_make_balancer,
                          .list_balancers = region_list_balancers,
                          .targets = region_targets,
                          .change_targets = region_change_targets,
                          .remove_balancer = region_remove_balancer,
                          .name_resolves = region_name_resolves};
}
