/* The story of zone up: it raises the local zone step by step and tells how it goes. Every step looks first whether what it makes is there,
 * so that running it again, or after it was interrupted anywhere, goes on from where things are. */
#include "aws/s3.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/zone_story.h"
#include "identity/athenz.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct story {
    struct local_zone zone;
    struct terraform control_plane, tenant;
    char detail[512]; /* what a step says when it ends well */
    int64_t own_ms;   /* what a step took by itself where it ran beside another; else 0 */
};

#define SAY(story, ...) snprintf((story)->detail, sizeof (story)->detail, __VA_ARGS__)

/* --- 1: the region ------------------------------------------------------------------------------------------------ */

static int raise_region(struct story *story, struct error *err)
{
    bool was_up;
    if (localaws_start(&story->zone, &was_up, err) < 0)
        return -1;
    for (const char *const *pair = localaws_environment(&story->zone, "vendor"); *pair; pair++) {
        char *name = arena_strndup(story->zone.arena, *pair, strcspn(*pair, "="));
        setenv(name, *pair + strlen(name) + 1, 1);
    }
    SAY(story, "%shttps://127.0.0.1:%s, accounts vendor %s and %s %s", was_up ? "already up: " : "", story->zone.port,
        VENDOR_ACCOUNT, LOCAL_TENANT, TENANT_ACCOUNT);
    return 0;
}

/* --- 2 and 3: Terraform in both accounts, side by side -------------------------------------------------------------- */

/* An operator's certificate, so that `enclave tenant create` and reads of the zone are possible afterwards. */
static int issue_operator(struct local_zone *zone, const char *ca_pem, const struct key *ca_key, struct error *err)
{
    cleanup(key_free) struct key *key = NULL;
    cleanup(authority_close) struct authority *authority = NULL;
    struct names names = {0};
    char *certificate;
    athenz_service_names(zone->arena, "vespa.operator", "local", NULL, NULL, &names);
    if (directory_make(zone_path(zone, "home"), 0700, err) < 0 || key_generate(&key, err) < 0 ||
        authority_open(ca_pem, ca_key, &authority, err) < 0 ||
        authority_issue(authority, zone->arena, key_public_pem(zone->arena, key), &names, 365LL * 24 * 3600 * 1000,
                        &certificate, err) < 0 ||
        key_save(key, zone_path(zone, "home/operator.key.pem"), err) < 0)
        return -1;
    return file_write(zone_path(zone, "home/operator.cert.pem"), certificate, strlen(certificate), 0644, err);
}

/* The authority: its certificate goes to everyone, its key only into the vendor's secrets bucket (later, when there is one). */
static int make_authority(struct local_zone *zone, char **ca_pem, struct error *err)
{
    char *path = zone_path(zone, "ca/ca.pem");
    if (file_exists(path))
        return file_read(zone->arena, path, 64 * 1024, ca_pem, NULL, err);
    cleanup(key_free) struct key *key = NULL;
    if (directory_make(zone_path(zone, "ca"), 0700, err) < 0 ||
        authority_create(zone->arena, "Enclave authority of " LOCAL_ZONE, 10, &key, ca_pem, err) < 0 ||
        issue_operator(zone, *ca_pem, key, err) < 0 || key_save(key, zone_path(zone, "ca/ca.key.pem"), err) < 0)
        return -1;
    return file_write(path, *ca_pem, strlen(*ca_pem), 0644, err);
}

static int read_external_id(struct local_zone *zone, struct error *err)
{
    char *path = zone_path(zone, "external-id"), *text;
    if (!file_exists(path)) {
        text = random_hex(zone->arena, 32);
        if (file_write(path, text, strlen(text), 0600, err) < 0)
            return -1;
    }
    if (file_read(zone->arena, path, 128, &text, NULL, err) < 0)
        return -1;
    zone->external_id = text;
    return 0;
}

