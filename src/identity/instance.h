/* What zts, those who get certificates from it and the providers it asks say to each other: the records of
 * Athenz's instance API as far as we use it. Members we do not know are ignored, as Athenz's own servers do.
 */
#ifndef IDENTITY_INSTANCE_H
#define IDENTITY_INSTANCE_H

#include "base/record.h"

enum { ATTESTATION_LONGEST = 64 * 1024, CSR_LONGEST = 16 * 1024 };

/* POST <zts>/instance -> 201 instance_identity */
struct instance_register {
    const char *provider, *domain, *service; /* REQUIRED */
    const char *attestation_data;            /* the provider's to judge */
    const char *csr;
};

/* POST <zts>/instance/{provider}/{domain}/{service}/{instanceId} -> 200 instance_identity */
struct instance_refresh {
    const char *attestation_data; /* may be NULL */
    const char *csr;
};

struct instance_identity {
    const char *provider, *name, *instance_id; /* name: domain.service */
    const char *certificate;                   /* PEM */
    const char *certificate_signer;            /* PEM of the authorities to trust */
};

/* POST <zts>/instance/challenge -> 200 instance_challenge; for provider vespa.aws */
struct instance_challenge {
    const char *nonce;
};
/* attestationData (a JSON text) of provider vespa.aws */
struct aws_attestation {
    const char *nonce;
    json_t *proof; /* struct sts_proof of aws/sts.h */
};

/* zts -> provider: POST <endpoint>/instance or /refresh; 200 confirms, anything else refuses. */
struct instance_attributes {
    const char *instance_id;
    const char *san_dns, *san_ip, *san_uri; /* comma-joined, NULL when there are none */
    const char *client_ip;
    const char *csr_public_key_hash;
    const char *principal, *principal_instance_id; /* the caller's at zts, when it came with a certificate */
};
struct instance_confirmation {
    const char *provider, *domain, *service;
    const char *attestation_data; /* NULL on refresh */
    struct instance_attributes *attributes;
};

extern const struct record instance_register_record, instance_refresh_record, instance_identity_record,
    instance_challenge_record, aws_attestation_record, instance_confirmation_record;

#endif
