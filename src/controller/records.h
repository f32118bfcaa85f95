/* What the controller remembers, each described once by its field table:
 *   /tenants/<tenant>                         struct tenant
 *   /accounts/<account>                       struct account: the one tenant it belongs to, for ever
 *   /deployments/<tenant:application:instance:zone>   struct deployment
 *   /runs/<that name>/<number>                struct run
 *   /unfinished/<that name>                   empty: the deployment's last run or deletion still has to be driven
 */
#ifndef CONTROLLER_RECORDS_H
#define CONTROLLER_RECORDS_H

#include "base/record.h"

enum { KEYS_MOST = 100, ACCOUNTS_MOST = 100, RUN_LOG_MOST = 400, RUNS_KEPT = 20 };

enum role { ROLE_READER, ROLE_DEVELOPER, ROLE_ADMINISTRATOR }; /* each may do what the ones before it may */
extern const char *const role_names[];

struct api_key {
    const char *pem, *hash; /* public; the hash is its name */
    int role;
    int64_t added_ms;
};

struct tenant {
    const char *name;
    const char *external_id; /* what our provisioner role shows to the tenant's accounts */
    struct api_key *keys;
    size_t key_count;
    char **accounts;
    size_t account_count;
    const char *challenge; /* the nonce given last, to be answered once; NULL when none */
    int64_t challenge_expires_ms;
    int64_t created_ms;
};
extern const struct record tenant_record;

struct account {
    const char *account, *tenant;
    int64_t registered_ms;
};
extern const struct record account_record;

struct deployment {
    const char *tenant, *application, *instance, *zone, *account;
    int64_t last_run;
    int64_t deployed_ms; /* of the last run */
    bool deleting;
};
extern const struct record deployment_record;

/* Vespa's names of how a run is and how it ended. */
enum run_status {
    RUN_RUNNING,
    RUN_SUCCESS,
    RUN_ABORTED,
    RUN_ERROR,
    RUN_NODE_ALLOCATION_FAILURE,
    RUN_INSTALLATION_FAILED,
    RUN_DEPLOYMENT_FAILED,
    RUN_QUOTA_EXCEEDED,
};
extern const char *const run_status_names[];

enum run_step { STEP_DEPLOY, STEP_INSTALL, RUN_STEPS };
extern const char *const run_step_names[];

enum step_state { STEP_UNFINISHED, STEP_FAILED, STEP_SUCCEEDED };
extern const char *const step_state_names[];

struct run_log_entry {
    int64_t id; /* from 1 */
    int step;
    int64_t at_ms;
    const char *type; /* debug, info, warning, error */
    const char *message;
};

struct run {
    int64_t number;
    int status;
    int64_t start_ms, end_ms; /* the end 0 while it runs */
    const char *account;      /* where it deploys to */
    const char *package;      /* file in packages/, there until the run ends */
    int deploy, install;      /* each a step_state */
    int64_t generation;       /* the zone's, once handed over */
    int64_t zone_log_ms;      /* of the zone's log, how far it has been copied */
    int64_t last_id;
    const char *last_trouble; /* said already: not to be logged again with every attempt */
    struct run_log_entry *log;
    size_t log_count;
};
extern const struct record run_record;

#endif
