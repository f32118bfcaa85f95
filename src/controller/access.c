#include "controller/access.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "controller/state.h"
#include "identity/athenz.h"

#include <string.h>

enum { TENANT_ROLES = WHO_READER | WHO_DEVELOPER | WHO_ADMINISTRATOR };

struct caller *access_caller(struct http_request *request)
{
    struct caller *caller = http_request_context(request);
    if (!caller) {
        caller = arena_alloc(http_request_arena(request), sizeof *caller);
        http_request_set_context(request, caller, NULL);
    }
    return caller;
}

/* The URL as the client wrote it: it always spoke https, to the name it put into Host. */
static const char *signed_url(struct http_request *request, struct error *err)
{
    const char *host = http_request_header(request, "Host");
    if (text_empty(host)) {
        error_set(err, ERROR_UNAUTHENTICATED, "a signed request needs a Host header");
        return NULL;
    }
    return arena_format(http_request_arena(request), "https://%s%s", host, http_request_target(request));
}

static const struct api_key *find_key(const struct tenant *tenant, const char *hash)
{
    for (size_t i = 0; i < tenant->key_count; i++)
        if (text_equal(tenant->keys[i].hash, hash))
            return &tenant->keys[i];
    return NULL;
}

/* A key that no tenant knows, and a tenant that does not exist, look the same from outside. */
static int find_caller(struct controller *controller, struct http_request *request, struct caller *caller,
                       struct error *err)
{
    struct arena *arena = http_request_arena(request);
    const char *key_id = caller->signer.key_id;
    const char *name = arena_strndup(arena, key_id, strcspn(key_id, ":"));
    struct tenant tenant;
    struct error why = {0};
    const struct api_key *key = NULL;
    if (!text_only(name, "a-z0-9-") || text_empty(name))
        return error_set(err, ERROR_UNAUTHENTICATED, "X-Key-Id must be tenant:application:instance");
    if (tenant_load(controller, arena, name, &tenant, &why) == 0)
        key = find_key(&tenant, caller->signer.public_key_hash);
    else if (why.kind != ERROR_NOT_FOUND)
        return error_set(err, ERROR_UNAVAILABLE, "%s", why.message);
    if (!key)
        return error_set(err, ERROR_UNAUTHENTICATED,
                         "the key is not enrolled with tenant %s: an administrator of the tenant enrols it", name);
    caller->tenant = tenant.name;
    caller->role = (enum role)key->role;
    return 0;
}

static enum role least_role(unsigned who)
{
    if (who & WHO_READER)
        return ROLE_READER;
    return who & WHO_DEVELOPER ? ROLE_DEVELOPER : ROLE_ADMINISTRATOR;
}

static int authorize_tenant(struct controller *controller, struct http_request *request, unsigned who,
                            struct error *err)
{
    struct caller *caller = access_caller(request);
    struct arena *arena = http_request_arena(request);
    const char *method = http_method_name(http_request_method(request)), *url = signed_url(request, err);
    if (!url ||
        request_verify(arena, method, url, http_request_headers(request), clock_now_ms(), &caller->signer, err) < 0 ||
        find_caller(controller, request, caller, err) < 0)
        return -1;
    if (!text_equal(caller->tenant, http_request_parameter(request, "tenant")))
        return error_set(err, ERROR_FORBIDDEN, "this key is of tenant %s", caller->tenant);
    enum role needed = least_role(who);
    if (caller->role < needed)
        return error_set(err, ERROR_FORBIDDEN, "this needs the role %s, and the key has %s", role_names[needed],
                         role_names[caller->role]);
    return 0;
}

static void audit_refusal(struct http_request *request, const struct principal *peer, const struct error *err)
{
    log_warning("audit", "operator", peer->user, "method", http_method_name(http_request_method(request)), "path",
                http_request_path(request), "from", http_request_address_text(request), "refused", err->message, NULL);
}

int access_authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    const struct principal *peer = http_request_peer(request);
    bool is_operator = peer && peer->kind == PRINCIPAL_OPERATOR;
    if (who & WHO_ANYONE)
        return 0;
    if (is_operator && (who & WHO_OPERATOR)) {
        access_caller(request)->operator_name = peer->user;
        return 0;
    }
    int result = -1;
    if (who & TENANT_ROLES)
        result = authorize_tenant(context, request, who, err);
    else if (peer)
        error_set(err, ERROR_FORBIDDEN, "this is for operators, and you are %s", peer->name);
    else
        error_set(err, ERROR_UNAUTHENTICATED, "this is for operators: come with an operator's certificate");
    if (result < 0 && is_operator)
        audit_refusal(request, peer, err);
    return result;
}

int access_check_body(struct http_request *request, struct error *err)
{
    const struct caller *caller = access_caller(request);
    size_t length;
    const char *body = http_request_body(request, &length);
    return caller->tenant ? request_verify_body(&caller->signer, body, length, err) : 0;
}

void access_error_body(struct http_request *request, int status, const struct error *err)
{
    json_t *body = status == 401 || status == 403
                       ? json_pack("{s:i, s:s}", "code", status, "message", err->message)
                       : json_pack("{s:s, s:s}", "error-code", err->code, "message", err->message);
    if (!body) /* the message quoted bytes that are not UTF-8 */
        body = json_pack("{s:s, s:s}", "error-code", err->code, "message", "the request is not valid UTF-8");
    http_respond_json(request, status, body);
}
