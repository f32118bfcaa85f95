/* Provider vespa.aws: a service of the vendor's is who its AWS role says. The proof is a GetCallerIdentity
 * signed over our nonce and the hash of the new key; STS itself says whose it is. The role's session is named
 * after the EC2 instance that holds it, and that is the instance id. */
#include "aws/sts.h"
#include "base/clock.h"
#include "base/text.h"
#include "identity/instance.h"
#include "zts/instance_request.h"
#include "zts/request_names.h"

#include <string.h>

static int refused(struct error *err, const char *why)
{
    return error_set(err, ERROR_FORBIDDEN, "provider " AWS_PROVIDER ": %s", why);
}

/* Names in our own internal domain, and the address the request came from. */
static int check_alternatives(const struct instance_request *request, struct error *err)
{
    const struct names *names = &request->csr.names;
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && names->dns[i]; i++)
        if (!text_ends(names->dns[i], VESPA_DNS_SUFFIX) || names->dns[i][0] == '*')
            return refused(err, "a DNS name does not end in " VESPA_DNS_SUFFIX ", or stands for many");
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && names->addresses[i]; i++)
        if (!text_equal(names->addresses[i], request->client_ip))
            return refused(err, "an address is not the one the request came from");
    return 0;
}

static int verify_proof(struct zts *zts, struct arena *arena, const struct instance_request *request,
                        struct sts_identity *identity, struct error *err)
{
    const char *text = request->attestation_data;
    struct aws_attestation attestation = {0};
    struct sts_proof proof = {0};
    if (record_parse(&aws_attestation_record, arena, text, strlen(text), &attestation, err) < 0 ||
        record_read(&sts_proof_record, arena, attestation.proof, &proof, err) < 0)
        return error_context(err, "attestationData");
    if (nonces_check(zts->nonces, attestation.nonce, clock_now_ms(), err) < 0 ||
        sts_proof_verify(&proof, zts->parts.config->aws_region, attestation.nonce,
                         request->csr.public_key_hash, arena, identity, err) < 0)
        return -1;
    /* Spent only now, so that what has no proof cannot fill our memory; two at once: one of them gets it. */
    return nonces_spend(zts->nonces, attestation.nonce, clock_now_ms(), err);
}

static int check_identity(struct zts *zts, const struct instance_request *request,
                          const struct sts_identity *identity, struct error *err)
{
    const struct zts_config *config = zts->parts.config;
    if (!text_equal(identity->account, config->vendor_account))
        return refused(err, "the proof is of another AWS account");
    if (!identity->role || !zts_config_allows(config, identity->role, request->wanted.name))
        return error_set(err, ERROR_FORBIDDEN, "provider " AWS_PROVIDER ": the role %.100s may not be %s",
                         identity->role ? identity->role : "(none)", request->wanted.name);
    if (!text_equal(identity->session, request->instance_id))
        return refused(err, "the instance id is not the name of the role's session (the EC2 instance)");
    return 0;
}

int aws_provider_confirm(struct zts *zts, struct arena *arena, const struct instance_request *request,
                         struct error *err)
{
    struct sts_identity identity;
    if (check_alternatives(request, err) < 0)
        return -1;
    if (request->refresh) /* the certificate is the proof; the configuration may have changed */
        return zts_config_allows(zts->parts.config, NULL, request->wanted.name)
                   ? 0
                   : refused(err, "no role may be this service any more");
    if (!request->attestation_data)
        return error_set(err, ERROR_INVALID, "attestationData is missing");
    if (verify_proof(zts, arena, request, &identity, err) < 0)
        return -1;
    return check_identity(zts, request, &identity, err);
}
