#include "configserver/test_cloud.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/test_zone.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each call has two moments at which a process may die: before it did anything, and after. */
void test_cloud_step(struct test_zone *test)
{
    if (__atomic_add_fetch(&test->cloud_state->steps, 1, __ATOMIC_RELAXED) == test->cloud_state->die_at)
        _exit(77);
}

static _Thread_local bool counted; /* this thread's call is one of `busy` */

static void uncount_call(struct test_zone *test)
{
    if (counted)
        __atomic_sub_fetch(&test->cloud_state->busy, 1, __ATOMIC_SEQ_CST);
    counted = false;
}

static void count_call(struct test_zone *test, const struct account *account)
{
    uncount_call(test); /* one that failed has no end */
    counted = text_equal(account->id, TEST_ACCOUNT);
    int busy = counted ? __atomic_add_fetch(&test->cloud_state->busy, 1, __ATOMIC_SEQ_CST) : 0;
    if (busy > test->cloud_state->busiest)
        test->cloud_state->busiest = busy;
}

static int begin_call(struct test_zone *test, const struct account *account, struct error *err)
{
    __atomic_add_fetch(&test->cloud_state->calls, 1, __ATOMIC_RELAXED);
    test_cloud_step(test);
    count_call(test, account);
    while (text_equal(test->cloud_state->hanging_account, account->id))
        clock_sleep_ms(5);
    if (text_equal(test->cloud_state->broken_account, account->id)) {
        test_zone_advance(test, test->cloud_state->fails_after_ms);
        return error_set(err, ERROR_UNAVAILABLE, "account %s does not answer", account->id);
    }
    if (test->cloud_state->throttled > 0 && test->cloud_state->throttled--)
        return error_code(err, ERROR_THROTTLED, "RequestLimitExceeded", "too fast");
    return 0;
}

static int end_call(struct test_zone *test)
{
    uncount_call(test);
    test_cloud_step(test);
    return 0;
}

static int find_place(void *context, const struct account *account, struct arena *arena, struct place *place,
                      struct error *err)
{
    static struct host_subnet subnets[] = {
        {"subnet-1", "use1-az6"}, {"subnet-1b", "use1-az7"}, {"subnet-1c", "use1-az8"}};
    static struct host_image images[] = {{"ami-1", "x86_64"}};
    static const char *balancer_subnets[] = {"subnet-2"}, *balancer_networks[] = {"2001:db8:0:8::/64"};
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    if (test->cloud_state->missing[0])
        return error_code(err, ERROR_INVALID, "ACCOUNT_NOT_SET_UP",
                          "account %s has no %s: run 'terraform apply'", account->id,
                          test->cloud_state->missing);
    *place = (struct place){
        .vpc = "vpc-1",
        .archive_bucket = test->cloud_state->bucket[0] ? arena_strdup(arena, test->cloud_state->bucket)
                                                       : arena_format(arena, "archive-%s", account->id),
        .host_subnets = subnets,
        .host_subnet_count = test->cloud_state->subnets ? (size_t)test->cloud_state->subnets : 1,
        .balancer_subnets = balancer_subnets,
        .balancer_networks = balancer_networks,
        .balancer_subnet_count = 1,
        .images = images,
        .image_count = 1};
    return end_call(test);
}

static struct test_instance *instance_by_token(struct test_cloud *cloud, const char *token, size_t index)
{
    for (size_t i = 0; i < cloud->instance_count; i++)
        if (text_equal(cloud->instances[i].token, token) && cloud->instances[i].launch_index == (int)index)
            return &cloud->instances[i];
    return NULL;
}

static struct instance shown(struct test_zone *test, const struct test_instance *actual, struct arena *arena)
{
    size_t index = (size_t)(actual - test->cloud_state->instances);
    return (struct instance){
        .id = arena_strdup(arena, actual->id),
        .hostname = arena_strdup(arena, actual->hostname),
        .state = actual->state,
        .addresses = {arena_format(arena, "2001:db8::%zx:1", index + 1),
                      arena_format(arena, "2001:db8::%zx:2", index + 1)},
        .reason = actual->state == INSTANCE_ENDED ? "the key is disabled" : NULL,
        .token = actual->token[0] ? arena_strdup(arena, actual->token) : NULL,
        .launch_index = actual->launch_index,
        .launched_ms = actual->launched_ms,
        .application = TEST_APPLICATION,
    };
}

static bool is_full(const struct test_cloud *cloud, const struct launch *launch)
{
    char both[48];
    snprintf(both, sizeof both, "%s %s", launch->type, launch->subnet);
    for (size_t i = 0; i < COUNT_OF(cloud->full); i++)
        if (text_equal(cloud->full[i], both) || text_equal(cloud->full[i], launch->type))
            return true;
    return false;
}

