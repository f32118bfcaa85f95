/* The agent: what its threads share. Each thread has one job and one file:
 *
 *   identity  the host's certificate from zts, kept fresh                 (identity.c)
 *   link      the tunnel: key published, device up, peers fresh           (link.c)
 *   spec      long-polls the host's spec over the tunnel                  (spec.c)
 *   converge  makes firewall and nodes match the last good spec           (converge.c, node*.c, firewall.c)
 *   archive   rotates logs, compresses them, puts them into the bucket    (archive.c, rotation.c, ledger.c)
 *   events    hears what AWS announces of the machine                     (announced.c)
 *   report    tells the config servers how nodes are, and metrics         (report.c, metrics.c)
 *
 * They meet in two places only: files in the state directory (spec, peers: what survives us is what we work
 * from) and the facts below. None waits for another but by a fact, so none is stopped by a control plane that
 * is away. */
#ifndef HOST_AGENT_H
#define HOST_AGENT_H

#include "aws/client.h"
#include "host/announced.h"
#include "host/settings.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "zone/host_spec.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define TUNNEL_INTERFACE "wg-enclave"

enum fact {
    /* Rules are loaded. Before that we call nobody: the kernel follows connections from then on only, and
     * answers to what went out earlier would be dropped. */
    FACT_FIREWALL = 1,
    FACT_IDENTITY = 2, /* the host has a certificate: `tls` and `peers` are there */
    FACT_TUNNEL = 4,   /* the tunnel is up and has peers */
};

struct archive;
struct health;
struct node;

/* How a node is, for those who tell others. Texts are the view's own. */
struct node_view {
    char hostname[256], image[512], message[512], config[64];
    const char *status; /* static */
    int64_t restart_generation, pid;
    bool up, drained, data_moved;
    bool wanted; /* in the spec: config servers know it */
};

struct agent {
    struct arena *arena; /* for what lives as long as the agent; used by one thread before the others start */
    struct settings settings;
    struct host_config config;
    const char *instance_id; /* EC2's */
    const char *label;       /* the hostname's first label, "h100" */

    struct aws_credentials *credentials;
    struct aws_client *aws;
    struct tls_context *public_tls; /* trust, no identity: for the bootstrap */
    struct http_client *bootstrap;
    struct tls_context *tls;   /* the host's identity; set before FACT_IDENTITY */
    struct http_client *peers; /* with it; each call names the principal it expects */
    struct http_client *line;  /* the same, for the connection that stays: line.h */
    struct archive *archive;
    struct health *health;
    int (*ask)(struct agent *agent, const char *hostname, bool down, struct error *err); /* maintenance.h */
    atomic_uint server_turn; /* which config server we talk to: configserver.c */
    struct node *nodes;      /* the converge thread's alone */

    pthread_mutex_t lock; /* protects what follows; nothing slow under it */
    pthread_cond_t changed;
    unsigned facts;
    uint64_t spec_changes;        /* counts new specs on disk */
    uint64_t view_changes;        /* counts changes of the views, and of what is announced */
    uint64_t unanswered;          /* counts calls that a config server did not answer through the tunnel */
    bool line_taken, line_wanted; /* line.c */
    char announced[ANNOUNCED_LONGEST];
    struct node_view *views;
    size_t view_count;
    bool drained; /* nothing runs, every log is archived, and that was asked for */
};

/* A copy of the views, in the arena. */
size_t agent_views(struct agent *agent, struct arena *arena, struct node_view **views, bool *drained);

void agent_state_fact(struct agent *agent, enum fact fact);
bool agent_has(struct agent *agent, enum fact fact);
void agent_wait_for(struct agent *agent, unsigned facts); /* until all of them hold */
/* Sleeps until *counter differs from `seen` or the time is up. */
void agent_wait_change(struct agent *agent, const uint64_t *counter, uint64_t seen, int64_t milliseconds);
void agent_count(struct agent *agent, uint64_t *counter); /* counts one up and wakes who waits */
uint64_t agent_counter(struct agent *agent, const uint64_t *counter);

/* Answers the config servers' question how we are, on the tunnel's address only; again with another address
 * moves (health.c). The link thread's alone. */
int health_listen(struct agent *agent, const char *address, struct error *err);

/* A path in the state directory, in the arena. */
char *agent_path(const struct agent *agent, struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Exponential backoff of one job, with jitter from the host's name so that hosts do not call in step. */
struct backoff {
    int64_t first_ms, most_ms, now_ms;
};
int64_t backoff_next(struct backoff *backoff, const char *hostname);
void backoff_reset(struct backoff *backoff);

void *identity_thread(void *agent);
void *link_thread(void *agent);
void *spec_thread(void *agent);
void *converge_thread(void *agent);
void *archive_thread(void *agent);
void *announced_thread(void *agent);
void *report_thread(void *agent);

/* At the end: perhaps it is the machine's. The config servers look whether it is, sooner than they would miss
 * us.
 */
void report_end(struct agent *agent);

/* Until SIGTERM or SIGINT. There is nothing to do at the end that kill -9 could prevent: tunnel, firewall and
 * containers stay as they are, and the next agent takes them over. -1 when it could not begin. */
int agent_run(const struct settings *settings, struct error *err);

#endif
