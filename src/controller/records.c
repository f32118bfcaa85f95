#include "controller/records.h"

const char *const role_names[] = {"reader", "developer", "administrator", NULL};
const char *const run_status_names[] = {"running",
                                        "success",
                                        "aborted",
                                        "error",
                                        "nodeAllocationFailure",
                                        "installationFailed",
                                        "deploymentFailed",
                                        "quotaExceeded",
                                        NULL};
const char *const run_step_names[] = {"deployReal", "installReal", NULL};
const char *const step_state_names[] = {"unfinished", "failed", "succeeded", NULL};

#define TIME(owner, member, json, help) FIELD_INTEGER(owner, member, json, OPTIONAL, 0, 1e15, help)

static const struct field key_fields[] = {
    FIELD_TEXT(struct api_key, pem, "key", REQUIRED, 1024, NULL, "public key, PEM"),
    FIELD_TEXT(struct api_key, hash, "hash", REQUIRED, 64, NULL, "its SHA-256"),
    FIELD_ENUM(struct api_key, role, "role", REQUIRED, role_names, "what its holder may do"),
    TIME(struct api_key, added_ms, "addedMs", "when it was enrolled"),
    FIELD_END,
};
static const struct record key_record = {"key", sizeof(struct api_key), key_fields};

static const struct field tenant_fields[] = {
    FIELD_TEXT(struct tenant, name, "tenant", REQUIRED, 20, NULL, "its name"),
    FIELD_TEXT(struct tenant, external_id, "externalId", REQUIRED, 256, NULL, "shown to the tenant's accounts"),
    FIELD_LIST(struct tenant, keys, key_count, "keys", REQUIRED, KEYS_MOST, &key_record, "API keys"),
    FIELD_LIST(struct tenant, accounts, account_count, "accounts", OPTIONAL, ACCOUNTS_MOST, &text_record,
               "registered AWS accounts"),
    FIELD_TEXT(struct tenant, challenge, "challenge", OPTIONAL, 64, NULL, "nonce given last"),
    TIME(struct tenant, challenge_expires_ms, "challengeExpiresMs", "until when it may be answered"),
    TIME(struct tenant, created_ms, "createdMs", "when it was made"),
    FIELD_END,
};
const struct record tenant_record = {"tenant", sizeof(struct tenant), tenant_fields};

static const struct field account_fields[] = {
    FIELD_TEXT(struct account, account, "account", REQUIRED, 12, NULL, "AWS account"),
    FIELD_TEXT(struct account, tenant, "tenant", REQUIRED, 20, NULL, "whose it is"),
    TIME(struct account, registered_ms, "registeredMs", "since when"),
    FIELD_END,
};
const struct record account_record = {"account", sizeof(struct account), account_fields};

static const struct field deployment_fields[] = {
    FIELD_TEXT(struct deployment, tenant, "tenant", REQUIRED, 20, NULL, "whose it is"),
    FIELD_TEXT(struct deployment, application, "application", REQUIRED, 20, NULL, "of which application"),
    FIELD_TEXT(struct deployment, instance, "instance", REQUIRED, 20, NULL, "which instance of it"),
    FIELD_TEXT(struct deployment, zone, "zone", REQUIRED, 64, NULL, "where"),
    FIELD_TEXT(struct deployment, account, "account", REQUIRED, 12, NULL, "in whose AWS account"),
    FIELD_INTEGER(struct deployment, last_run, "lastRun", REQUIRED, 1, 1e9, "number of the last run"),
    TIME(struct deployment, deployed_ms, "deployedMs", "when that began"),
    FIELD_BOOL(struct deployment, deleting, "deleting", OPTIONAL, "it is to be gone"),
    FIELD_END,
};
const struct record deployment_record = {"deployment", sizeof(struct deployment), deployment_fields};

static const struct field log_fields[] = {
    FIELD_INTEGER(struct run_log_entry, id, "id", REQUIRED, 1, 1e9, "from 1"),
    FIELD_ENUM(struct run_log_entry, step, "step", REQUIRED, run_step_names, "what was being done"),
    TIME(struct run_log_entry, at_ms, "at", "when"),
    FIELD_TEXT(struct run_log_entry, type, "type", REQUIRED, 16, NULL, "debug, info, warning or error"),
    FIELD_TEXT(struct run_log_entry, message, "message", REQUIRED, 1024, NULL, "for a person"),
    FIELD_END,
};
static const struct record log_record = {"log entry", sizeof(struct run_log_entry), log_fields};

static const struct field run_fields[] = {
    FIELD_INTEGER(struct run, number, "number", REQUIRED, 1, 1e9, "from 1, rising"),
    FIELD_ENUM(struct run, status, "status", REQUIRED, run_status_names, "how it is, or how it ended"),
    TIME(struct run, start_ms, "startMs", "when it began"),
    TIME(struct run, end_ms, "endMs", "when it ended"),
    FIELD_TEXT(struct run, account, "account", REQUIRED, 12, NULL, "the AWS account it deploys to"),
    FIELD_TEXT(struct run, package, "package", REQUIRED, 64, NULL, "file that holds the application package"),
    FIELD_ENUM(struct run, deploy, "deployReal", REQUIRED, step_state_names, "handing over to the zone"),
    FIELD_ENUM(struct run, install, "installReal", REQUIRED, step_state_names, "waiting until it serves"),
    FIELD_INTEGER(struct run, generation, "generation", OPTIONAL, 0, 1e15, "the zone's, once handed over"),
    TIME(struct run, zone_log_ms, "zoneLogMs", "how far the zone's log has been copied"),
    FIELD_INTEGER(struct run, last_id, "lastId", OPTIONAL, 0, 1e9, "of its log"),
    FIELD_TEXT(struct run, last_trouble, "lastTrouble", OPTIONAL, 1024, NULL, "logged last by a failed attempt"),
    FIELD_LIST(struct run, log, log_count, "log", OPTIONAL, RUN_LOG_MOST, &log_record, "what happened"),
    FIELD_END,
};
const struct record run_record = {"run", sizeof(struct run), run_fields};
