#include "sia/exchange.h"

#include "base/file.h"
#include "base/text.h"
#include "identity/instance.h"

#include <arpa/inet.h>
#include <string.h>

enum { TRUST_LONGEST = 256 * 1024, ANSWER_LARGEST = 512 * 1024 };

/* As certificates show it, so that what was asked for can be compared with what is there. */
static const char *canonical_address(struct arena *arena, const char *text)
{
    unsigned char bytes[16];
    char canonical[INET6_ADDRSTRLEN];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, bytes) != 1)
        return text;
    return arena_strdup(arena, inet_ntop(family, bytes, canonical, sizeof canonical));
}

void sia_names(struct arena *arena, const struct sia_options *options, struct names *names)
{
    athenz_service_names(arena, options->domain, options->service, options->provider, options->instance_id,
                         names);
    for (size_t i = 0; i < COUNT_OF(options->dns) && options->dns[i]; i++)
        names->dns[i] = options->dns[i];
    for (size_t i = 0; i < COUNT_OF(options->address) && options->address[i]; i++)
        names->addresses[i] = canonical_address(arena, options->address[i]);
}

int sia_zts_client(const char *trust_path, struct tls_context *tls, struct http_client **client,
                   struct error *err)
{
    struct http_client_options options = {
        .tls = tls,
        .trust = tls ? NULL : trust_path,
        .check_peer = principal_check_peer,
        .context = "vespa.zts",
        .user_agent = "enclave-sia/" ENCLAVE_VERSION,
        .no_proxy = true,
    };
    return http_client_new(&options, client, err);
}

int sia_post(struct http_client *client, const char *url, json_t *body, struct arena *arena,
             struct http_reply *reply, struct error *err)
{
    char *text = json_text(arena, body);
    json_decref(body);
    struct http_call call = {.method = HTTP_POST,
                             .url = url,
                             .body = text,
                             .body_length = strlen(text),
                             .answer_limit = ANSWER_LARGEST};
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    return http_call(client, &call, arena, reply, err);
}

/* What zts gave must be for our key and our name, whatever it says. */
static int check_answer(const struct sia_options *options, const struct key *key, const char *certificate_pem,
                        struct arena *arena, struct error *err)
{
    struct certificate certificate;
    struct principal principal;
    if (certificate_parse_pem(arena, certificate_pem, &certificate, err) < 0 ||
        principal_of(arena, &certificate, &principal, err) < 0)
        return error_context(err, "zts's answer");
    if (!text_equal(certificate.public_key_hash, key_public_hash(arena, key)))
        return error_set(err, ERROR_UNAVAILABLE, "zts answered with a certificate for another key");
    if (!text_equal(principal.domain, options->domain) || !text_equal(principal.service, options->service) ||
        !text_equal(principal.instance_id, options->instance_id))
        return error_set(err, ERROR_UNAVAILABLE, "zts answered with a certificate of %s, instance %s",
                         principal.name, principal.instance_id ? principal.instance_id : "none");
    return 0;
}

static int save_answer(const struct sia_options *options, const struct key *key,
                       const struct http_reply *reply, struct arena *arena, struct error *err)
{
    struct instance_identity identity = {0};
    if (record_parse(&instance_identity_record, arena, reply->body, reply->length, &identity, err) < 0)
        return error_context(err, "zts's answer");
    if (check_answer(options, key, identity.certificate, arena, err) < 0)
        return -1;
    char *trust = (char *)identity.certificate_signer;
    if (!trust && file_read(arena, options->trust_path, TRUST_LONGEST, &trust, NULL, err) < 0)
        return -1;
    return generation_save(options->directory, key, identity.certificate, trust, err);
}

static int make_csr(const struct sia_options *options, const struct key *key, struct arena *arena, char **csr,
                    struct error *err)
{
    struct names names;
    sia_names(arena, options, &names);
    return csr_create(arena, key, &names, csr, err);
}

int sia_register(const struct sia_options *options, struct arena *arena, struct error *err)
{
    cleanup(key_free) struct key *key = NULL;
    cleanup(http_client_free) struct http_client *client = NULL;
    struct instance_register asked = {
        .provider = options->provider, .domain = options->domain, .service = options->service};
    char *csr, *attestation;
    if (key_generate(&key, err) < 0 || make_csr(options, key, arena, &csr, err) < 0 ||
        options->attest(options->context, arena, key_public_hash(arena, key), &attestation, err) < 0 ||
        sia_zts_client(options->trust_path, options->registrar, &client, err) < 0)
        return -1;
    asked.csr = csr;
    asked.attestation_data = attestation;
    struct http_reply reply;
    if (sia_post(client, arena_format(arena, "%s/instance", options->zts_url),
                 record_write(&instance_register_record, &asked), arena, &reply, err) < 0 ||
        http_reply_check(&reply, "register at zts", err) < 0)
        return -1;
    return save_answer(options, key, &reply, arena, err);
}

static bool says_revoked(struct arena *arena, const struct http_reply *reply)
{
    json_t *json;
    if (reply->status != 403 || json_parse(arena, reply->body, reply->length, &json, NULL) < 0)
        return false;
    const char *message = json_member_text(json, "message");
    return message && text_starts(message, "Certificate revoked");
}

static int own_tls(const struct sia_options *options, struct arena *arena, struct tls_context **tls,
                   struct error *err)
{
    struct tls_files files = {.certificate = sia_certificate_path(arena, options->directory),
                              .key = sia_key_path(arena, options->directory),
                              .trust = options->trust_path};
    return tls_context_new(&files, TLS_CLIENT_NONE, tls, err);
}

int sia_refresh_with(const struct sia_options *options, const struct generation *generation,
                     struct arena *arena, bool *revoked, struct error *err)
{
    cleanup(tls_context_free) struct tls_context *tls = NULL;
    cleanup(http_client_free) struct http_client *client = NULL;
    struct instance_refresh asked = {0};
    char *csr;
    *revoked = false;
    if (make_csr(options, generation->key, arena, &csr, err) < 0 || own_tls(options, arena, &tls, err) < 0 ||
        sia_zts_client(NULL, tls, &client, err) < 0)
        return -1;
    asked.csr = csr;
    struct http_reply reply;
    const char *url = arena_format(arena, "%s/instance/%s/%s/%s/%s", options->zts_url, options->provider,
                                   options->domain, options->service, options->instance_id);
    if (sia_post(client, url, record_write(&instance_refresh_record, &asked), arena, &reply, err) < 0)
        return -1;
    *revoked = says_revoked(arena, &reply);
    if (http_reply_check(&reply, "refresh at zts", err) < 0)
        return -1;
    return save_answer(options, generation->key, &reply, arena, err);
}
