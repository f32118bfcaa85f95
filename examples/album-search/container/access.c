/* Who may call. TLS has let in whoever chains to clients.pem or to the zone's authority; which of the two it
 * was decides what a certificate is worth: only the zone's authority makes nodes and hosts, whatever names a
 * client's own carries. */
#include "service.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "logs.h"

#include <gnutls/x509.h>
#include <string.h>

enum { PEM_LARGEST = 256 * 1024 };

struct caller_identity {
    enum caller kind; /* CALLER_ANYONE: a certificate of the zone that may nothing here */
    char name[400];
};

/* What the access log needs, from the moment the request is known. */
struct request_note {
    int64_t begun_ms;
};

static void free_list(gnutls_x509_trust_list_t *list)
{
    if (*list)
        gnutls_x509_trust_list_deinit(*list, 1);
}

static void free_certificate(gnutls_x509_crt_t *certificate)
{
    if (*certificate)
        gnutls_x509_crt_deinit(*certificate);
}

static bool chains_to(const gnutls_datum_t *der, const char *trust_path)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(free_list) gnutls_x509_trust_list_t list = NULL;
    cleanup(free_certificate) gnutls_x509_crt_t certificate = NULL;
    char *pem = NULL;
    size_t length = 0;
    unsigned verdict = GNUTLS_CERT_INVALID;
    if (file_read(arena, trust_path, PEM_LARGEST, &pem, &length, NULL) < 0 ||
        gnutls_x509_trust_list_init(&list, 0) < 0 || gnutls_x509_crt_init(&certificate) < 0 ||
        gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) < 0)
        return false;
    gnutls_datum_t trust = {.data = (unsigned char *)pem, .size = (unsigned)length};
    return gnutls_x509_trust_list_add_trust_mem(list, &trust, NULL, GNUTLS_X509_FMT_PEM, 0, 0) > 0 &&
           gnutls_x509_trust_list_verify_crt(list, &certificate, 1, 0, &verdict, NULL) == 0 && verdict == 0;
}

static enum caller kind_of(const struct principal *principal, const struct node_config *config)
{
    if (text_equal(principal->name, config->peer_principal))
        return CALLER_PEER;
    if (principal->kind == PRINCIPAL_HOST && text_equal(principal->tenant, config->tenant))
        return CALLER_HOST;
    return CALLER_ANYONE;
}

void *caller_identify(void *context, const gnutls_datum_t *certificate_der)
{
    struct service *service = context;
    const struct node_config *config = service_config(service);
    if (!certificate_der)
        return NULL;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct caller_identity *caller = memory_alloc(sizeof *caller);
    struct certificate certificate;
    struct principal principal;
    caller->kind = CALLER_CLIENT;
    strcpy(caller->name, "client");
    if (!chains_to(certificate_der, config->identity->trust))
        return caller;
    caller->kind = CALLER_ANYONE;
    if (certificate_parse_der(arena, certificate_der, &certificate, NULL) == 0 &&
        principal_of(arena, &certificate, &principal, NULL) == 0) {
        caller->kind = kind_of(&principal, config);
        strncpy(caller->name, principal.name, sizeof caller->name - 1);
    }
    return caller;
}

void caller_forget(void *service, void *caller)
{
    (void)service;
    free(caller);
}

static void log_answer(struct http_request *request, int status, size_t length)
{
    struct service *service = http_request_server_context(request);
    const struct request_note *note = http_request_context(request);
    const struct caller_identity *caller = http_request_peer(request);
    atomic_fetch_add(&service->requests, 1);
    if (status >= 500)
        atomic_fetch_add(&service->failures, 1);
    logs_access(service->logs, request, caller ? caller->name : NULL, status, length,
                note ? note->begun_ms : clock_now_ms());
}

int caller_authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    (void)context;
    struct request_note *note = memory_alloc(sizeof *note);
    note->begun_ms = clock_now_ms();
    http_request_set_context(request, note, free);
    const struct caller_identity *caller = http_request_peer(request);
    unsigned is = CALLER_ANYONE | (caller ? (unsigned)caller->kind : 0);
    if (who & is)
        return 0;
    int status = caller ? 403 : 401;
    log_answer(request, status, 0);
    return caller ? error_set(err, ERROR_FORBIDDEN, "%s may not use this", caller->name)
                  : error_set(err, ERROR_UNAUTHENTICATED,
                              "a client certificate is needed: see security/clients.pem");
}

enum http_answer answer_json(struct http_request *request, int status, json_t *json)
{
    const char *text = json_text(http_request_arena(request), json);
    json_decref(json);
    log_answer(request, status, strlen(text));
    http_respond_text(request, status, "application/json", text);
    return HTTP_ANSWERED;
}

enum http_answer answer_error(struct http_request *request, const struct error *err)
{
    log_answer(request, http_status(err->kind), 0);
    return http_fail(request, err);
}
