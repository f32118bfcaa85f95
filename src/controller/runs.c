#include "controller/runs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "controller/run_log.h"
#include "controller/runner.h"
#include "controller/state.h"
#include "controller/zones.h"
#include "zone/application_package.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

enum {
    SOON_MS = 300,
    LATER_MS = 2000,
    YOUNG_MS = 60 * 1000,          /* while it is this young a run is looked at often */
    LONGEST_MS = 60 * 60 * 1000,   /* what has not come to serve by then has failed */
};

/* What a failed attempt at handing over means. Codes are the config server's; anything else that is our or the
 * tenant's fault ends the run, and trouble that may pass is tried again. */
static const struct {
    const char *code;
    enum run_status status;
} refusals[] = {
    {"INVALID_APPLICATION_PACKAGE", RUN_DEPLOYMENT_FAILED},
    {"BAD_REQUEST", RUN_DEPLOYMENT_FAILED},
    {"UNKNOWN_VESPA_VERSION", RUN_DEPLOYMENT_FAILED},
    {"QUOTA_EXCEEDED", RUN_QUOTA_EXCEEDED},
    {"NODE_ALLOCATION_FAILURE", RUN_NODE_ALLOCATION_FAILURE},
};

static enum run_status status_of_code(const char *code, enum run_status otherwise)
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        if (text_equal(refusals[i].code, code))
            return refusals[i].status;
    return otherwise;
}

static enum run_status status_of_refusal(const struct error *err)
{
    enum run_status known = status_of_code(err->code, RUN_RUNNING);
    if (known != RUN_RUNNING)
        return known;
    bool final = err->kind == ERROR_INVALID || err->kind == ERROR_NOT_FOUND || err->kind == ERROR_FORBIDDEN;
    return final ? RUN_DEPLOYMENT_FAILED : RUN_RUNNING;
}

static char *package_path(struct controller *controller, struct arena *arena, const char *package)
{
    return arena_format(arena, "%s/packages/%s", controller->state_directory, package);
}

static void end_run(struct controller *controller, struct arena *arena, struct run *run, enum run_status status)
{
    run->status = (int)status;
    run->end_ms = clock_now_ms();
    unlink(package_path(controller, arena, run->package));
}

static void fail_step(struct controller *controller, struct arena *arena, struct run *run, enum run_step step,
                      enum run_status status, const char *why)
{
    run_log_add(arena, run, step, "error", clock_now_ms(), why);
    *(step == STEP_DEPLOY ? &run->deploy : &run->install) = STEP_FAILED;
    end_run(controller, arena, run, status);
}

/* Passing trouble: said once, tried again until the run is too old. */
static void try_again(struct controller *controller, struct arena *arena, struct run *run, enum run_step step,
                      const char *why)
{
    if (clock_now_ms() - run->start_ms > LONGEST_MS) {
        fail_step(controller, arena, run, step, step == STEP_DEPLOY ? RUN_ERROR : RUN_INSTALLATION_FAILED, why);
        return;
    }
    if (!text_equal(run->last_trouble, why))
        run_log_add(arena, run, step, "info", clock_now_ms(), why);
    run->last_trouble = arena_strdup(arena, why);
}

/* What a step saw, from outside the lock; the run's record is changed by it afterwards, when it is still the one. */
struct sight {
    int result;
    struct error err;
    json_t *log, *state;
    int64_t generation;
};

static void look_deploy(struct controller *controller, struct arena *arena, const struct deployment *deployment,
                        const struct run *run, struct sight *sight)
{
    struct tenant tenant;
    char *zip;
    size_t length;
    sight->result = tenant_load(controller, arena, deployment->tenant, &tenant, &sight->err);
    if (sight->result == 0)
        sight->result = file_read(arena, package_path(controller, arena, run->package), PACKAGE_LARGEST, &zip,
                                  &length, &sight->err);
    if (sight->result == 0)
        sight->result = zone_deploy(controller, deployment, tenant.external_id, zip, length, arena, &sight->log,
                                    &sight->generation, &sight->err);
}

static void act_deploy(struct controller *controller, struct arena *arena, struct run *run,
                        const struct sight *sight)
{
    if (sight->result < 0) {
        enum run_status status = status_of_refusal(&sight->err);
        if (status == RUN_RUNNING)
            try_again(controller, arena, run, STEP_DEPLOY, sight->err.message);
        else
            fail_step(controller, arena, run, STEP_DEPLOY, status, sight->err.message);
        return;
    }
    run_log_copy(arena, run, STEP_DEPLOY, sight->log, "time");
    run_log_add(arena, run, STEP_DEPLOY, "info", clock_now_ms(), "The zone has taken the application package.");
    run->deploy = STEP_SUCCEEDED;
    run->generation = sight->generation;
    run->last_trouble = NULL;
}

