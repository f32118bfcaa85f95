#include "zts/serials.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/record.h"
#include "base/text.h"

#include <string.h>

#define ROOT "/instances"

struct serial_record {
    const char *current, *previous; /* hex */
    bool revoked;
    int64_t registered_ms, changed_ms, expires_ms;
    const char *client_ip;
};

#define LARGEST 9e15
static const struct field serial_fields[] = {
    FIELD_TEXT(struct serial_record, current, "current", REQUIRED, 64, NULL,
               "serial of the newest certificate"),
    FIELD_TEXT(struct serial_record, previous, "previous", REQUIRED, 64, NULL, "serial of the one before"),
    FIELD_BOOL(struct serial_record, revoked, "revoked", OPTIONAL, "a serial that was neither was presented"),
    FIELD_INTEGER(struct serial_record, registered_ms, "registeredAt", REQUIRED, 0, LARGEST,
                  "begin of the line"),
    FIELD_INTEGER(struct serial_record, changed_ms, "changedAt", REQUIRED, 0, LARGEST, "last certificate"),
    FIELD_INTEGER(struct serial_record, expires_ms, "expiresAt", REQUIRED, 0, LARGEST, "its end"),
    FIELD_TEXT(struct serial_record, client_ip, "clientIP", OPTIONAL, 64, NULL, "who asked for it"),
    FIELD_END,
};
static const struct record serial_record = {"serials", sizeof(struct serial_record), serial_fields};

int serials_open(struct store *store, struct error *err)
{
    return store_make_path(store, ROOT, err);
}

static char *instance_path(struct arena *arena, const struct instance_name *instance)
{
    return arena_format(arena, ROOT "/%s/%s/%s", instance->provider, instance->principal,
                        instance->instance_id);
}

int serials_register(struct store *store, const struct instance_name *instance,
                     const struct serial_change *change, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    int64_t now_ms = clock_now_ms();
    struct serial_record record = {.current = change->serial,
                                   .previous = change->serial,
                                   .registered_ms = now_ms,
                                   .changed_ms = now_ms,
                                   .expires_ms = change->expires_ms,
                                   .client_ip = change->client_ip};
    char *path = instance_path(arena, instance), *text = record_text(&serial_record, arena, &record);
    enum store_result result = store_set(store, path, text, strlen(text), STORE_ANY_VERSION, err);
    if (result != STORE_NONODE)
        return result == STORE_OK ? 0 : -1;
    error_clear(err);
    if (store_make_path(store, arena_format(arena, ROOT "/%s/%s", instance->provider, instance->principal),
                        err) < 0)
        return -1;
    result = store_create(store, path, text, strlen(text), 0, NULL, err);
    return result == STORE_OK ? 0 : -1;
}

static int revoked(struct error *err, const char *why)
{
    return error_code(err, ERROR_FORBIDDEN, "CERTIFICATE_REVOKED", "Certificate revoked: %s", why);
}

static int load(struct store *store, struct arena *arena, const struct instance_name *instance,
                struct serial_record *record, int32_t *version, struct error *err)
{
    char *text;
    size_t length;
    struct store_stat stat;
    enum store_result result =
        store_get(store, arena, instance_path(arena, instance), &text, &length, &stat, err);
    if (result == STORE_NONODE)
        return revoked(err, "there is no record of it; register again");
    if (result != STORE_OK)
        return -1;
    *version = stat.version;
    return record_parse(&serial_record, arena, text, length, record, err);
}

static int save(struct store *store, struct arena *arena, const struct instance_name *instance,
                const struct serial_record *record, int32_t version, struct error *err)
{
    char *text = record_text(&serial_record, arena, record);
    enum store_result result =
        store_set(store, instance_path(arena, instance), text, strlen(text), version, err);
    return result == STORE_OK ? 0 : -1;
}

static bool is_known(const struct serial_record *record, const char *serial)
{
    return text_equal(serial, record->current) || text_equal(serial, record->previous);
}

int serials_refresh(struct store *store, const struct instance_name *instance, const char *presented,
                    const struct serial_change *change, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct serial_record record = {0};
    int32_t version;
    if (load(store, arena, instance, &record, &version, err) < 0)
        return -1;
    if (record.revoked)
        return revoked(err, "two have held this instance's key; register again");
    if (!is_known(&record, presented)) {
        record.revoked = true;
        if (save(store, arena, instance, &record, version, err) < 0)
            return -1;
        log_warning("certificate revoked: a serial that is not current refreshed", "principal",
                    instance->principal, "instance", instance->instance_id, "client", change->client_ip,
                    NULL);
        return revoked(err, "its serial is neither the current one nor the one before; register again");
    }
    record.previous = arena_strdup(arena, presented);
    record.current = change->serial;
    record.changed_ms = clock_now_ms();
    record.expires_ms = change->expires_ms;
    record.client_ip = change->client_ip;
    return save(store, arena, instance, &record, version, err);
}

int serials_check(struct store *store, const struct instance_name *instance, const char *presented,
                  struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct serial_record record = {0};
    int32_t version;
    if (load(store, arena, instance, &record, &version, err) < 0)
        return -1;
    return record.revoked || !is_known(&record, presented) ? revoked(err, "register again") : 0;
}

/* One principal's records. Its own node stays: a registration may be about to use it. */
static int purge_principal(struct store *store, const char *provider, const char *principal,
                           int64_t before_ms, size_t *removed, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names, *parent = arena_format(arena, ROOT "/%s/%s", provider, principal);
    size_t count;
    if (store_children(store, arena, parent, &names, &count, err) != STORE_OK)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct instance_name instance = {provider, principal, names[i]};
        struct serial_record record = {0};
        int32_t version;
        if (load(store, arena, &instance, &record, &version, err) < 0)
            return -1;
        if (record.expires_ms < before_ms &&
            store_delete(store, instance_path(arena, &instance), version, NULL) == STORE_OK)
            ++*removed;
    }
    return 0;
}

int serials_purge(struct store *store, int64_t before_ms, size_t *removed, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **providers, **principals;
    size_t provider_count, principal_count;
    *removed = 0;
    if (store_children(store, arena, ROOT, &providers, &provider_count, err) != STORE_OK)
        return -1;
    for (size_t i = 0; i < provider_count; i++) {
        char *parent = arena_format(arena, ROOT "/%s", providers[i]);
        if (store_children(store, arena, parent, &principals, &principal_count, err) != STORE_OK)
            return -1;
        for (size_t j = 0; j < principal_count; j++)
            if (purge_principal(store, providers[i], principals[j], before_ms, removed, err) < 0)
                return -1;
    }
    return 0;
}
