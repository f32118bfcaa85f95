/* Tenants, and the API keys of their users. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "controller/api.h"
#include "controller/state.h"
#include "zone/names.h"

#include <string.h>

enum { EXTERNAL_ID_DIGITS = 32 };

/* What an external id may be (AWS, AssumeRole's ExternalId). */
static bool is_external_id(const char *text)
{
    return strlen(text) >= 2 && text_only(text, "A-Za-z0-9_+=,.@:/-");
}

struct key_request {
    const char *key, *external_id;
    int role;
};
static const struct field key_request_fields[] = {
    FIELD_TEXT(struct key_request, key, "key", REQUIRED, 1024, NULL, "public key, PEM"),
    FIELD_TEXT(struct key_request, external_id, "externalId", OPTIONAL, 256, is_external_id,
               "what the tenant's accounts want to see; made up when absent"),
    FIELD_ENUM(struct key_request, role, "role", OPTIONAL, role_names, "what the key's holder may do"),
    FIELD_END,
};
static const struct record key_request_record = {"key", sizeof(struct key_request), key_request_fields};

static int read_key(const struct operation_call *call, enum role role, struct key_request *wanted,
                    struct api_key *key, struct error *err)
{
    json_t *body;
    char *hash;
    *wanted = (struct key_request){.role = (int)role};
    if (call_json(call, &body, err) < 0)
        return -1;
    bool role_given = json_object_get(body, "role") != NULL;
    if (record_read(&key_request_record, call->arena, body, wanted, err) < 0)
        return -1;
    if (public_key_hash(call->arena, wanted->key, &hash, err) < 0) {
        err->kind = ERROR_INVALID;
        return error_context(err, "key");
    }
    *key = (struct api_key){.pem = wanted->key,
                            .hash = hash,
                            .role = role_given ? wanted->role : (int)role,
                            .added_ms = clock_now_ms()};
    return 0;
}

static json_t *accounts_view(const struct tenant *tenant)
{
    json_t *list = json_array();
    for (size_t i = 0; i < tenant->account_count; i++)
        json_array_append_new(list, json_pack("{s:s+}", "cloudAccount", "aws:", tenant->accounts[i]));
    return list;
}

static json_t *applications_view(struct controller *controller, struct arena *arena, const char *tenant, char **names,
                                 size_t count)
{
    json_t *list = json_array();
    const char *before = "";
    for (size_t i = 0; i < count; i++) {
        struct deployment deployment;
        if (deployment_load(controller, arena, names[i], &deployment, NULL) < 0)
            continue; /* gone since we listed it */
        const char *path = arena_format(arena, "/application/v4/tenant/%s/application/%s/instance/%s", tenant,
                                        deployment.application, deployment.instance);
        if (text_equal(path, before))
            continue;
        before = path;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "tenant", tenant, "application",
                                              deployment.application, "instance", deployment.instance, "url", path));
    }
    return list;
}

int create_tenant(struct operation_call *call, struct error *err)
{
    struct key_request wanted;
    struct tenant tenant = {.created_ms = clock_now_ms()}, known;
    struct api_key key;
    if (call_name(call, "tenant", &tenant.name, err) < 0 ||
        read_key(call, ROLE_ADMINISTRATOR, &wanted, &key, err) < 0)
        return -1;
    if (!tenant_is_valid(tenant.name))
        return error_set(err, ERROR_INVALID,
                         "a tenant's name has at most %d characters: its hosts' role in AWS is named after it",
                         TENANT_LONGEST);
    key.role = ROLE_ADMINISTRATOR;
    tenant.keys = &key;
    tenant.key_count = 1;
    tenant.external_id = wanted.external_id ? wanted.external_id : random_hex(call->arena, EXTERNAL_ID_DIGITS);
    struct error why = {0};
    if (tenant_create(call->controller, call->arena, &tenant, &why) < 0) {
        if (why.kind != ERROR_CONFLICT)
            return error_set(err, why.kind, "%s", why.message);
        /* The same again is no mistake: an answer may have been lost. */
        if (tenant_load(call->controller, call->arena, tenant.name, &known, err) < 0)
            return -1;
        bool same = known.key_count && text_equal(known.keys[0].hash, key.hash) &&
                    (!wanted.external_id || text_equal(known.external_id, wanted.external_id));
        if (!same)
            return error_set(err, ERROR_CONFLICT, "tenant %s exists, with another key", tenant.name);
        tenant = known;
    }
    log_info("tenant created", "tenant", tenant.name, NULL);
    call->answer = json_pack("{s:s, s:s}", "tenant", tenant.name, "externalId", tenant.external_id);
    return 0;
}

