/* The first steps of zone up: the region, and Terraform in the vendor's and the tenant's account. */
#include "aws/s3.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/zone_story.h"
#include "identity/athenz.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- 1: the region ------------------------------------------------------------------------------------------------ */

int raise_region(struct story *story, struct error *err)
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
    vendor[5] = arena_format(zone->arena, "TF_VAR_configservers=%s", zone->configservers);
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

/* Both run at once and mostly wait, as the aws provider does: every ten seconds a word on how far they are. */
static void tell_terraform(struct story *story, struct terraform *awaited)
{
    enum { PERIOD_MS = 10000 };
    while (!terraform_ended(awaited, PERIOD_MS))
        tell_progress(story, "%d resources of the control plane, %d of the enclave are made",
                      __atomic_load_n(&story->control_plane.resources, __ATOMIC_RELAXED),
                      __atomic_load_n(&story->tenant.resources, __ATOMIC_RELAXED));
}

int raise_control_plane(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    if (begin_terraform(story, err) < 0)
        return -1;
    tell_terraform(story, &story->control_plane);
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

int raise_enclave(struct story *story, struct error *err)
{
    struct local_zone *zone = &story->zone;
    tell_terraform(story, &story->tenant);
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
