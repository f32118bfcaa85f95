#include "aws/sts.h"
#include "identity/instance.h"
#include "sia/exchange.h"

int sia_attest_aws(void *context, struct arena *arena, const char *key_hash, char **attestation,
                   struct error *err)
{
    const struct sia_aws *ours = context;
    cleanup(http_client_free) struct http_client *client = NULL;
    struct http_reply reply;
    struct instance_challenge challenge = {0};
    if (sia_zts_client(ours->trust_path, NULL, &client, err) < 0 ||
        sia_post(client, arena_format(arena, "%s/instance/challenge", ours->zts_url), json_object(), arena,
                 &reply, err) < 0 ||
        http_reply_check(&reply, "challenge of zts", err) < 0 ||
        record_parse(&instance_challenge_record, arena, reply.body, reply.length, &challenge, err) < 0)
        return -1;
    struct sts_proof proof;
    if (sts_proof_make(ours->aws, arena, challenge.nonce, key_hash, &proof, err) < 0)
        return -1;
    json_t *written = record_write(&sts_proof_record, &proof);
    struct aws_attestation made = {.nonce = challenge.nonce, .proof = written};
    *attestation = record_text(&aws_attestation_record, arena, &made);
    json_decref(written);
    return 0;
}
