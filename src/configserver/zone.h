/* A zone: what the config server is about. Records, the cloud, the tunnel's peers and time come in from
 * outside, so that tests and simulations can bring their own; requests and maintainers act on it, and no two
 * of them share anything but the repository and the few locked tables below. */
#ifndef CONFIGSERVER_ZONE_H
#define CONFIGSERVER_ZONE_H

#include "configserver/cloud/cloud.h"
#include "configserver/config.h"
#include "configserver/environment.h"
#include "configserver/records/life.h"
#include "configserver/records/repository.h"
#include "tunnel/tunnel.h"

#include <pthread.h>

/* The tunnel as the zone needs it: src/tunnel in the program. */
struct peers {
    void *context;
    int (*set)(void *context, const struct tunnel_peer *peer, struct error *err);
    int (*set_all)(void *context, const struct tunnel_peer *peers, size_t count, struct error *err);
    const char *(*public_key)(void *context); /* ours */
};

/* Is it genuine? Both checks are I/O or cryptography of src/aws in the program. */
struct host_attestation;
struct attested {
    const char *account, *region, *instance_id; /* from the document */
    int64_t pending_ms;
    const char *proof_account, *proof_role, *proof_session; /* from STS */
};
struct attestor {
    void *context;
    int (*verify)(void *context, const struct host_attestation *attestation, struct arena *arena,
                  struct attested *attested, struct error *err);
};

struct nonces;
struct polls;
struct gauges;
struct hearing;
struct config_servers;
struct leader;
struct paced_cloud;
struct places;

struct zone {
    const struct config *config;
    struct zone_id id;
    struct repository *repository;
    const struct cloud *cloud; /* at its pace */
    struct paced_cloud *paced; /* what keeps that, and counts */
    struct places *places;     /* found in accounts lately */
    const struct peers *peers;
    const struct attestor *attestor;
    const struct environment *environment;
    const struct limits *limits;    /* of the configuration */
    struct nonces *nonces;          /* challenges given to hosts */
    struct polls *polls;            /* hosts that wait for a new spec */
    struct gauges *gauges;          /* what hosts measured last */
    struct hearing *hearing;        /* when each host was heard last */
    struct config_servers *servers; /* the zone's config servers; NULL: we are alone, and lead */
    struct leader *leader;          /* how the lead comes and goes; with the servers */
    pthread_mutex_t lock;           /* of the bell's count only */
    pthread_cond_t rung;
    uint64_t rings;
    bool stopping;
};

struct zone_parts {
    const struct config *config;
    struct store *store;
    const struct cloud *cloud;
    const struct peers *peers;
    const struct attestor *attestor;
    const struct environment *environment;
    bool follower; /* leads only when zone_lead says so; otherwise it is alone and leads at once */
};
/* The parts must outlive the zone. */
int zone_open(const struct zone_parts *parts, struct zone **zone, struct error *err);
void zone_close(struct zone **zone);
/* From now on this server decides: repository_lead, and what a zone's first leader writes. */
int zone_lead(struct zone *zone, struct error *err);

int64_t zone_now_ms(const struct zone *zone);
/* From 0 to below `bound`. */
int64_t zone_random(const struct zone *zone, int64_t bound);

/* May this config server decide? It is alone, or leads and its store answers. (cluster/servers.c) */
bool zone_leads(const struct zone *zone);

/* The bell makes maintainers look at once instead of at their next time. */
void zone_ring(struct zone *zone);
/* The application is looked at again then, though nothing of it has changed: something is due. */
void zone_look_again(struct zone *zone, const char *application, int64_t at_ms);
/* The account's instances are looked at soon: one of them may be gone. */
void zone_look_at_account(struct zone *zone, const char *account);
/* Until it rings after `*seen` or the time is over; then `*seen` is its count. False when the zone is
 * stopping. */
bool zone_wait(struct zone *zone, uint64_t *seen, int64_t timeout_ms);
void zone_stop(struct zone *zone); /* wakes everyone who waits */

/* The counters as they are; the repository has them from its first opening on. */
const struct counters *zone_counters(const struct view *view);

/* "fd00:ec1a:<zone>::<n>", where n is 1:<index> for hosts. */
char *zone_configserver_address(struct arena *arena, const struct zone *zone, int64_t index);
char *zone_host_address(struct arena *arena, const struct zone *zone, int64_t host_index);
enum { ZONE_PREFIX_LENGTH = 48 };

/* For life.h: now, by this agent; `format` NULL is no reason. */
struct cause zone_cause(const struct zone *zone, struct transaction *transaction, enum agent agent,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A line in the application's story, in the caller's transaction; `level` "info", "warning" or "error". */
void application_tell(struct zone *zone, struct transaction *transaction, const char *application,
                      const char *level, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
