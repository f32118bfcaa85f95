/* deploy, run, status, destroy: a deployment's life as its tenant sees it. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/controller.h"
#include "zone/application_package.h"
#include "zone/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *application, *instance, *zone_text_given, *wait_text;
static bool yes;

static void apply_flags(struct cli *cli)
{
    if (application)
        cli->settings.application = application;
    if (instance)
        cli->settings.instance = instance;
    if (zone_text_given)
        cli->settings.zone = zone_text_given;
}

static char *job_path(struct cli *cli, struct error *err)
{
    char *path = instance_path(cli, err);
    const char *text = path ? settings_need(cli->settings.zone, "zone", err) : NULL;
    struct zone_id zone;
    if (!text || zone_parse(text, &zone, err) < 0)
        return NULL;
    return arena_format(cli->arena, "%s/job/%s-%s", path, zone.environment, zone.region);
}

struct watched_run {
    int64_t last_id;
    bool active;
    const char *status;
};

static int by_id(const void *a, const void *b)
{
    json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "id"));
    json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "id"));
    return left < right ? -1 : left > right;
}

/* The log's new lines of all steps, in the order they were written. */
static void print_log(struct cli *cli, json_t *log)
{
    const char *step;
    json_t *lines, *line;
    size_t index, count = 0;
    json_object_foreach(log, step, lines)
        count += json_array_size(lines);
    json_t **all = arena_alloc(cli->arena, (count + 1) * sizeof *all);
    count = 0;
    json_object_foreach(log, step, lines)
        json_array_foreach(lines, index, line)
            all[count++] = line;
    qsort(all, count, sizeof *all, by_id);
    for (size_t i = 0; i < count; i++) {
        const char *type = or_dash(json_member_text(all[i], "type"));
        if (text_equal(type, "debug"))
            continue;
        int64_t at = json_integer_value(json_object_get(all[i], "at"));
        printf("  %.8s %-7s %s\n", clock_rfc3339(cli->arena, at) + 11, type,
               or_dash(json_member_text(all[i], "message")));
    }
    fflush(stdout);
}

static int poll_run(struct cli *cli, const char *job, int64_t run, struct watched_run *watched, struct error *err)
{
    json_t *answer;
    if (controller_get(cli, &answer, err, "%s/run/%lld?after=%lld", job, (long long)run,
                       (long long)watched->last_id) < 0)
        return -1;
    if (!cli->json)
        print_log(cli, json_object_get(answer, "log"));
    json_t *last = json_object_get(answer, "lastId");
    if (json_integer_value(last) > 0)
        watched->last_id = json_integer_value(last);
    watched->active = json_is_true(json_object_get(answer, "active"));
    watched->status = or_dash(json_member_text(answer, "status"));
    return 0;
}

static int follow_run(struct cli *cli, const char *job, int64_t run, int64_t wait_s, struct error *err)
{
    struct watched_run watched = {.last_id = -1, .active = true};
    int64_t deadline = clock_monotonic_ms() + wait_s * 1000;
    for (;;) {
        /* The controller may be restarting: what cannot be reached is asked again until the time is up. */
        int result = poll_run(cli, job, run, &watched, err);
        if (result < 0 && err->kind != ERROR_UNAVAILABLE)
            return -1;
        if (result == 0 && !watched.active)
            break;
        if (clock_monotonic_ms() >= deadline)
            return error_set(err, ERROR_UNAVAILABLE, "run %lld is not finished after %lld s; it goes on: enclave run %lld",
                             (long long)run, (long long)wait_s, (long long)run);
        clock_sleep_ms(250);
    }
    if (!text_equal(watched.status, "success"))
        return error_set(err, ERROR_CONFLICT, "run %lld ended with %s", (long long)run, watched.status);
    return 0;
}

static int wait_seconds(int64_t standard, int64_t *seconds, struct error *err)
{
    *seconds = standard;
    return wait_text ? text_number(wait_text, 0, 86400, "--wait", seconds, err) : 0;
}

static int deploy(struct cli *cli, struct error *err)
{
    apply_flags(cli);
    char *path = instance_path(cli, err), *job = path ? job_path(cli, err) : NULL;
    cleanup(memory_free) char *zip = NULL;
    size_t length;
    int64_t wait_s;
    json_t *answer;
    if (!job || wait_seconds(300, &wait_s, err) < 0 ||
        application_package_zip(cli->word_count ? cli->words[0] : ".", &zip, &length, err) < 0)
        return -1;
    const struct controller_call call = {.method = HTTP_POST,
                                         .path = arena_format(cli->arena, "%s/deploy/%s", path, strrchr(job, '/') + 1),
                                         .content_type = "application/zip",
                                         .body = zip,
                                         .length = length,
                                         .timeout_ms = 120000};
    if (controller_call(cli, &call, &answer, err) < 0)
        return -1;
    int64_t run = json_integer_value(json_object_get(answer, "run"));
    if (cli->json)
        print_json(cli, answer);
    else
        printf("%s (run %lld)\n", or_dash(json_member_text(answer, "message")), (long long)run);
    return wait_s ? follow_run(cli, job, run, wait_s, err) : 0;
}

