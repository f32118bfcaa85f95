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

static int revoked(struct error *err, const char *why)
{
    return error_code(err, ERROR_FORBIDDEN, "CERTIFICATE_REVOKED", "Certificate revoked: %s", why);
}

/* The first record of an instance; ERROR_CONFLICT when somebody was faster. */
static int create(struct store *store, struct arena *arena, const struct instance_name *instance,
                  const struct serial_record *record, struct error *err)
{
    char *parent = arena_format(arena, ROOT "/%s/%s", instance->provider, instance->principal);
    char *text = record_text(&serial_record, arena, record);
    if (store_make_path(store, parent, err) < 0)
        return -1;
    enum store_result result =
        store_create(store, instance_path(arena, instance), text, strlen(text), 0, NULL, err);
    return result == STORE_OK ? 0 : -1;
}

static struct serial_record first_record(const char *previous, const struct serial_change *change)
{
    int64_t now_ms = clock_now_ms();
    return (struct serial_record){.current = change->serial,
                                  .previous = previous,
                                  .registered_ms = now_ms,
                                  .changed_ms = now_ms,
                                  .expires_ms = change->expires_ms,
                                  .client_ip = change->client_ip};
}

int serials_register(struct store *store, const struct instance_name *instance,
                     const struct serial_change *change, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct serial_record record = first_record(change->serial, change);
    char *text = record_text(&serial_record, arena, &record);
    enum store_result result =
        store_set(store, instance_path(arena, instance), text, strlen(text), STORE_ANY_VERSION, err);
    if (result != STORE_NONODE)
        return result == STORE_OK ? 0 : -1;
    error_clear(err);
    return create(store, arena, instance, &record, err);
}

/* ERROR_NOT_FOUND when there is none. */
static int load(struct store *store, struct arena *arena, const struct instance_name *instance,
                struct serial_record *record, int32_t *version, struct error *err)
{
    char *text;
    size_t length;
    struct store_stat stat;
    if (store_get(store, arena, instance_path(arena, instance), &text, &length, &stat, err) != STORE_OK)
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

/* Was it issued before these records began? Certificates say when to the second. */
static bool predates_records(struct store *store, const struct presented_serial *presented)
{
    struct store_stat stat;
    return store_exists(store, ROOT, &stat, NULL) == STORE_OK &&
           presented->issued_ms + 1000 <= stat.created_ms;
}

static int refresh_unrecorded(struct store *store, struct arena *arena, const struct instance_name *instance,
                              const struct presented_serial *presented, const struct serial_change *change,
                              struct error *err)
{
    if (!predates_records(store, presented))
        return revoked(err, "there is no record of it; register again");
    struct serial_record record = first_record(presented->serial, change);
    if (create(store, arena, instance, &record, err) < 0)
        return -1;
    log_warning("certificate is older than our records: its line begins anew", "principal",
                instance->principal, "instance", instance->instance_id, "client", change->client_ip, NULL);
    return 0;
}

int serials_refresh(struct store *store, const struct instance_name *instance,
                    const struct presented_serial *presented, const struct serial_change *change,
                    struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct serial_record record = {0};
    struct error failure = {0};
    int32_t version;
    if (load(store, arena, instance, &record, &version, &failure) < 0) {
        if (failure.kind == ERROR_NOT_FOUND)
            return refresh_unrecorded(store, arena, instance, presented, change, err);
        return error_set(err, failure.kind, "%s", failure.message);
    }
    if (record.revoked)
        return revoked(err, "two have held this instance's key; register again");
    if (!is_known(&record, presented->serial)) {
        record.revoked = true;
        if (save(store, arena, instance, &record, version, err) < 0)
            return -1;
        log_warning("certificate revoked: a serial that is not current refreshed", "principal",
                    instance->principal, "instance", instance->instance_id, "client", change->client_ip,
                    NULL);
        return revoked(err, "its serial is neither the current one nor the one before; register again");
    }
    record.previous = presented->serial;
    record.current = change->serial;
    record.changed_ms = clock_now_ms();
    record.expires_ms = change->expires_ms;
    record.client_ip = change->client_ip;
    return save(store, arena, instance, &record, version, err);
}

int serials_check(struct store *store, const struct instance_name *instance,
                  const struct presented_serial *presented, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct serial_record record = {0};
    struct error failure = {0};
    int32_t version;
    if (load(store, arena, instance, &record, &version, &failure) < 0) {
        if (failure.kind == ERROR_NOT_FOUND)
            return predates_records(store, presented) ? 0 : revoked(err, "register again");
        return error_set(err, failure.kind, "%s", failure.message);
    }
    return record.revoked || !is_known(&record, presented->serial) ? revoked(err, "register again") : 0;
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
