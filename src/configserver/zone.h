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
#include <stdatomic.h>

/* The tunnel as the zone needs it: src/tunnel in the program. */
struct peers {
    void *context;
    int (*set)(void *context, const struct tunnel_peer *peer, struct error *err);
    int (*set_all)(void *context, const struct tunnel_peer *peers, size_t count, struct error *err);
    const char *(*public_key)(void *context); /* ours */
    /* After set_all, for what changed: removes those keys, then adds or updates these. NULL: always all. */
    int (*change)(void *context, const struct tunnel_peer *peers, size_t count, const char *const *removed,
                  size_t removed_count, struct error *err);
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
struct admitted;
struct schedule;

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
    struct admitted *admitted;      /* hosts that the tunnel lets in */
    struct schedule *schedule;      /* who is looked at when */
    _Atomic int64_t
        told_ms; /* hosts may know since then only what records say for longer: ms, like all times */
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

/* An application's maintainers shall look at it again at that time, whatever happens before: for what is over
 * then. To be said anew at each look. */
void zone_look_again(struct zone *zone, const char *application, int64_t at_ms);
/* Time or circumstances jumped: whoever waits for a time, or for what failed last, looks again. */
void zone_ring(struct zone *zone);
/* The account's instances are looked at soon: one of them may be gone. */
void zone_look_at_account(struct zone *zone, const char *account);

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