static int begin_terraform(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    char *ca_pem, *document_pem;
    if (make_authority(zone, &ca_pem, err) < 0 || read_external_id(zone, err) < 0 ||
        file_read(zone->arena, zone_path(zone, "localaws/identity-document.pem"), 64 * 1024, &document_pem, NULL, err) < 0)
        return -1;
    const char **vendor = arena_alloc(zone->arena, 8 * sizeof *vendor);
    vendor[0] = "TF_VAR_zone=" LOCAL_ZONE;
    vendor[1] = "TF_VAR_availability_zone_id=" LOCAL_AZ_ID;
    vendor[2] = arena_format(zone->arena, "TF_VAR_ca_certificate=%s", ca_pem);
    vendor[3] = arena_format(zone->arena, "TF_VAR_identity_document_certificate=%s", document_pem);
    vendor[4] = "TF_VAR_node_image=localhost/enclave/album-search:1";
    const char **tenant = arena_alloc(zone->arena, 8 * sizeof *tenant);
    tenant[0] = "TF_VAR_tenant_name=" LOCAL_TENANT;
    tenant[1] = "TF_VAR_vendor_account=" VENDOR_ACCOUNT;
    tenant[2] = arena_format(zone->arena, "TF_VAR_external_id=%s", zone->external_id);
    tenant[3] = "TF_VAR_zone=" LOCAL_ZONE;
    tenant[4] = "TF_VAR_availability_zone_id=" LOCAL_AZ_ID;
    story->control_plane = (struct terraform){
        .zone = zone, .name = "control-plane", .module = "control-plane", .profile = "vendor", .variables = vendor};
    story->tenant = (struct terraform){
        .zone = zone, .name = "tenant", .module = "examples/basic", .profile = LOCAL_TENANT, .variables = tenant};
    terraform_begin(&story->control_plane);
    terraform_begin(&story->tenant);
    return 0;
}

/* The key leaves this machine for the secrets bucket; what is not uploaded yet is still here, so a crash loses nothing. */
static int hand_over_authority_key(struct local_zone *zone, struct error *err)
{
    char *path = zone_path(zone, "ca/ca.key.pem"), *key;
    if (!file_exists(path))
        return 0;
    cleanup(aws_credentials_free) struct aws_credentials *credentials = aws_credentials_default();
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    size_t length;
    if (file_read(zone->arena, path, 64 * 1024, &key, &length, err) < 0 ||
        aws_client_new(credentials, LOCAL_REGION, &aws, err) < 0 ||
        s3_put(aws, zone->secrets_bucket, "zts/ca.key.pem", key, length, "application/x-pem-file", err) < 0)
        return error_context(err, "upload the authority's key");
    explicit_bzero(key, length);
    unlink(path);
    return 0;
}

static int wait_for_controller(struct story *story, struct error *err);

static int raise_control_plane(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    if (begin_terraform(story, err) < 0)
        return -1;
    if (terraform_end(&story->control_plane, err) < 0) {
        terraform_end(&story->tenant, NULL);
        return -1;
    }
    zone->config_nlb = terraform_output(zone, "control-plane", "config_nlb", err);
    zone->secrets_bucket = terraform_output(zone, "control-plane", "secrets_bucket", err);
    if (!zone->config_nlb || !zone->secrets_bucket || hand_over_authority_key(zone, err) < 0) {
        terraform_end(&story->tenant, NULL);
        return -1;
    }
    SAY(story, "%s: zts, controller and config server behind %s",
        story->control_plane.was_applied ? "already applied" : "applied", zone->config_nlb);
    story->own_ms = story->control_plane.took_ms;
    return 0;
}

static int raise_enclave(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    if (terraform_end(&story->tenant, err) < 0)
        return -1;
    zone->archive_bucket = terraform_output(zone, "tenant", "archive_bucket", err);
    const char *vpc = zone->archive_bucket ? terraform_output(zone, "tenant", "vpc_id", err) : NULL;
    if (!vpc)
        return -1;
    SAY(story, "%s: %s, archive %s", story->tenant.was_applied ? "already applied" : "applied", vpc, zone->archive_bucket);
    story->own_ms = story->tenant.took_ms;
    return 0;
}

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

