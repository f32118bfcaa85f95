/* The later steps of zone up: a tenant, its deployment, and that it serves and keeps its logs. Each is done by the commands a
 * person would type. */
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/zone_story.h"

#include <stdio.h>
#include <string.h>

/* --- 4: the tenant ---------------------------------------------------------------------------------------------------- */

static int write_settings(struct local_zone *zone, struct error *err)
{
    const struct settings settings = {
        .home = zone_path(zone, "home"),
        .controller = arena_format(zone->arena, "https://%s:4443", zone->config_nlb),
        .trust = zone_path(zone, "ca/ca.pem"),
        .proxy = arena_format(zone->arena, "http://127.0.0.1:%s", zone->proxy_port),
        .tenant = LOCAL_TENANT,
        .application = "album-search",
        .instance = "default",
        .zone = LOCAL_ZONE,
        .api_key = file_exists(zone_path(zone, "home/%s.api-key.pem", LOCAL_TENANT))
                       ? zone_path(zone, "home/%s.api-key.pem", LOCAL_TENANT)
                       : NULL,
        .operator_certificate = zone_path(zone, "home/operator.cert.pem"),
        .operator_key = zone_path(zone, "home/operator.key.pem"),
        .data_plane_certificate = file_exists(zone_path(zone, "home/data-plane-public-cert.pem"))
                                      ? zone_path(zone, "home/data-plane-public-cert.pem")
                                      : NULL,
        .data_plane_key = zone_path(zone, "home/data-plane-private-key.pem"),
        .aws_region = LOCAL_REGION,
    };
    return settings_save(zone->arena, &settings, err);
}

/* Runs a command again while what it needs is still starting. */
static int run_patiently(struct local_zone *zone, const char *const *words, int64_t patience_ms, char **output,
                         struct error *err)
{
    for (int64_t deadline = clock_monotonic_ms() + patience_ms;; clock_sleep_ms(100)) {
        if (run_enclave(zone, LOCAL_TENANT, words, output, err) == 0)
            return 0;
        /* exit code 5: unavailable, try again */
        if (!strstr(err->message, "exited with 5") || clock_monotonic_ms() > deadline)
            return -1;
    }
}

static int wait_for_controller(struct story *story, struct error *err)
{
    static const char *const words[] = {"tenant", "show", LOCAL_TENANT, "-o", "json", NULL};
    struct local_zone *zone = &story->zone;
    char *output;
    for (int64_t deadline = clock_monotonic_ms() + 60000;; clock_sleep_ms(100)) {
        if (run_enclave(zone, LOCAL_TENANT, words, &output, err) == 0 || !strstr(err->message, "exited with 5"))
            return 0; /* it answered: whether there is such a tenant is another question */
        if (clock_monotonic_ms() > deadline)
            return error_context(err, "the controller does not answer (consoles: %s)",
                                 zone_path(zone, "localaws/consoles"));
    }
}

int make_tenant(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    char *key = zone_path(zone, "home/%s.api-key.pem", LOCAL_TENANT), *output;
    static const char *const show[] = {"tenant", "show", LOCAL_TENANT, "-o", "json", NULL};
    if (write_settings(zone, err) < 0 ||
        (!file_exists(key) &&
         run_enclave(zone, LOCAL_TENANT, (const char *const[]){"auth", "api-key", LOCAL_TENANT, NULL}, &output, err) < 0) ||
        wait_for_controller(story, err) < 0)
        return -1;
    bool there = run_enclave(zone, LOCAL_TENANT, show, &output, err) == 0;
    if (there && strstr(output, TENANT_ACCOUNT)) {
        SAY(story, "already there: %s with account %s", LOCAL_TENANT, TENANT_ACCOUNT);
        return 0;
    }
    const char *const create[] = {"tenant", "create", LOCAL_TENANT, "--key", key, "--external-id", zone->external_id, NULL};
    if (!there && run_patiently(zone, create, 30000, &output, err) < 0)
        return -1;
    const char *const account[] = {"account", "register", TENANT_ACCOUNT, NULL};
    if (run_patiently(zone, account, 30000, &output, err) < 0)
        return -1;
    SAY(story, "%s has an API key and has registered account %s", LOCAL_TENANT, TENANT_ACCOUNT);
    return 0;
}

/* --- 5 and 6: the application ------------------------------------------------------------------------------------------- */

