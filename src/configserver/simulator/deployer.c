#include "configserver/simulator/deployer.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/decide/deploy.h"
#include "configserver/simulator/server.h"

#include <stdio.h>
#include <string.h>

enum {
    ACTS_EVERY_MS = 9 * HOUR_MS,
    ASKS_AGAIN_MS = 10 * 1000,
    ASKS_MOST = 200, /* the controller goes on for some time */
    CONTENT = 1,     /* which of a package's clusters holds documents */
};

/* What a person does next: the package as it is to be, or nothing of it. */
struct act {
    const char *name;
    int weight;
    bool (*change)(struct sim_application *application,
                   struct sim_package *package); /* whether it makes sense */
};

static int64_t some_count(struct chance *chance)
{
    return chance_is(chance, 0.15) ? 1 : chance_between(chance, 2, 4);
}

static bool change_nothing(struct sim_application *application, struct sim_package *package)
{
    (void)application;
    (void)package;
    return true;
}

static bool change_version(struct sim_application *application, struct sim_package *package)
{
    package->image += chance_is(&application->chance, 0.5);
    package->version++;
    return true;
}

static struct sim_cluster *pick_cluster(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster = &package->clusters[chance_below(&application->chance, PACKAGE_CLUSTERS)];
    return cluster->exists ? cluster : &package->clusters[0];
}

static bool grow(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster = pick_cluster(application, package);
    cluster->count += cluster->groups * chance_between(&application->chance, 1, 2);
    return cluster->count <= 6;
}

static bool shrink(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster = pick_cluster(application, package);
    cluster->count -= cluster->groups;
    return cluster->count >= cluster->groups;
}

/* More or fewer groups of the same nodes. */
static bool change_groups(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster = &package->clusters[CONTENT];
    (void)application;
    cluster->groups = cluster->groups == 1 ? 2 : 1;
    cluster->count += cluster->count % 2;
    return cluster->exists;
}

static bool change_endpoint(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster = pick_cluster(application, package);
    cluster->is_private = !cluster->is_content && chance_is(&application->chance, 0.7);
    cluster->allowed = chance_between(&application->chance, 0, 3);
    return !cluster->is_content;
}

static bool change_ttl(struct sim_application *application, struct sim_package *package)
{
    package->ttl_hours = package->ttl_hours ? 0 : chance_between(&application->chance, 1, 6);
    return true;
}

static bool change_resources(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster = pick_cluster(application, package);
    if (chance_is(&application->chance, 0.5))
        cluster->vcpu = 1LL << chance_between(&application->chance, 1, 4);
    else
        cluster->disk_gb = 50 * chance_between(&application->chance, 1, 4);
    return true;
}

static bool add_or_remove_cluster(struct sim_application *application, struct sim_package *package)
{
    struct sim_cluster *cluster =
        &package->clusters[chance_between(&application->chance, 1, PACKAGE_CLUSTERS - 1)];
    cluster->exists = !cluster->exists;
    return true;
}

static bool move_account(struct sim_application *application, struct sim_package *package)
{
    struct region *region = application->world->region;
    const struct sim_account *other =
        &region->accounts[chance_below(&application->chance, (int64_t)region->account_count)];
    package->account = other->id;
    return other != application->account;
}

static bool delete (struct sim_application *application, struct sim_package *package)
{
    (void)application;
    package->version = -1;
    return true;
}

static const struct act acts[] = {
    {"the same again", 1, change_nothing},
    {"another version", 2, change_version},
    {"more nodes", 4, grow},
    {"fewer nodes", 4, shrink},
    {"other resources", 2, change_resources},
    {"a cluster more or less", 2, add_or_remove_cluster},
    {"other groups", 1, change_groups},
    {"another endpoint", 2, change_endpoint},
    {"hosts kept longer", 1, change_ttl},
    {"another account", 1, move_account},
    {"nothing any more", 2, delete},
};

static const struct act *pick_act(struct chance *chance)
{
    int total = 0;
    for (size_t i = 0; i < COUNT_OF(acts); i++)
        total += acts[i].weight;
    int64_t at = chance_below(chance, total);
    for (size_t i = 0; i < COUNT_OF(acts); i++)
        if ((at -= acts[i].weight) < 0)
            return &acts[i];
    return acts;
}

static struct sim_package first_package(struct sim_application *application)
{
    struct sim_package package = {.account = application->account->id,
                                  .version = application->package.version + 1};
    for (size_t i = 0; i < PACKAGE_CLUSTERS; i++)
        package.clusters[i] =
            (struct sim_cluster){.exists = i == 0 || chance_is(&application->chance, 0.5),
                                 .is_content = i == CONTENT,
                                 .is_private = i != CONTENT && chance_is(&application->chance, 0.2),
                                 .count = some_count(&application->chance),
                                 .groups = 1,
                                 .vcpu = 2,
                                 .disk_gb = 50};
    return package;
}

