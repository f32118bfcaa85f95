/* Simulated hosts for the benchmark of config servers: thousands of agents in one process, each with its own
 * certificate and one kept mTLS connection on which it does what a host does. agents_identity.c makes an
 * authority and all identities, agent.c is one host's life, agents.c drives them all from one thread. */
#ifndef BENCH_AGENTS_H
#define BENCH_AGENTS_H

#include "base/memory.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

/* Makes DIRECTORY/ca.pem and ca-key.pem, the config server's identities as it keeps them below
 * DIRECTORY/state, and the controller's and an operator's certificates. */
int identities_make(const char *directory, const char *zone);

struct issuer;
/* The authority made before. Hosts share one key, for speed: their certificates differ. */
struct issuer *issuer_open(const char *directory, const char *zone);
void issuer_issue(struct issuer *issuer, const char *tenant, const char *instance_id,
                  gnutls_certificate_credentials_t *credentials);

enum agent_step { AGENT_ABSENT, AGENT_CONNECTING, AGENT_HANDSHAKING, AGENT_SENDING, AGENT_RECEIVING };
enum agent_errand { PUBLISH_KEY, PUT_READY, POLL_SPEC, REPORT_NODE, PUSH_METRICS };

struct agent {
    const char *hostname, *node, *instance_id, *image;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    int socket;
    enum agent_step step;
    enum agent_errand errand;
    bool admitted, ready; /* its key is published; the config server knows that it is there */
    bool runs, reported;  /* its spec has a node; the config server knows that it is up */
    int64_t generation; /* of the spec it has */
    int64_t retry_ms, pushed_ms;   /* monotonic: when to connect again; when it pushed metrics last */
    int64_t changed_ms, polled_ms; /* wall clock: its spec changed last; it was answered last */
    char *out;
    size_t out_length, sent;
    char *in; /* an answer that is not whole yet */
    size_t in_length;
};

/* Where the config server is: its public side and its side in the tunnel. */
struct server_address {
    const char *public_address, *tunnel_address;
    int port;
};

/* A host's own rhythm (src/host). */
enum { POLL_WAIT_S = 10, METRICS_EVERY_MS = 10 * 1000 };

struct tally {
    uint64_t requests, refused, connects, failures;
};

/* Goes on as far as it can without waiting; returns the events (EPOLLIN, EPOLLOUT) it waits for next, 0 when
 * its connection ended and it waits for its retry. */
unsigned agent_go_on(struct agent *agent, const struct server_address *server, struct tally *tally);
int agent_connect(struct agent *agent, const struct server_address *server, struct tally *tally);

#endif
