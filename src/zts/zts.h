/* zts: gives certificates to instances of services, each confirmed by a provider, each line of certificates
 * watched for a second holder of its key. This is the service apart from its program: what it needs is handed
 * to it, so that tests run it whole. Speaks the part of Athenz's ZTS API that its clients here use. */
#ifndef ZTS_ZTS_H
#define ZTS_ZTS_H

#include "identity/certificate.h"
#include "net/http_server.h"
#include "store/store.h"
#include "zts/config.h"

#define AWS_PROVIDER "vespa.aws" /* built in: the vendor's own services, by AWS role */
#define ZTS_DOMAIN   "vespa"
#define ZTS_SERVICE  "zts"

enum { ZTS_SIDE_FRONT = 1 };

struct zts_parts {
    const struct zts_config *config;
    struct store *store;
    struct authority *authority;
    struct tls_context *tls; /* our own identity: to callers and to providers */
};

struct zts;

/* The parts are borrowed and must outlive it. */
int zts_new(const struct zts_parts *parts, struct zts **zts, struct error *err);
void zts_free(struct zts **zts);

/* Options for http_server_start: routes, callbacks and their context. */
struct http_server_options zts_server_options(struct zts *zts);

/* Forgets records of certificates that ended long ago. */
void zts_purge(struct zts *zts);

/* The authority whose key this is, out of a bundle of PEM certificates. */
int zts_authority_open(const char *certificates, const struct key *key, struct authority **authority,
                       struct error *err);

#endif
