#include "configserver/hosts/attestor_aws.h"

#include "aws/imds.h"
#include "aws/sts.h"
#include "zone/host_spec.h"

int attestor_aws_verify(void *context, const struct host_attestation *attestation, struct arena *arena,
                        struct attested *attested, struct error *err)
{
    const struct config *config = context;
    struct instance_document document = {0};
    struct sts_identity identity = {0};
    struct sts_proof proof = {0};
    if (instance_document_verify(attestation->document, attestation->signature,
                                 config->identity_document_certificate, err) < 0 ||
        instance_document_parse(arena, attestation->document, &document, err) < 0 ||
        record_read(&sts_proof_record, arena, attestation->proof, &proof, err) < 0 ||
        sts_proof_verify(&proof, config->aws_region, attestation->nonce, attestation->key_hash, arena,
                         &identity, err) < 0)
        return -1;
    *attested = (struct attested){
        .account = document.account,
        .region = document.region,
        .instance_id = document.instance_id,
        .pending_ms = document.pending_ms,
        .proof_account = identity.account,
        .proof_role = identity.role,
        .proof_session = identity.session,
    };
    return 0;
}
