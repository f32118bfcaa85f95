/* STS: who are these keys, sessions of a role, and a proof of AWS identity that carries no secret.
 *
 * The proof is a signed GetCallerIdentity request that its maker does not send but hands to a verifier, who
 * sends it to STS and reads the ARN. It is bound to the verifier's nonce and to the hash of the maker's new
 * public key by two signed headers (X-Enclave-Nonce, X-Enclave-Key-Hash), so it can neither be replayed nor
 * moved to another key. The idea is Vault's and Teleport's IAM login. */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/client.h"
#include "base/record.h"

struct sts_identity {
    const char *account, *arn, *user_id;
    const char *role, *session; /* of an assumed role, else NULL */
};

int sts_get_caller_identity(struct aws_client *client, struct arena *arena, struct sts_identity *identity,
                            struct error *err);
int sts_assume_role(struct aws_client *client, struct arena *arena, const char *role_arn,
                    const char *session_name, const char *external_id, int duration_s, struct aws_keys *keys,
                    struct error *err);

struct sts_proof {
    const char *authorization, *amz_date, *security_token; /* the last NULL for long-term keys */
    const char *host;                                      /* of the STS endpoint it was signed for */
    const char *region;
    const char *nonce, *key_hash;
};
extern const struct record sts_proof_record;

int sts_proof_make(struct aws_client *client, struct arena *arena, const char *nonce, const char *key_hash,
                   struct sts_proof *proof, struct error *err);
/* Sends it to *our* STS endpoint (never to one the proof names) after checking that exactly the expected
 * headers are signed, the body is GetCallerIdentity's, nonce and key hash are the expected ones and its time
 * is within 5 minutes. ERROR_FORBIDDEN when any of that or STS itself refuses. */
int sts_proof_verify(const struct sts_proof *proof, const char *region, const char *nonce,
                     const char *key_hash, struct arena *arena, struct sts_identity *identity,
                     struct error *err);

#endif
