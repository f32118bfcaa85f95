/* The host's own identity: EC2 says which machine this is (signed document), STS says which role it runs
 * under (signed proof), the config server's nonce says that it is now, and the hash of the new key says for
 * which key. */
#include "host/agent.h"

#include "aws/imds.h"
#include "aws/sts.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "host/configserver.h"
#include "identity/athenz.h"
#include "sia/sia.h"

#include <string.h>

enum { CHECK_EVERY_MS = 5 * 60 * 1000, RETRY_FIRST_MS = 250, RETRY_MOST_MS = 5 * 60 * 1000 };

static int ask_challenge(struct agent *agent, struct arena *arena, struct challenge *challenge,
                         struct error *err)
{
    struct challenge_request request = {.hostname = agent->config.hostname,
                                        .instance_id = agent->instance_id};
    struct http_reply reply;
    if (bootstrap_call(agent, agent->bootstrap, HTTP_POST, "/bootstrap/v1/challenge",
                       record_text(&challenge_request_record, arena, &request), arena, &reply, err) < 0)
        return -1;
    return record_parse(&challenge_record, arena, reply.body, reply.length, challenge, err);
}

static int attest(void *context, struct arena *arena, const char *key_hash, char **attestation,
                  struct error *err)
{
    struct agent *agent = context;
    struct challenge challenge;
    struct imds_identity identity;
    struct sts_proof proof;
    if (ask_challenge(agent, arena, &challenge, err) < 0)
        return error_context(err, "ask for a challenge");
    if (imds_identity_document(arena, &identity, err) < 0)
        return error_context(err, "read the instance identity document");
    if (sts_proof_make(agent->aws, arena, challenge.nonce, key_hash, &proof, err) < 0)
        return error_context(err, "sign the STS proof");

    json_t *proof_json = record_write(&sts_proof_record, &proof);
    struct host_attestation whole = {
        .hostname = agent->config.hostname,
        .document = identity.document,
        .signature = identity.rsa2048,
        .nonce = challenge.nonce,
        .key_hash = key_hash,
        .proof = proof_json,
    };
    *attestation = record_text(&host_attestation_record, arena, &whole);
    json_decref(proof_json);
    return 0;
}

/* Once: the clients that use the identity; later renewals are picked up from its files. */
static int use_identity(struct agent *agent, const char *directory, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (agent->tls) {
        tls_context_reload(agent->tls);
        return 0;
    }
    struct tls_files files = {
        .certificate = sia_certificate_path(arena, directory),
        .key = sia_key_path(arena, directory),
        .trust = sia_trust_path(arena, directory),
    };
    struct tls_context *tls = NULL;
    if (tls_context_new(&files, TLS_CLIENT_REQUIRED, &tls, err) < 0)
        return -1;
    struct http_client_options options = {
        .tls = tls,
        .check_peer = principal_check_peer,
        .context = (void *)agent->config.configserver_identity,
        .user_agent = "enclave-host/" ENCLAVE_VERSION,
        .probe = true, /* long polls */
        .no_proxy = true,
    };
    struct http_client_options line = options;
    line.one_kept = true;
    if (http_client_new(&options, &agent->peers, err) < 0 || http_client_new(&line, &agent->line, err) < 0) {
        http_client_free(&agent->peers);
        tls_context_free(&tls);
        return -1;
    }
    agent->tls = tls;
    agent_state_fact(agent, FACT_IDENTITY);
    return 0;
}

static int ensure(struct agent *agent, const struct sia_options *options, struct error *err)
{
    enum sia_result result = sia_ensure(options, err);
    if (result == SIA_RENEWED)
        log_info("identity renewed", "domain", options->domain, "service", options->service, NULL);
    /* A certificate that could not be renewed still serves until it ends. */
    if (result == SIA_FAILED && !agent_has(agent, FACT_IDENTITY))
        return -1;
    if (use_identity(agent, options->directory, result == SIA_FAILED ? NULL : err) < 0)
        return -1;
    return result == SIA_FAILED ? -1 : 0;
}

void *identity_thread(void *context)
{
    struct agent *agent = context;
    const struct host_config *config = &agent->config;
    struct arena *arena = arena_new(); /* lives as long as the thread */
    struct sia_options options = {
        .directory = agent_path(agent, arena, "identity"),
        .zts_url = config->zts_url,
        .trust_path = agent_path(agent, arena, "ca.pem"),
        .domain = config->athenz_domain,
        .service = config->athenz_service,
        .provider = config->athenz_provider,
        .instance_id = agent->instance_id,
        .dns = {config->hostname},
        .attest = attest,
        .context = agent,
    };
    struct backoff backoff = {.first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS};
    agent_wait_for(agent, FACT_FIREWALL);
    for (;;) {
        struct error err = {0};
        if (ensure(agent, &options, &err) == 0) {
            backoff_reset(&backoff);
            clock_sleep_ms(CHECK_EVERY_MS);
        } else {
            log_warning("no identity yet, or not renewed", "error", err.message, NULL);
            clock_sleep_ms(backoff_next(&backoff, config->hostname));
        }
    }
}