static void start(struct test_cloud *cloud, const struct account *account, const struct launch *launch,
                  size_t index)
{
    struct test_instance *actual = &cloud->instances[cloud->instance_count++];
    snprintf(actual->id, sizeof actual->id, "i-%08zx", cloud->instance_count);
    snprintf(actual->hostname, sizeof actual->hostname, "%s",
             launch->host_count == 1 ? launch->hostnames[0] : "");
    snprintf(actual->token, sizeof actual->token, "%s", launch->token);
    snprintf(actual->account, sizeof actual->account, "%s", account->id);
    snprintf(actual->type, sizeof actual->type, "%s", launch->type);
    snprintf(actual->subnet, sizeof actual->subnet, "%s", launch->subnet);
    actual->launch_index = (int)index;
    actual->launched_ms = cloud->now_ms;
    actual->state = INSTANCE_RUNNING;
}

/* What EC2 says to it, when it is not to be done: what its token stands for is there, or there is no more. */
static int check_launch(struct test_cloud *cloud, const struct launch *launch,
                        const struct test_instance *first, struct error *err)
{
    if (!first && cloud->refusal[0])
        return error_code(err, ERROR_CONFLICT, cloud->refusal, "refused");
    if (!first && (is_full(cloud, launch) || (cloud->largest && launch->host_count > (size_t)cloud->largest)))
        return error_code(err, ERROR_CONFLICT, "InsufficientInstanceCapacity", "not here");
    bool otherwise = first && (instance_by_token(cloud, launch->token, launch->host_count) ||
                               !instance_by_token(cloud, launch->token, launch->host_count - 1) ||
                               !text_equal(first->type, launch->type));
    return otherwise ? error_code(err, ERROR_CONFLICT, "IdempotentParameterMismatch", "another launch") : 0;
}

static int launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err)
{
    struct test_zone *test = context;
    struct test_cloud *cloud = test->cloud_state;
    (void)place;
    if (begin_call(test, account, err) < 0)
        return -1;
    cloud->launch_calls++;
    struct test_instance *first = instance_by_token(cloud, launch->token, 0);
    if (check_launch(cloud, launch, first, err) < 0)
        return -1;
    for (size_t i = 0; i < launch->host_count; i++) {
        if (!first)
            start(cloud, account, launch, i);
        struct test_instance *actual = instance_by_token(cloud, launch->token, i);
        actual->launch_calls++;
        instances[i] = shown(test, actual, arena);
    }
    if (cloud->lose_launches > 0 && cloud->lose_launches--)
        return error_set(err, ERROR_UNAVAILABLE, "no answer");
    return end_call(test);
}

static int list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    (void)owner;
    if (begin_call(test, account, err) < 0)
        return -1;
    *instances = arena_alloc(arena, TEST_INSTANCES_MOST * sizeof **instances);
    *count = 0;
    for (size_t i = 0; i < test->cloud_state->instance_count; i++)
        if (text_equal(test->cloud_state->instances[i].account, account->id) &&
            test->cloud_state->instances[i].launched_ms + test->cloud_state->list_lag_ms <=
                test->cloud_state->now_ms)
            (*instances)[(*count)++] = shown(test, &test->cloud_state->instances[i], arena);
    return end_call(test);
}

static int terminate(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    for (size_t i = 0; i < test->cloud_state->instance_count; i++)
        for (size_t j = 0; j < count; j++)
            if (text_equal(test->cloud_state->instances[i].id, instance_ids[j]))
                test->cloud_state->instances[i].state = INSTANCE_ENDED;
    return end_call(test);
}

static struct test_balancer *balancer_by_name(struct test_cloud *cloud, const char *name)
{
    for (size_t i = 0; i < cloud->balancer_count; i++)
        if (text_equal(cloud->balancers[i].name, name))
            return &cloud->balancers[i];
    return NULL;
}

static int make_balancer(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err)
{
    struct test_zone *test = context;
    struct test_cloud *cloud = test->cloud_state;
    (void)place;
    if (begin_call(test, account, err) < 0)
        return -1;
    struct test_balancer *actual = balancer_by_name(cloud, plan->name);
    if (!actual) {
        actual = &cloud->balancers[cloud->balancer_count++];
        snprintf(actual->name, sizeof actual->name, "%s", plan->name);
        snprintf(actual->account, sizeof actual->account, "%s", account->id);
    }
    actual->exists = actual->group_exists = true;
    actual->made++;
    actual->is_public = plan->settings.is_public;
    actual->is_private = plan->settings.is_private;
    actual->allowed = plan->settings.allowed_arn_count;
    *balancer = (struct balancer){.name = arena_strdup(arena, actual->name),
                                  .arn = arena_format(arena, "arn:lb/%s", plan->name),
                                  .group_arn = arena_strdup(arena, actual->name),
                                  .dns_name = arena_format(arena, "%s.elb.example", plan->name),
                                  .hosted_zone = "Z1"};
    if (actual->is_private) {
        balancer->service_id = "vpce-svc-1";
        balancer->service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-1";
    }
    return end_call(test);
}

