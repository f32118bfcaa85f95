/* The local zone: localaws with a vendor's and a tenant's account, the control plane and the tenant's enclave raised in them
 * by Terraform, a tenant with a deployed application. Everything it makes lies in one directory:
 *
 *   localaws/   the region's state          ami/        what its machines boot: programs, CA, container images
 *   ca/         the authority's certificate  terraform/  state of both Terraform runs
 *   home/       ENCLAVE_HOME of the tenant   application/ the package that is deployed
 *   env         for a shell: . DIR/env       timings.json how long each step took
 */
#ifndef CLI_ZONE_LOCAL_H
#define CLI_ZONE_LOCAL_H

#include "cli/cli.h"

#include <pthread.h>
#include <sys/types.h>

#define VENDOR_ACCOUNT "100000000001"
#define TENANT_ACCOUNT "210987654321"
#define LOCAL_TENANT   "acme"
#define LOCAL_ZONE     "dev.aws-us-east-1c"
#define LOCAL_AZ_ID    "use1-az6"
#define LOCAL_REGION   "us-east-1"
#define REGION_API_URL "https://[2001:db8:ffff::1]:443" /* where machines of the local region find AWS's APIs */

struct local_zone {
    struct arena *arena;
    const char *directory; /* absolute */
    const char *prefix;    /* where we are installed: bin/, share/enclave/ */
    const char *port, *proxy_port, *label;
    const char *configservers; /* how many: "1" or "3" */
    const char *external_id;
    const char *config_nlb, *secrets_bucket; /* outputs of control-plane */
    const char *archive_bucket;              /* output of the tenant's */
};

char *zone_path(struct local_zone *zone, const char *format, ...) __attribute__((format(printf, 2, 3)));
int local_zone_open(struct cli *cli, const char *directory, struct local_zone *zone, struct error *err);

/* localaws: its process, whether it answers. */
int localaws_pid(struct local_zone *zone, pid_t *pid); /* 0 when a live one is recorded */
int localaws_start(struct local_zone *zone, bool *was_up, struct error *err);
int localaws_stop(struct local_zone *zone, struct error *err);
/* "KEY=value"s for a child that shall use the local region as `profile` (vendor or acme); NULL-terminated. */
const char *const *localaws_environment(struct local_zone *zone, const char *profile);

/* Terraform with the real aws provider. */
struct terraform {
    struct local_zone *zone;
    const char *name;    /* state's folder: "control-plane" or "tenant" */
    const char *module;  /* below share/enclave/terraform */
    const char *profile;
    const char *const *variables; /* "TF_VAR_x=..." */
    /* results */
    bool was_applied;
    int resources;
    int64_t took_ms;
    struct error err;
    int result;
    bool joined;
    pthread_t thread;
    struct arena *arena;
};
void terraform_begin(struct terraform *terraform);
bool terraform_ended(struct terraform *terraform, int64_t wait_ms); /* waits no longer than that */
int terraform_end(struct terraform *terraform, struct error *err); /* err may be NULL */
char *terraform_output(struct local_zone *zone, const char *name, const char *output, struct error *err);

/* One of our own commands, as a person would type it, with the zone's environment. */
int run_enclave(struct local_zone *zone, const char *profile, const char *const *words, char **output, struct error *err);
/* The same, with each line of its output shown as it comes. */
int show_enclave(struct local_zone *zone, const char *const *words, void (*line)(void *context, const char *line),
                 void *context, struct error *err);

int write_env_file(struct local_zone *zone, struct error *err);
void print_summary(struct local_zone *zone);

#endif