/* One request and its answer; true when it was one. */
static bool ask(struct sim_application *application, const struct sim_package *package,
                const struct buffer *zip, struct deployed *deployed, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct process *process = servers_any(application->world, &application->chance);
    *err = (struct error){0};
    if (!process) {
        error_set(err, ERROR_UNAVAILABLE, "nobody answers");
        return false;
    }
    process_enter(process);
    int result;
    if (package->version < 0) {
        result = undeploy(process->zone, application->id, err);
    } else {
        const struct deployment deployment = {{application->account->tenant, application->name, "default"},
                                              package->account,
                                              application->account->external_id,
                                              buffer_string((struct buffer *)zip),
                                              zip->length};
        result = deploy(process->zone, arena, &deployment, deployed, err);
    }
    bool answered =
        !process->dead && (result == 0 || (err->kind != ERROR_UNAVAILABLE && err->kind != ERROR_THROTTLED &&
                                           err->kind != ERROR_INTERNAL));
    process_leave(process);
    return answered;
}

static void settle(struct sim_application *application, const struct sim_package *package,
                   const struct deployed *deployed, const struct error *err)
{
    struct world *world = application->world;
    bool deletes = package->version < 0;
    if (deletes && (err->kind == ERROR_NONE || err->kind == ERROR_NOT_FOUND)) {
        application->exists = false;
        application->leaving = err->kind == ERROR_NONE;
        application->package.version++;
        world_say(world, "%s: deletion accepted", application->id);
    } else if (err->kind == ERROR_NONE) {
        application->package = *package;
        snprintf(application->today, sizeof application->today, "%s", package->today ? package->today : "");
        application->package.today = package->today ? application->today : NULL;
        application->exists = true;
        application->leaving = false;
        application->generation = deployed->generation;
        application->accepted++;
        for (size_t i = 0; deployed->changed && i < PACKAGE_CLUSTERS; i++)
            application->account->asked += package->clusters[i].exists ? package->clusters[i].count : 0;
        world_say(world, "%s: generation %lld accepted", application->id, (long long)deployed->generation);
    } else {
        application->refused++;
        world_say(world, "%s: refused: %.150s", application->id, err->message);
    }
    application->uncertain = false;
}

static void request(struct sim_application *application, const struct sim_package *package)
{
    struct world *world = application->world;
    cleanup(buffer_free) struct buffer zip = buffer_new(1 << 20);
    struct deployed deployed = {0};
    struct error err = {0};
    application->busy = true;
    if (package->version >= 0)
        package_zip(package, &zip);
    for (int i = 0; i < ASKS_MOST; i++) {
        if (ask(application, package, &zip, &deployed, &err)) {
            settle(application, package, &deployed, &err);
            application->busy = false;
            return;
        }
        application->uncertain = true;
        clockwork_sleep(world->clockwork, 1000 + chance_around(&application->chance, ASKS_AGAIN_MS));
    }
    application->unanswered++;
    application->busy = false;
    world_say(world, "%s: gave up: %.100s", application->id, err.message);
}

/* Whoever means it writes down that he does; some forget. */
static void allow(struct sim_application *application, struct sim_package *package, struct arena *arena)
{
    char *until = clock_rfc3339(arena, world_now(application->world) + 7 * DAY_MS);
    until[10] = '\0';
    package->today = chance_is(&application->chance, 0.8) ? until : NULL;
}

static void act(void *context)
{
    struct sim_application *application = context;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sim_package package = application->exists ? application->package : first_package(application);
    const struct act *chosen = application->exists ? pick_act(&application->chance) : NULL;
    if (chosen && !chosen->change(application, &package))
        return;
    if (chosen && package.version >= 0)
        package.version += chosen->change != change_nothing;
    if (!chosen || chosen->change != change_nothing)
        allow(application, &package, arena);
    world_say(application->world, "%s is to have %s", application->id,
              chosen ? chosen->name : "its first nodes");
    request(application, &package);
}

static void act_now(void *context, int64_t number)
{
    struct sim_application *application = context;
    struct world *world = application->world;
    (void)number;
    if (world_now(world) >= world->calm_ms)
        return;
    if (!application->busy)
        clockwork_run(world->clockwork, act, application);
    clockwork_after(world->clockwork, 1 + chance_around(&application->chance, ACTS_EVERY_MS), act_now,
                    application, 0);
}

struct deployers *deployers_new(struct world *world)
{
    struct deployers *deployers = memory_alloc(sizeof *deployers);
    struct chance chance = chance_of(world->seed, "deployers");
    deployers->world = world;
    deployers->count = (size_t)chance_between(&chance, 2, 4);
    for (size_t i = 0; i < deployers->count; i++) {
        struct sim_application *application = &deployers->applications[i];
        application->world = world;
        application->account = &world->region->accounts[i % world->region->account_count];
        snprintf(application->name, sizeof application->name, "app%zu", i);
        snprintf(application->id, sizeof application->id, "%s:app%zu:default", application->account->tenant,
                 i);
        application->chance = chance_of(world->seed, application->id);
        clockwork_after(world->clockwork, chance_around(&application->chance, HOUR_MS), act_now, application,
                        0);
    }
    return deployers;
}

void deployers_free(struct deployers **deployers)
{
    free(take(deployers));
}