static int make_tenant(struct story *story, struct error *err)
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

static int deploy_application(struct story *story, struct error *err)
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
    SAY(story, "%s", text_trim(zone->arena, output));
    return 0;
}

static int wait_for_hosts(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    char *output;
    if (run_patiently(zone, (const char *const[]){"run", "--wait", "180", NULL}, 180000, &output, err) < 0) {
        printf("%s", output ? output : "");
        return -1;
    }
    if (zone->verbose)
        printf("\n%s", output);
    if (run_patiently(zone, (const char *const[]){"hosts", "-o", "json", NULL}, 10000, &output, err) < 0)
        return -1;
    json_t *answer, *node;
    size_t index, hosts = 0, nodes = 0;
    if (json_parse(zone->arena, output, strlen(output), &answer, err) < 0)
        return -1;
    json_array_foreach(json_object_get(answer, "nodes"), index, node)
    {
        hosts += text_equal(json_member_text(node, "type"), "host");
        nodes += text_equal(json_member_text(node, "type"), "tenant");
    }
    SAY(story, "%zu hosts attested, tunnelled and admitted; %zu nodes run in containers", hosts, nodes);
    return 0;
}

/* --- 7 and 8: it answers, and its logs are the tenant's ------------------------------------------------------------------ */

static int feed_and_query(struct story *story, struct error *err)
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

static int see_logs(struct story *story, struct error *err)
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

/* --- the story -------------------------------------------------------------------------------------------------------- */

static const struct step {
    const char *key, *title;
    int (*run)(struct story *story, struct error *err);
} steps[] = {
    {"localaws", "the region localaws", raise_region},
    {"control_plane", "Terraform: the vendor's control plane", raise_control_plane},
    {"enclave", "Terraform: the tenant's enclave", raise_enclave},
    {"tenant", "the tenant and its account", make_tenant},
    {"deploy", "enclave deploy examples/album-search", deploy_application},
    {"hosts", "hosts: launched, attested, tunnelled, serving", wait_for_hosts},
    {"query", "feed and query through the load balancer", feed_and_query},
    {"logs", "logs in the tenant's archive", see_logs},
};

static int write_timings(struct local_zone *zone, const int64_t *took_ms, int64_t all_ms, struct error *err)
{
    json_t *list = json_object(), *timings = json_object();
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        json_object_set_new(list, steps[i].key, json_real((double)took_ms[i] / 1000));
    json_object_set_new(timings, "steps", list);
    /* Both Terraform runs go side by side: what is left of the whole without the longer one is ours. */
    int64_t terraform_ms = took_ms[1] + took_ms[2];
    json_object_set_new(timings, "all_s", json_real((double)all_ms / 1000));
    json_object_set_new(timings, "terraform_s", json_real((double)terraform_ms / 1000));
    json_object_set_new(timings, "ready_s", json_real((double)(all_ms - terraform_ms) / 1000));
    char *text = json_pretty(zone->arena, timings);
    json_decref(timings);
    return file_write(zone_path(zone, "timings.json"), text, strlen(text), 0644, err);
}

int zone_story_tell(const struct local_zone *zone, struct error *err)
{
    struct story told = {.zone = *zone}, *story = &told;
    int64_t begun = clock_monotonic_ms(), took_ms[COUNT_OF(steps)];
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        printf("[%zu/%zu] %-48s", i + 1, COUNT_OF(steps), steps[i].title);
        fflush(stdout);
        int64_t start = clock_monotonic_ms();
        story->own_ms = 0;
        if (steps[i].run(story, err) < 0) {
            printf("failed\n");
            return -1;
        }
        took_ms[i] = clock_monotonic_ms() - start;
        printf("%6.1f s\n      %s\n", (double)(story->own_ms ? story->own_ms : took_ms[i]) / 1000, story->detail);
    }
    return write_timings(&story->zone, took_ms, clock_monotonic_ms() - begun, err);
}
