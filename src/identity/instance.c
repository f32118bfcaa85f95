#include "identity/instance.h"

#include "identity/athenz.h"

enum { NAME_LONGEST = 384, JOINED_LONGEST = 16 * 1024, BUNDLE_LONGEST = 64 * 1024, NONCE_LONGEST = 128 };

#define NAME(owner, member, json, help) \
    FIELD_TEXT(owner, member, json, REQUIRED, NAME_LONGEST, athenz_is_name, help)

static const struct field register_fields[] = {
    NAME(struct instance_register, provider, "provider", "who confirms the instance"),
    NAME(struct instance_register, domain, "domain", "of the service asked for"),
    NAME(struct instance_register, service, "service", "its last part, without dots"),
    FIELD_TEXT(struct instance_register, attestation_data, "attestationData", OPTIONAL, ATTESTATION_LONGEST,
               NULL, "what proves the instance to its provider"),
    FIELD_TEXT(struct instance_register, csr, "csr", REQUIRED, CSR_LONGEST, NULL, "PEM certificate request"),
    FIELD_END,
};
const struct record instance_register_record = {"registration", sizeof(struct instance_register),
                                                register_fields};

static const struct field refresh_fields[] = {
    FIELD_TEXT(struct instance_refresh, attestation_data, "attestationData", OPTIONAL, ATTESTATION_LONGEST,
               NULL, "what proves the instance to its provider"),
    FIELD_TEXT(struct instance_refresh, csr, "csr", REQUIRED, CSR_LONGEST, NULL, "PEM certificate request"),
    FIELD_END,
};
const struct record instance_refresh_record = {"refresh", sizeof(struct instance_refresh), refresh_fields};

static const struct field identity_fields[] = {
    FIELD_TEXT(struct instance_identity, provider, "provider", OPTIONAL, NAME_LONGEST, NULL,
               "who confirmed it"),
    FIELD_TEXT(struct instance_identity, name, "name", OPTIONAL, NAME_LONGEST, NULL, "domain.service"),
    FIELD_TEXT(struct instance_identity, instance_id, "instanceId", OPTIONAL, NAME_LONGEST, NULL,
               "which of them"),
    FIELD_TEXT(struct instance_identity, certificate, "x509Certificate", REQUIRED, BUNDLE_LONGEST, NULL,
               "PEM"),
    FIELD_TEXT(struct instance_identity, certificate_signer, "x509CertificateSigner", OPTIONAL,
               BUNDLE_LONGEST, NULL, "PEM of the authorities to trust"),
    FIELD_END,
};
const struct record instance_identity_record = {"identity", sizeof(struct instance_identity),
                                                identity_fields};

static const struct field challenge_fields[] = {
    FIELD_TEXT(struct instance_challenge, nonce, "nonce", REQUIRED, NONCE_LONGEST, NULL,
               "to be signed, once"),
    FIELD_END,
};
const struct record instance_challenge_record = {"challenge", sizeof(struct instance_challenge),
                                                 challenge_fields};

static const struct field aws_attestation_fields[] = {
    FIELD_TEXT(struct aws_attestation, nonce, "nonce", REQUIRED, NONCE_LONGEST, NULL, "zts's challenge"),
    FIELD_JSON(struct aws_attestation, proof, "proof", REQUIRED,
               "signed GetCallerIdentity over nonce and key"),
    FIELD_END,
};
const struct record aws_attestation_record = {"attestation by AWS role", sizeof(struct aws_attestation),
                                              aws_attestation_fields};

#define ATTRIBUTE(member, json, need, help) \
    FIELD_TEXT(struct instance_attributes, member, json, need, JOINED_LONGEST, NULL, help)
static const struct field attribute_fields[] = {
    ATTRIBUTE(instance_id, "instanceId", REQUIRED, "from the CSR"),
    ATTRIBUTE(san_dns, "sanDNS", OPTIONAL, "comma-joined DNS names asked for"),
    ATTRIBUTE(san_ip, "sanIP", OPTIONAL, "comma-joined addresses asked for"),
    ATTRIBUTE(san_uri, "sanURI", OPTIONAL, "comma-joined URIs asked for"),
    ATTRIBUTE(client_ip, "clientIP", OPTIONAL, "where the request came from"),
    ATTRIBUTE(csr_public_key_hash, "csrPublicKeyHash", OPTIONAL, "hex SHA-256 of the SubjectPublicKeyInfo"),
    ATTRIBUTE(principal, "principal", OPTIONAL, "the caller's, when it came with a certificate"),
    ATTRIBUTE(principal_instance_id, "principalInstanceId", OPTIONAL, "the caller's"),
    FIELD_END,
};
static const struct record attributes_record = {"attributes", sizeof(struct instance_attributes),
                                                attribute_fields};

static const struct field confirmation_fields[] = {
    NAME(struct instance_confirmation, provider, "provider", "who is asked"),
    NAME(struct instance_confirmation, domain, "domain", "of the service asked for"),
    NAME(struct instance_confirmation, service, "service", "its last part"),
    FIELD_TEXT(struct instance_confirmation, attestation_data, "attestationData", OPTIONAL,
               ATTESTATION_LONGEST, NULL, "as the instance sent it"),
    FIELD_RECORD(struct instance_confirmation, attributes, "attributes", REQUIRED, &attributes_record,
                 "what zts knows of the request"),
    FIELD_END,
};
const struct record instance_confirmation_record = {
    "instance confirmation", sizeof(struct instance_confirmation), confirmation_fields};
