/* One request for a certificate on its way through zts, and what zts is made of inside. */
#ifndef ZTS_INSTANCE_REQUEST_H
#define ZTS_INSTANCE_REQUEST_H

#include "identity/athenz.h"
#include "net/http_client.h"
#include "zts/nonces.h"
#include "zts/rate_limit.h"
#include "zts/zts.h"

struct zts {
    struct zts_parts parts;
    struct nonces *nonces;
    struct rate_limit *challenges, *registrations;
    struct http_client *providers; /* presents vespa.zts */
};

struct instance_request {
    bool refresh;
    const char *provider;
    struct principal wanted; /* who the certificate shall name */
    const char *instance_id;
    const char *attestation_data; /* NULL: none */
    struct csr csr;
    const char *client_ip;
    const struct principal *caller; /* by mTLS; NULL: none */
};

/* Confirms or refuses: with vespa.aws here, with every other provider over there. Blocks on the network. */
int provider_confirm(struct zts *zts, struct arena *arena, const struct instance_request *request,
                     struct error *err);
int aws_provider_confirm(struct zts *zts, struct arena *arena, const struct instance_request *request,
                         struct error *err);

/* The whole way from the request's names to a recorded certificate. `csr_pem` is read here. */
int issue_certificate(struct zts *zts, struct arena *arena, struct instance_request *request,
                      const char *csr_pem, char **certificate_pem, struct error *err);

#endif