static void look_install(struct controller *controller, struct arena *arena, const struct deployment *deployment,
                         const struct run *run, struct sight *sight)
{
    (void)run;
    sight->result = zone_deployment(controller, deployment, arena, &sight->state, &sight->err);
}

static bool serves(const struct run *run, json_t *state)
{
    return text_equal(json_member_text(state, "status"), "running") && json_is_true(json_object_get(state, "converged")) &&
           json_integer_value(json_object_get(state, "generation")) >= run->generation;
}

static void act_install(struct controller *controller, struct arena *arena, struct run *run,
                         const struct sight *sight)
{
    if (sight->result < 0 && sight->err.kind == ERROR_NOT_FOUND) {
        run_log_add(arena, run, STEP_INSTALL, "warning", clock_now_ms(),
                    "The zone does not know the deployment: handing it over again.");
        run->deploy = STEP_UNFINISHED;
        return;
    }
    if (sight->result < 0) {
        try_again(controller, arena, run, STEP_INSTALL, sight->err.message);
        return;
    }
    const char *message = json_member_text(sight->state, "message");
    run_log_copy(arena, run, STEP_INSTALL, json_object_get(sight->state, "log"), "at");
    if (serves(run, sight->state)) {
        run_log_add(arena, run, STEP_INSTALL, "info", clock_now_ms(), "All nodes serve the application.");
        run->install = STEP_SUCCEEDED;
        end_run(controller, arena, run, RUN_SUCCESS);
    } else if (text_equal(json_member_text(sight->state, "status"), "failed")) {
        const char *code = json_member_text(sight->state, "errorCode");
        fail_step(controller, arena, run, STEP_INSTALL, status_of_code(code, RUN_INSTALLATION_FAILED),
                  text_empty(message) ? "the zone gave up" : message);
    } else {
        try_again(controller, arena, run, STEP_INSTALL, text_empty(message) ? "Waiting for nodes." : message);
    }
}

/* A step: look without the lock, then change the record with it. */
static const struct {
    void (*look)(struct controller *, struct arena *, const struct deployment *, const struct run *, struct sight *);
    void (*act)(struct controller *, struct arena *, struct run *, const struct sight *);
} steps[RUN_STEPS] = {
    [STEP_DEPLOY] = {look_deploy, act_deploy},
    [STEP_INSTALL] = {look_install, act_install},
};

static int load_last(struct controller *controller, struct arena *arena, const char *name,
                     struct deployment *deployment, struct run *run, struct error *err)
{
    if (deployment_load(controller, arena, name, deployment, err) < 0)
        return -1;
    return run_load(controller, arena, name, deployment->last_run, run, err);
}

static int step_run(struct controller *controller, struct arena *arena, const char *name,
                    const struct deployment *deployment, const struct run *seen, struct error *err)
{
    struct sight sight = {0};
    enum run_step step = seen->deploy == STEP_UNFINISHED ? STEP_DEPLOY : STEP_INSTALL;
    steps[step].look(controller, arena, deployment, seen, &sight);

    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(controller);
    (void)held;
    struct deployment now;
    struct run run;
    if (load_last(controller, arena, name, &now, &run, err) < 0)
        return -1;
    if (now.deleting || run.number != seen->number || run.status != RUN_RUNNING)
        return SOON_MS; /* somebody deployed again, or wants it gone */
    steps[step].act(controller, arena, &run, &sight);
    if (run_save(controller, arena, name, &run, err) < 0)
        return -1;
    if (run.status != RUN_RUNNING)
        log_info("run ended", "deployment", name, "status", run_status_names[run.status], NULL);
    return clock_now_ms() - run.start_ms < YOUNG_MS ? SOON_MS : LATER_MS;
}

/* Asks for the deletion, which is asynchronous and may be asked for again, and sees whether it is over. */
static bool is_gone(struct controller *controller, struct arena *arena, const struct deployment *deployment,
                    struct error *err)
{
    json_t *state;
    if (zone_delete(controller, deployment, arena, err) == 0 &&
        zone_deployment(controller, deployment, arena, &state, err) == 0)
        return false;
    return err->kind == ERROR_NOT_FOUND;
}

static int step_deletion(struct controller *controller, struct arena *arena, const char *name,
                         const struct deployment *deployment, struct error *err)
{
    struct error why = {0};
    if (!is_gone(controller, arena, deployment, &why)) {
        if (why.kind != ERROR_NONE)
            log_warning("deletion is tried again", "deployment", name, "reason", why.message, NULL);
        return why.kind == ERROR_NONE ? SOON_MS : LATER_MS;
    }
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(controller);
    (void)held;
    struct deployment now;
    if (deployment_load(controller, arena, name, &now, err) < 0 ||
        (now.deleting && deployment_forget(controller, name, err) < 0))
        return -1;
    log_info("deployment is gone", "deployment", name, NULL);
    return SOON_MS;
}