int list_tenants(struct operation_call *call, struct error *err)
{
    char **names;
    size_t count;
    if (tenant_names(call->controller, call->arena, &names, &count, err) < 0)
        return -1;
    call->answer = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(call->answer, json_pack("{s:s}", "tenant", names[i]));
    return 0;
}

int show_tenant(struct operation_call *call, struct error *err)
{
    const char *name;
    struct tenant tenant;
    char **names;
    size_t count;
    if (call_name(call, "tenant", &name, err) < 0 ||
        tenant_load(call->controller, call->arena, name, &tenant, err) < 0 ||
        deployment_names(call->controller, call->arena, arena_format(call->arena, "%s:", name), &names, &count, err) < 0)
        return -1;
    call->answer = json_pack("{s:s, s:s, s:s, s:o, s:o}", "tenant", tenant.name, "type", "CLOUD", "externalId",
                             tenant.external_id, "cloudAccounts", accounts_view(&tenant), "applications",
                             applications_view(call->controller, call->arena, name, names, count));
    return 0;
}

static json_t *keys_view(const struct tenant *tenant)
{
    json_t *list = json_array();
    for (size_t i = 0; i < tenant->key_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "key", tenant->keys[i].pem, "user",
                                              tenant->keys[i].hash, "role", role_names[tenant->keys[i].role]));
    return json_pack("{s:o}", "keys", list);
}

static size_t find_key(const struct tenant *tenant, const char *hash)
{
    size_t at = 0;
    while (at < tenant->key_count && !text_equal(tenant->keys[at].hash, hash))
        at++;
    return at;
}

int add_key(struct operation_call *call, struct error *err)
{
    struct key_request wanted;
    struct api_key key;
    struct tenant tenant;
    if (read_key(call, ROLE_DEVELOPER, &wanted, &key, err) < 0)
        return -1;
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(call->controller);
    (void)held;
    if (tenant_load(call->controller, call->arena, call->caller->tenant, &tenant, err) < 0)
        return -1;
    if (find_key(&tenant, key.hash) < tenant.key_count)
        return error_set(err, ERROR_CONFLICT, "the key is enrolled already: remove it first to change its role");
    if (tenant.key_count == KEYS_MOST)
        return error_set(err, ERROR_INVALID, "tenant %s has %d keys, the most there can be", tenant.name, KEYS_MOST);
    struct api_key *keys = arena_alloc(call->arena, (tenant.key_count + 1) * sizeof *keys);
    memcpy(keys, tenant.keys, tenant.key_count * sizeof *keys);
    keys[tenant.key_count++] = key;
    tenant.keys = keys;
    if (tenant_save(call->controller, call->arena, &tenant, err) < 0)
        return -1;
    log_info("key enrolled", "tenant", tenant.name, "key", key.hash, "role", role_names[key.role], "by",
             call->caller->signer.public_key_hash, NULL);
    call->answer = keys_view(&tenant);
    return 0;
}

static size_t administrators(const struct tenant *tenant)
{
    size_t count = 0;
    for (size_t i = 0; i < tenant->key_count; i++)
        count += tenant->keys[i].role == ROLE_ADMINISTRATOR;
    return count;
}

int remove_key(struct operation_call *call, struct error *err)
{
    struct key_request wanted;
    struct api_key key;
    struct tenant tenant;
    if (read_key(call, ROLE_DEVELOPER, &wanted, &key, err) < 0)
        return -1;
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(call->controller);
    (void)held;
    if (tenant_load(call->controller, call->arena, call->caller->tenant, &tenant, err) < 0)
        return -1;
    size_t at = find_key(&tenant, key.hash);
    if (at == tenant.key_count)
        return error_set(err, ERROR_NOT_FOUND, "the key is not enrolled");
    bool was_administrator = tenant.keys[at].role == ROLE_ADMINISTRATOR;
    if (was_administrator && administrators(&tenant) == 1)
        return error_set(err, ERROR_CONFLICT, "it is the last administrator's key: enrol another one first");
    tenant.key_count--;
    memmove(&tenant.keys[at], &tenant.keys[at + 1], (tenant.key_count - at) * sizeof *tenant.keys);
    if (tenant_save(call->controller, call->arena, &tenant, err) < 0)
        return -1;
    log_info("key removed", "tenant", tenant.name, "key", key.hash, "by", call->caller->signer.public_key_hash, NULL);
    call->answer = keys_view(&tenant);
    return 0;
}
