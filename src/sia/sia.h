/* The service identity agent, as a library: gets a certificate from zts and keeps it fresh. Used by hosts (for themselves
 * and for each node), config servers and the controller; named after Athenz's SIA.
 *
 * An identity lives in a directory: `<directory>/current` is a symbolic link to a generation directory that holds
 * key.pem, cert.pem and ca.pem of one registration, written and synced before the link is flipped, so that a reader never
 * sees a key and a certificate that do not belong together, whenever we die. */
#ifndef SIA_SIA_H
#define SIA_SIA_H

#include "identity/athenz.h"
#include "net/tls.h"

enum { SIA_REFRESH_AGE_MS = 24 * 3600 * 1000, SIA_REREGISTER_LEFT_MS = 2 * 3600 * 1000 };

struct sia_options {
    const char *directory;
    const char *zts_url;      /* "https://…/zts/v1" */
    const char *trust_path;   /* PEM file: whom zts must chain to; its principal must be vespa.zts */
    const char *domain, *service, *provider, *instance_id;
    const char *dns[4];       /* further SAN DNS names asked for; NULL-terminated unless full */
    const char *address[4];   /* further SAN IPs asked for */
    /* Makes attestationData for the key with this hash; called for registrations only. */
    int (*attest)(void *context, struct arena *arena, const char *key_hash, char **attestation, struct error *err);
    void *context;
    /* Registers over this identity (a host registering its nodes); NULL: without a client certificate. */
    struct tls_context *registrar;
};

enum sia_result { SIA_FAILED = -1, SIA_CURRENT = 0, SIA_RENEWED = 1 };

/* Makes the identity be there and fresh: registers when there is none, when it is about to end or when zts says it was
 * revoked; refreshes (same key) when it is older than SIA_REFRESH_AGE_MS or half its life; otherwise does nothing. */
enum sia_result sia_ensure(const struct sia_options *options, struct error *err);
/* The same, refreshing now. */
enum sia_result sia_refresh(const struct sia_options *options, struct error *err);

/* Paths inside `current`, in the arena. */
char *sia_certificate_path(struct arena *arena, const char *directory);
char *sia_key_path(struct arena *arena, const char *directory);
char *sia_trust_path(struct arena *arena, const char *directory);

/* Attestation of a vendor's own service by its AWS role: asks zts for a nonce and signs it (provider "vespa.aws"). */
struct aws_client;
struct sia_aws {
    struct aws_client *aws;
    const char *zts_url, *trust_path;
};
int sia_attest_aws(void *sia_aws, struct arena *arena, const char *key_hash, char **attestation, struct error *err);

#endif