int deploy_application(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    char *application = zone_path(zone, "application"), *output;
    static const char *const status[] = {"status", "-o", "json", NULL};
    if (run_enclave(zone, LOCAL_TENANT, status, &output, err) == 0) {
        SAY(story, "already deployed: album-search in %s", LOCAL_ZONE);
        return 0;
    }
    char *example = arena_format(zone->arena, "%s/share/enclave/examples/album-search", zone->prefix);
    const struct process copy = {.argv = (const char *const[]){"cp", "-rT", example, application, NULL}};
    if (process_run(&copy, zone->arena, NULL, err) < 0 ||
        run_enclave(zone, LOCAL_TENANT, (const char *const[]){"auth", "cert", application, NULL}, &output, err) < 0 ||
        run_patiently(zone, (const char *const[]){"deploy", application, "--wait", "0", NULL}, 30000, &output, err) < 0)
        return -1;
    story->deployed_now = true;
    SAY(story, "%s", text_trim(zone->arena, output));
    return 0;
}

static void tell_line(void *story, const char *line)
{
    tell_progress(story, "%s", line);
}

static int ask_nodes(struct local_zone *zone, const char *command, json_t **nodes, struct error *err)
{
    char *output;
    json_t *answer;
    if (run_patiently(zone, (const char *const[]){command, "-o", "json", NULL}, 10000, &output, err) < 0 ||
        json_parse(zone->arena, output, strlen(output), &answer, err) < 0)
        return -1;
    *nodes = json_object_get(answer, "nodes");
    return 0;
}

/* The run is over when the application serves; after a restart its nodes may still be coming up again. */
static int count_serving(struct local_zone *zone, size_t *hosts, size_t *nodes, size_t *serving, struct error *err)
{
    json_t *all, *node;
    size_t index;
    *hosts = *nodes = *serving = 0;
    if (ask_nodes(zone, "hosts", &all, err) < 0)
        return -1;
    *hosts = json_array_size(all);
    if (ask_nodes(zone, "nodes", &all, err) < 0)
        return -1;
    *nodes = json_array_size(all);
    json_array_foreach(all, index, node)
        *serving += text_equal(json_member_text(node, "serviceStatus"), "up");
    return 0;
}

int wait_for_hosts(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    size_t hosts, nodes, serving;
    if (story->deployed_now &&
        show_enclave(zone, (const char *const[]){"run", "--wait", "180", NULL}, tell_line, story, err) < 0)
        return -1;
    for (int64_t deadline = clock_monotonic_ms() + 180000;; clock_sleep_ms(100)) {
        if (count_serving(zone, &hosts, &nodes, &serving, err) < 0)
            return -1;
        if (nodes && serving == nodes)
            break;
        if (clock_monotonic_ms() > deadline)
            return error_set(err, ERROR_UNAVAILABLE, "%zu of %zu nodes serve after three minutes: enclave nodes says which", serving,
                             nodes);
    }
    SAY(story, "%zu hosts attested, tunnelled and admitted; %zu nodes run in containers", hosts, nodes);
    return 0;
}

/* --- 7 and 8: it answers, and its logs are the tenant's ------------------------------------------------------------------ */

int feed_and_query(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    const char *const feed[] = {"feed", zone_path(zone, "application/documents/1.json"),
                                zone_path(zone, "application/documents/2.json"),
                                zone_path(zone, "application/documents/3.json"), NULL};
    char *output;
    if (run_patiently(zone, feed, 30000, &output, err) < 0)
        return -1;
    char *fed = text_trim(zone->arena, output);
    if (run_patiently(zone, (const char *const[]){"query", "dreams", NULL}, 10000, &output, err) < 0)
        return -1;
    if (!strstr(output, "head"))
        return error_set(err, ERROR_INTERNAL, "the query \"dreams\" did not find the album: %s", output);
    SAY(story, "%s; query \"dreams\": %.*s, over mTLS through the NLB", fed, (int)strcspn(output, "\n"), output);
    return 0;
}

int see_logs(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    char *output;
    json_t *objects = NULL;
    for (int64_t deadline = clock_monotonic_ms() + 60000;; clock_sleep_ms(200)) {
        if (run_enclave(zone, LOCAL_TENANT, (const char *const[]){"logs", "-o", "json", NULL}, &output, err) < 0 ||
            json_parse(zone->arena, output, strlen(output), &objects, err) < 0)
            return -1;
        if (json_array_size(objects) > 0)
            break;
        if (clock_monotonic_ms() > deadline)
            return error_set(err, ERROR_UNAVAILABLE, "no log has arrived in %s within a minute", zone->archive_bucket);
    }
    const char *const refused[] = {"logs", "--bucket", zone->archive_bucket, NULL};
    if (run_enclave(zone, "vendor", refused, &output, err) == 0)
        return error_set(err, ERROR_INTERNAL, "the vendor's credentials could list %s", zone->archive_bucket);
    if (!strstr(err->message, "exited with 3"))
        return -1;
    error_clear(err);
    SAY(story, "%zu objects in %s; the vendor's credentials were refused", json_array_size(objects), zone->archive_bucket);
    return 0;
}