/* With nothing left to do: the deployment is gone, or its last run has ended. */
static int finish(struct controller *controller, struct arena *arena, const char *name, struct error *err)
{
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(controller);
    (void)held;
    struct deployment deployment;
    struct run run;
    struct error why = {0};
    if (load_last(controller, arena, name, &deployment, &run, &why) == 0) {
        if (deployment.deleting || run.status == RUN_RUNNING)
            return SOON_MS; /* it has changed since we looked */
    } else if (why.kind != ERROR_NOT_FOUND) {
        return error_set(err, why.kind, "%s", why.message);
    }
    return unfinished_clear(controller, name, err) < 0 ? -1 : 0;
}

static int drive(struct controller *controller, struct arena *arena, const char *name, struct error *err)
{
    struct deployment deployment;
    struct run run;
    struct error why = {0};
    if (load_last(controller, arena, name, &deployment, &run, &why) < 0) {
        if (why.kind != ERROR_NOT_FOUND)
            return error_set(err, why.kind, "%s", why.message);
    } else if (deployment.deleting) {
        return step_deletion(controller, arena, name, &deployment, err);
    } else if (run.status == RUN_RUNNING) {
        return step_run(controller, arena, name, &deployment, &run, err);
    }
    return finish(controller, arena, name, err);
}

int run_drive(struct controller *controller, const char *name)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    int again_ms = drive(controller, arena, name, &err);
    if (again_ms < 0) {
        log_error("a deployment cannot be driven", "deployment", name, "reason", err.message, NULL);
        return LATER_MS;
    }
    return again_ms ? again_ms : DRIVE_DONE;
}

/* With the lock held. */
static int abort_last(struct controller *controller, struct arena *arena, const char *name, const char *why,
                      struct error *err)
{
    struct deployment deployment;
    struct run run;
    struct error missing = {0};
    if (load_last(controller, arena, name, &deployment, &run, &missing) < 0) {
        if (missing.kind == ERROR_NOT_FOUND)
            return 0;
        return error_set(err, missing.kind, "%s", missing.message);
    }
    if (run.status != RUN_RUNNING)
        return 0;
    run_log_add(arena, &run, run.deploy == STEP_UNFINISHED ? STEP_DEPLOY : STEP_INSTALL, "warning", clock_now_ms(), why);
    end_run(controller, arena, &run, RUN_ABORTED);
    return run_save(controller, arena, name, &run, err);
}

int run_start(struct controller *controller, struct arena *arena, struct deployment *deployment, const char *zip,
              size_t length, int64_t *number, struct error *err)
{
    const char *name = deployment_name(arena, deployment);
    const char *package = random_hex(arena, 32);
    if (file_write(package_path(controller, arena, package), zip, length, 0600, err) < 0)
        return -1;
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(controller);
    (void)held;
    struct run run = {.status = RUN_RUNNING,
                      .start_ms = clock_now_ms(),
                      .account = deployment->account,
                      .package = package};
    deployment->deployed_ms = run.start_ms;
    if (abort_last(controller, arena, name, "Another deployment took this one's place.", err) < 0 ||
        run_next_number(controller, arena, name, &run.number, err) < 0)
        return -1;
    run.zone_log_ms = run.start_ms;
    run_log_add(arena, &run, STEP_DEPLOY, "info", run.start_ms,
                arena_format(arena, "Deploying to %s in account %s.", deployment->zone, deployment->account));
    if (run_create(controller, arena, deployment, &run, err) < 0)
        return -1;
    *number = run.number;
    runner_wake(controller->runner, name);
    return 0;
}

int run_delete(struct controller *controller, struct arena *arena, const char *name, struct error *err)
{
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(controller);
    (void)held;
    struct deployment deployment;
    if (deployment_load(controller, arena, name, &deployment, err) < 0 ||
        abort_last(controller, arena, name, "The deployment is being deleted.", err) < 0 ||
        deployment_mark_deleting(controller, arena, &deployment, err) < 0)
        return -1;
    runner_wake(controller->runner, name);
    return 0;
}

static bool is_needed(struct controller *controller, struct arena *arena, char **names, size_t count,
                      const char *package)
{
    struct deployment deployment;
    struct run run;
    for (size_t i = 0; i < count; i++)
        if (load_last(controller, arena, names[i], &deployment, &run, NULL) == 0 && run.status == RUN_RUNNING &&
            text_equal(run.package, package))
            return true;
    return false;
}

void run_sweep_packages(struct controller *controller)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names;
    size_t count;
    DIR *directory = opendir(arena_format(arena, "%s/packages", controller->state_directory));
    if (!directory)
        return;
    if (unfinished_names(controller, arena, &names, &count, NULL) == 0)
        for (struct dirent *entry; (entry = readdir(directory));)
            if (entry->d_name[0] != '.' && !is_needed(controller, arena, names, count, entry->d_name))
                unlink(package_path(controller, arena, entry->d_name));
    closedir(directory);
}