static int targets(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **found, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    const struct test_balancer *actual = balancer_by_name(test->cloud_state, group_arn);
    if (!actual->group_exists)
        return error_set(err, ERROR_NOT_FOUND, "target group %s does not exist", group_arn);
    *count = actual->target_count;
    *found = arena_alloc(arena, *count * sizeof **found);
    for (size_t i = 0; i < *count; i++)
        (*found)[i] = (struct balancer_target){actual->targets[i],
                                               test->cloud_state->now_ms - actual->target_since_ms[i] >=
                                                   test->cloud_state->health_lag_ms};
    return end_call(test);
}

static int change_targets(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    struct test_balancer *actual = balancer_by_name(test->cloud_state, group_arn);
    for (size_t i = 0; i < removed_count; i++)
        for (size_t j = 0; j < actual->target_count; j++)
            if (text_equal(actual->targets[j], removed[i])) {
                size_t last = --actual->target_count;
                memmove(actual->targets[j], actual->targets[last], sizeof actual->targets[j]);
                actual->target_since_ms[j] = actual->target_since_ms[last];
            }
    for (size_t i = 0; i < added_count; i++) {
        actual->target_since_ms[actual->target_count] = test->cloud_state->now_ms;
        snprintf(actual->targets[actual->target_count++], sizeof actual->targets[0], "%s", added[i]);
    }
    return end_call(test);
}

/* In two steps, as the real one: the balancer, then its target group. */
static int remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err)
{
    struct test_zone *test = context;
    if (begin_call(test, account, err) < 0)
        return -1;
    struct test_balancer *actual = balancer_by_name(test->cloud_state, name);
    *gone = !actual || (!actual->exists && !actual->group_exists);
    if (actual && !actual->exists)
        actual->group_exists = false;
    if (actual)
        actual->exists = false;
    return end_call(test);
}

static int events(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **found, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    (void)owner;
    if (begin_call(test, account, err) < 0)
        return -1;
    *found = arena_alloc(arena, COUNT_OF(test->cloud_state->events) * sizeof **found);
    *count = 0;
    for (size_t i = 0; i < COUNT_OF(test->cloud_state->events); i++) {
        const struct test_event *event = &test->cloud_state->events[i];
        if (event->code[0])
            (*found)[(*count)++] = (struct instance_event){event->instance_id, event->code,
                                                           "degraded hardware", event->not_before_ms};
    }
    return end_call(test);
}

static int list_balancers(void *context, const struct account *account, const char *owner,
                          struct arena *arena, struct balancer **found, size_t *count, struct error *err)
{
    struct test_zone *test = context;
    struct test_cloud *cloud = test->cloud_state;
    (void)owner;
    if (begin_call(test, account, err) < 0)
        return -1;
    *found = arena_alloc(arena, TEST_MOST * sizeof **found);
    *count = 0;
    for (size_t i = 0; i < cloud->balancer_count; i++)
        if (text_equal(cloud->balancers[i].account, account->id) &&
            (cloud->balancers[i].exists || cloud->balancers[i].group_exists))
            (*found)[(*count)++] =
                (struct balancer){.name = cloud->balancers[i].name,
                                  .arn = cloud->balancers[i].exists ? "arn" : NULL,
                                  .group_arn = cloud->balancers[i].group_exists ? "arn" : NULL,
                                  .service_id = cloud->balancers[i].is_private ? "vpce-svc-1" : NULL};
    return end_call(test);
}

static int name_resolves(void *context, const char *name, bool *resolves, struct error *err)
{
    struct test_zone *test = context;
    (void)name;
    (void)err;
    *resolves = !test->cloud_state->unknown_names;
    return 0;
}

struct cloud test_cloud_calls(struct test_zone *test)
{
    return (struct cloud){
        .context = test,
        .find_place = find_place,
        .launch = launch,
        .list = list,
        .terminate = terminate,
        .events = events,
        .make_balancer = make_balancer,
        .list_balancers = list_balancers,
        .targets = targets,
        .change_targets = change_targets,
        .remove_balancer = remove_balancer,
        .name_resolves = name_resolves,
    };
}
