#include "base/log.h"
#include "base/text.h"
#include "identity/instance.h"
#include "zts/instance_request.h"
#include "zts/request_names.h"

#include <string.h>

enum { CONFIRM_TIMEOUT_MS = 20000, CONNECT_TIMEOUT_MS = 2000, ANSWER_LARGEST = 64 * 1024 };

static char *confirmation_text(struct arena *arena, const struct instance_request *request)
{
    const struct names *names = &request->csr.names;
    struct instance_attributes attributes = {
        .instance_id = request->instance_id,
        .san_dns = request_names_joined(arena, names->dns),
        .san_ip = request_names_joined(arena, names->addresses),
        .san_uri = request_names_joined(arena, names->uris),
        .client_ip = request->client_ip,
        .csr_public_key_hash = request->csr.public_key_hash,
        .principal = request->caller ? request->caller->name : NULL,
        .principal_instance_id = request->caller ? request->caller->instance_id : NULL,
    };
    struct instance_confirmation confirmation = {
        .provider = request->provider,
        .domain = request->wanted.domain,
        .service = request->wanted.service,
        .attestation_data = request->attestation_data,
        .attributes = &attributes,
    };
    return record_text(&instance_confirmation_record, arena, &confirmation);
}

/* Only 200 confirms. What the provider cannot answer now may be asked again; what it refuses may not. */
static int read_verdict(const struct http_reply *reply, const char *provider, struct arena *arena,
                        struct error *err)
{
    if (reply->status == 200)
        return 0;
    char *what = arena_format(arena, "provider %s", provider);
    if (http_reply_check(reply, what, err) == 0)
        error_set(err, ERROR_FORBIDDEN, "%s: HTTP status %d where 200 confirms", what, reply->status);
    bool again = reply->status >= 500 || reply->status == 429;
    if (err)
        err->kind = again ? ERROR_UNAVAILABLE : ERROR_FORBIDDEN;
    return -1;
}

static int ask(struct zts *zts, const struct zts_provider *provider, const char *endpoint, struct arena *arena,
               const struct instance_request *request, struct error *err)
{
    char *text = confirmation_text(arena, request);
    struct http_call call = {
        .method = HTTP_POST,
        .url = arena_format(arena, "%s/%s", endpoint, request->refresh ? "refresh" : "instance"),
        .body = text,
        .body_length = strlen(text),
        .timeout_ms = CONFIRM_TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .answer_limit = ANSWER_LARGEST,
        .check_context = (void *)provider->name,
    };
    struct http_reply reply;
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    if (http_call(zts->providers, &call, arena, &reply, err) < 0) {
        /* Not being able to ask is our trouble, not the asker's. */
        if (err)
            err->kind = ERROR_UNAVAILABLE;
        return error_context(err, "provider %s", provider->name);
    }
    return read_verdict(&reply, provider->name, arena, err);
}

/* Whichever of its servers is there: each passes the question on to the one that knows. */
static int ask_any(struct zts *zts, const struct zts_provider *provider, struct arena *arena,
                   const struct instance_request *request, struct error *err)
{
    struct error why = {0};
    int result = -1;
    for (size_t i = 0; i < provider->endpoint_count && result < 0; i++) {
        error_clear(&why);
        result = ask(zts, provider, provider->endpoints[i], arena, request, &why);
        if (why.kind != ERROR_UNAVAILABLE)
            break;
    }
    if (result < 0 && err)
        *err = why;
    return result;
}

int provider_confirm(struct zts *zts, struct arena *arena, const struct instance_request *request,
                     struct error *err)
{
    if (text_equal(request->provider, AWS_PROVIDER))
        return aws_provider_confirm(zts, arena, request, err);
    const struct zts_provider *provider = zts_config_provider(zts->parts.config, request->provider);
    if (!provider)
        return error_set(err, ERROR_INVALID, "there is no provider %s", request->provider);
    /* A zone confirms hosts and nodes and nothing else, whoever has taken hold of it. */
    if (request->wanted.kind != PRINCIPAL_HOST && request->wanted.kind != PRINCIPAL_NODE)
        return error_set(err, ERROR_FORBIDDEN, "provider %s may not launch %s", provider->name,
                         request->wanted.name);
    return ask_any(zts, provider, arena, request, err);
}