static int show_run(struct cli *cli, struct error *err)
{
    apply_flags(cli);
    char *job = job_path(cli, err);
    int64_t run = 0, wait_s;
    json_t *answer;
    if (!job || wait_seconds(0, &wait_s, err) < 0)
        return -1;
    if (cli->word_count) {
        if (text_number(cli->words[0], 1, INT32_MAX, "run", &run, err) < 0)
            return -1;
    } else {
        if (controller_get(cli, &answer, err, "%s?limit=1", job) < 0)
            return -1;
        run = json_integer_value(json_object_get(json_array_get(json_object_get(answer, "runs"), 0), "id"));
        if (!run)
            return error_set(err, ERROR_NOT_FOUND, "there is no run yet; start one: enclave deploy DIRECTORY");
    }
    if (wait_s)
        return follow_run(cli, job, run, wait_s, err);
    struct watched_run watched = {.last_id = -1};
    if (poll_run(cli, job, run, &watched, err) < 0)
        return -1;
    printf("run %lld: %s\n", (long long)run, watched.status);
    return 0;
}

static void print_deployment(json_t *deployment)
{
    static const char *const members[] = {"tenant", "application", "instance", "environment", "region", "status"};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        printf("%-12s %s\n", members[i], or_dash(json_member_text(deployment, members[i])));
    json_t *item;
    size_t index;
    json_array_foreach(json_object_get(deployment, "endpoints"), index, item)
        printf("%-12s %s (cluster %s)\n", "endpoint", or_dash(json_member_text(item, "url")),
               or_dash(json_member_text(item, "cluster")));
    json_array_foreach(json_object_get(deployment, "privateEndpoints"), index, item)
        printf("%-12s %s (cluster %s, by PrivateLink)\n", "endpoint", or_dash(json_member_text(item, "serviceName")),
               or_dash(json_member_text(item, "cluster")));
    const char *account = json_member_text(json_object_get(deployment, "enclave"), "cloudAccount");
    printf("%-12s %s\n", "account", or_dash(account));
}

static int status(struct cli *cli, struct error *err)
{
    apply_flags(cli);
    char *path = deployment_path(cli, err);
    json_t *answer;
    if (!path || controller_get(cli, &answer, err, "%s", path) < 0)
        return -1;
    if (cli->json)
        print_json(cli, answer);
    else
        print_deployment(answer);
    return 0;
}

static int wait_until_gone(struct cli *cli, const char *path, int64_t wait_s, struct error *err)
{
    for (int64_t deadline = clock_monotonic_ms() + wait_s * 1000; clock_monotonic_ms() < deadline;) {
        json_t *answer;
        if (controller_get(cli, &answer, err, "%s", path) < 0) {
            if (err->kind == ERROR_NOT_FOUND) {
                printf("gone\n");
                return 0;
            }
            if (err->kind != ERROR_UNAVAILABLE)
                return -1;
        }
        clock_sleep_ms(500);
    }
    return error_set(err, ERROR_UNAVAILABLE, "hosts are still being drained after %lld s: enclave hosts shows them",
                     (long long)wait_s);
}

static int destroy(struct cli *cli, struct error *err)
{
    apply_flags(cli);
    char *path = deployment_path(cli, err);
    int64_t wait_s;
    json_t *answer;
    if (!path || wait_seconds(0, &wait_s, err) < 0)
        return -1;
    if (!yes)
        return error_set(err, ERROR_INVALID, "this deletes the deployment and its data: say so with --yes");
    const struct controller_call call = {.method = HTTP_DELETE, .path = path};
    if (controller_call(cli, &call, &answer, err) < 0)
        return -1;
    printf("%s\n", or_dash(json_member_text(answer, "message")));
    return wait_s ? wait_until_gone(cli, path, wait_s, err) : 0;
}

#define WHICH                                                                                                \
    {"application", "NAME", "application (default of config.json)", &application, NULL},                     \
        {"instance", "NAME", "instance (default: default)", &instance, NULL},                                \
        {"zone", "ZONE", "zone, e.g. dev.aws-us-east-1c", &zone_text_given, NULL}

static const struct flag which_flags[] = {WHICH, {NULL}};
static const struct flag wait_flags[] = {
    WHICH, {"wait", "SECONDS", "how long to follow it; 0 does not wait", &wait_text, NULL}, {NULL}};
static const struct flag destroy_flags[] = {WHICH,
                                            {"wait", "SECONDS", "how long to wait until it is gone", &wait_text, NULL},
                                            {"yes", NULL, "really", NULL, &yes},
                                            {NULL}};

const struct command deploy_commands[] = {
    {"deploy", "[DIRECTORY]", "deploy an application package and follow its run", deploy, wait_flags, 0, 1},
    {"run", "[NUMBER]", "status and log of a deployment run (the last one)", show_run, wait_flags, 0, 1},
    {"status", "", "the deployment: status, endpoints, account", status, which_flags, 0, 0},
    {"destroy", "--yes", "delete the deployment: drain, archive logs, terminate", destroy, destroy_flags, 0, 0},
    {NULL},
};
