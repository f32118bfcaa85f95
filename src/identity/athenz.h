/* Athenz names: a principal is domain.service; certificates carry it as CN and as the SAN URI
 * spiffe://<domain>/sa/<service>, with athenz://instanceid/<provider>/<id> for the instance that holds it.
 * Source: Athenz's copper argos documentation and SIA. */
#ifndef IDENTITY_ATHENZ_H
#define IDENTITY_ATHENZ_H

#include "identity/certificate.h"

#include <stdbool.h>

bool athenz_is_name(const char *text);        /* dot-joined [A-Za-z0-9_][A-Za-z0-9_-]*, at most 384 bytes */
bool athenz_is_instance_id(const char *text); /* [A-Za-z0-9-._~=+@$,:]+, not "." or ".." */

enum principal_kind {
    PRINCIPAL_CONTROLLER,   /* vespa.controller */
    PRINCIPAL_CONFIGSERVER, /* vespa.configserver_<env>_<region> */
    PRINCIPAL_PROVIDER,     /* vespa.provider_<env>_<region> */
    PRINCIPAL_ZTS,          /* vespa.zts */
    PRINCIPAL_HOST,         /* vespa.tenant.<tenant>.tenant-host, instance id = EC2 instance id */
    PRINCIPAL_NODE,         /* vespa.tenant.<tenant>.<application>.<instance> */
    PRINCIPAL_OPERATOR,     /* vespa.operator.<user> */
    PRINCIPAL_OTHER,        /* a well-formed name of nobody above */
};

struct principal {
    enum principal_kind kind;
    const char *domain, *service; /* "vespa.tenant.acme", "tenant-host" */
    const char *name;             /* domain.service */
    const char *provider, *instance_id; /* NULL when the certificate carries none */
    const char *tenant;                 /* of hosts and nodes */
    const char *zone;                   /* "<env>_<region>" of configserver and provider */
    const char *user;                   /* of operators */
    const char *serial;
    int64_t not_before_ms, not_after_ms;
};

/* CN and SPIFFE URI must agree, and at most one of each URI kind be there; a role certificate is refused. */
int principal_of(struct arena *arena, const struct certificate *certificate, struct principal *principal,
                 struct error *err);
/* Lower case only, so that two spellings are never one principal. */
int principal_parse(struct arena *arena, const char *name, struct principal *principal, struct error *err);

/* For net/http_server.h: allocates a principal of its own (struct principal *) from the peer's certificate. */
void *principal_identify_peer(void *context, const gnutls_datum_t *certificate_der);
void principal_forget_peer(void *context, void *peer);

/* For net/http_client.h check_peer: `context` is the expected principal's name (const char *), or a NULL-terminated
 * list of names (const char **) for principal_check_any. */
int principal_check_peer(void *context, const gnutls_datum_t *certificate_der, struct error *err);
int principal_check_any(void *context, const gnutls_datum_t *certificate_der, struct error *err);

/* The names a service certificate carries (SPIFFE URI first, then the instance id's). */
void athenz_service_names(struct arena *arena, const char *domain, const char *service, const char *provider,
                          const char *instance_id, struct names *names);

#endif
