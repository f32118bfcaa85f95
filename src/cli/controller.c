#include "cli/controller.h"

#include "base/clock.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "identity/request_signature.h"
#include "net/http_client.h"
#include "zone/names.h"

#include <stdarg.h>

static int open_client(struct cli *cli, enum controller_caller as, struct tls_context **tls,
                       struct http_client **client, struct error *err)
{
    const struct settings *settings = &cli->settings;
    const char *trust = settings_need(settings->trust, "trust", err);
    if (!trust)
        return -1;
    struct tls_files files = {.trust = trust};
    if (as == AS_OPERATOR) {
        files.certificate = settings_need(settings->operator_certificate, "operatorCertificate", err);
        files.key = settings->operator_key;
        if (!files.certificate)
            return -1;
    }
    if (tls_context_new(&files, TLS_CLIENT_NONE, tls, err) < 0)
        return -1;
    const struct http_client_options options = {.tls = *tls,
                                                .check_peer = principal_check_peer,
                                                .context = (void *)(uintptr_t) "vespa.controller",
                                                .user_agent = "enclave/" ENCLAVE_VERSION};
    return http_client_new(&options, client, err);
}

static int sign(struct cli *cli, const struct controller_call *call, const char *url, struct http_headers *headers,
                struct error *err)
{
    const struct settings *settings = &cli->settings;
    const char *path = settings_need(settings->api_key, "apiKey", err);
    const char *tenant = settings_need(settings->tenant, "tenant", err);
    cleanup(key_free) struct key *key = NULL;
    if (!path || !tenant || key_load(path, &key, err) < 0)
        return -1;
    char *id = arena_format(cli->arena, "%s:%s:%s", tenant, settings->application ? settings->application : "default",
                            settings->instance);
    return request_sign(cli->arena, key, id, http_method_name(call->method), url, call->body, call->length,
                        clock_now_ms(), headers, err);
}

int controller_call(struct cli *cli, const struct controller_call *call, json_t **answer, struct error *err)
{
    const char *base = settings_need(cli->settings.controller, "controller", err);
    if (!base)
        return -1;
    cleanup(tls_context_free) struct tls_context *tls = NULL;
    cleanup(http_client_free) struct http_client *client = NULL;
    if (open_client(cli, call->as, &tls, &client, err) < 0)
        return -1;
    struct http_call http = {.method = call->method,
                             .url = arena_format(cli->arena, "%s%s", base, call->path),
                             .body = call->body,
                             .body_length = call->length,
                             .timeout_ms = call->timeout_ms,
                             .answer_limit = ZONE_ANSWER_LARGEST};
    if (call->content_type)
        http_headers_add(cli->arena, &http.headers, "Content-Type", call->content_type);
    if (call->as == AS_TENANT && sign(cli, call, http.url, &http.headers, err) < 0)
        return -1;
    struct http_reply reply;
    if (http_call(client, &http, cli->arena, &reply, err) < 0 || http_reply_check(&reply, NULL, err) < 0)
        return -1;
    *answer = NULL;
    if (reply.length && json_parse(cli->arena, reply.body, reply.length, answer, NULL) < 0)
        *answer = NULL;
    return 0;
}

int controller_get(struct cli *cli, json_t **answer, struct error *err, const char *path_format, ...)
{
    va_list args;
    va_start(args, path_format);
    const struct controller_call call = {.method = HTTP_GET, .path = arena_vformat(cli->arena, path_format, args)};
    va_end(args);
    return controller_call(cli, &call, answer, err);
}

char *instance_path(struct cli *cli, struct error *err)
{
    const struct settings *settings = &cli->settings;
    const char *tenant = settings_need(settings->tenant, "tenant", err);
    const char *application = tenant ? settings_need(settings->application, "application", err) : NULL;
    if (!application)
        return NULL;
    return arena_format(cli->arena, "/application/v4/tenant/%s/application/%s/instance/%s", tenant, application,
                        settings->instance);
}

char *deployment_path(struct cli *cli, struct error *err)
{
    char *instance = instance_path(cli, err);
    const char *text = instance ? settings_need(cli->settings.zone, "zone", err) : NULL;
    struct zone_id zone;
    if (!text || zone_parse(text, &zone, err) < 0)
        return NULL;
    return arena_format(cli->arena, "%s/environment/%s/region/%s", instance, zone.environment, zone.region);
}
