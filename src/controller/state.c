#include "controller/state.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

int state_prepare(struct store *store, struct error *err)
{
    static const char *const branches[] = {"/tenants", "/accounts", "/deployments", "/runs", "/unfinished"};
    for (size_t i = 0; i < COUNT_OF(branches); i++)
        if (store_make_path(store, branches[i], err) < 0)
            return -1;
    return 0;
}

/* The store says why in `err`; what kind of trouble it is follows from the result. */
static int failed(enum store_result result, struct error *err)
{
    if (err && result == STORE_NONODE)
        err->kind = ERROR_NOT_FOUND;
    else if (err && result == STORE_EXISTS)
        err->kind = ERROR_CONFLICT;
    return -1;
}

static int load(struct controller *controller, struct arena *arena, const struct record *record, const char *path,
                void *object, struct error *err)
{
    char *text;
    size_t length;
    enum store_result result = store_get(controller->store, arena, path, &text, &length, NULL, err);
    if (result != STORE_OK)
        return failed(result, err);
    memset(object, 0, record->size); /* what the record does not have is empty */
    if (record_parse(record, arena, text, length, object, err) < 0) {
        if (err)
            err->kind = ERROR_INTERNAL;
        return error_context(err, "stored %s", path);
    }
    return 0;
}

static int save(struct controller *controller, struct arena *arena, const struct record *record, const char *path,
                const void *object, struct error *err)
{
    const char *text = record_text(record, arena, object);
    enum store_result result =
        store_set(controller->store, path, text, strlen(text), STORE_ANY_VERSION, err);
    return result == STORE_OK ? 0 : failed(result, err);
}

static int children(struct controller *controller, struct arena *arena, const char *path, char ***names,
                    size_t *count, struct error *err)
{
    enum store_result result = store_children(controller->store, arena, path, names, count, err);
    return result == STORE_OK ? 0 : failed(result, err);
}

static struct store_operation write_operation(enum store_operation_kind kind, struct arena *arena, const char *path,
                                              const struct record *record, const void *object)
{
    const char *text = record ? record_text(record, arena, object) : "";
    return (struct store_operation){
        .kind = kind, .path = path, .value = text, .length = strlen(text), .version = STORE_ANY_VERSION};
}

static char *tenant_path(struct arena *arena, const char *name)
{
    return arena_format(arena, "/tenants/%s", name);
}

int tenant_load(struct controller *controller, struct arena *arena, const char *name, struct tenant *tenant,
                struct error *err)
{
    return load(controller, arena, &tenant_record, tenant_path(arena, name), tenant, err);
}

int tenant_create(struct controller *controller, struct arena *arena, const struct tenant *tenant, struct error *err)
{
    const char *text = record_text(&tenant_record, arena, tenant);
    enum store_result result = store_create(controller->store, tenant_path(arena, tenant->name), text, strlen(text), 0,
                                            NULL, err);
    return result == STORE_OK ? 0 : failed(result, err);
}

int tenant_save(struct controller *controller, struct arena *arena, const struct tenant *tenant, struct error *err)
{
    return save(controller, arena, &tenant_record, tenant_path(arena, tenant->name), tenant, err);
}

int tenant_names(struct controller *controller, struct arena *arena, char ***names, size_t *count, struct error *err)
{
    return children(controller, arena, "/tenants", names, count, err);
}

int account_owner(struct controller *controller, struct arena *arena, const char *account, const char **tenant,
                  struct error *err)
{
    struct account found;
    struct error why = {0};
    *tenant = NULL;
    if (load(controller, arena, &account_record, arena_format(arena, "/accounts/%s", account), &found, &why) == 0) {
        *tenant = found.tenant;
        return 0;
    }
    if (why.kind == ERROR_NOT_FOUND)
        return 0;
    if (err)
        *err = why;
    return -1;
}

int account_register(struct controller *controller, struct arena *arena, const char *tenant_name, const char *account,
                     struct error *err)
{
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(controller);
    (void)held;
    struct tenant tenant;
    if (tenant_load(controller, arena, tenant_name, &tenant, err) < 0)
        return -1;
    if (tenant.account_count == ACCOUNTS_MOST)
        return error_set(err, ERROR_INVALID, "tenant %s has %d accounts, the most there can be", tenant_name,
                         ACCOUNTS_MOST);
    char **accounts = arena_alloc(arena, (tenant.account_count + 1) * sizeof *accounts);
    if (tenant.account_count)
        memcpy(accounts, tenant.accounts, tenant.account_count * sizeof *accounts);
    accounts[tenant.account_count++] = arena_strdup(arena, account);
    tenant.accounts = accounts;
    const struct account made = {account, tenant_name, clock_now_ms()};
    const struct store_operation both[] = {
        write_operation(STORE_CREATE, arena, arena_format(arena, "/accounts/%s", account), &account_record, &made),
        write_operation(STORE_SET, arena, tenant_path(arena, tenant_name), &tenant_record, &tenant),
    };
    enum store_result result = store_multi(controller->store, both, COUNT_OF(both), NULL, err);
    if (result == STORE_EXISTS)
        return error_set(err, ERROR_CONFLICT, "account %s is registered already", account);
    return result == STORE_OK ? 0 : failed(result, err);
}

char *deployment_name(struct arena *arena, const struct deployment *deployment)
{
    return arena_format(arena, "%s:%s:%s:%s", deployment->tenant, deployment->application, deployment->instance,
                        deployment->zone);
}

static char *deployment_path(struct arena *arena, const char *name)
{
    return arena_format(arena, "/deployments/%s", name);
}

int deployment_load(struct controller *controller, struct arena *arena, const char *name,
                    struct deployment *deployment, struct error *err)
{
    return load(controller, arena, &deployment_record, deployment_path(arena, name), deployment, err);
}

int deployment_names(struct controller *controller, struct arena *arena, const char *prefix, char ***names,
                     size_t *count, struct error *err)
{
    size_t all, kept = 0;
    if (children(controller, arena, "/deployments", names, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all; i++)
        if (text_starts((*names)[i], prefix))
            (*names)[kept++] = (*names)[i];
    *count = kept;
    return 0;
}

int deployment_mark_deleting(struct controller *controller, struct arena *arena, struct deployment *deployment,
                             struct error *err)
{
    const char *name = deployment_name(arena, deployment);
    const char *marker = arena_format(arena, "/unfinished/%s", name);
    if (store_make_path(controller->store, marker, err) < 0)
        return -1;
    deployment->deleting = true;
    return save(controller, arena, &deployment_record, deployment_path(arena, name), deployment, err);
}

int deployment_forget(struct controller *controller, const char *name, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    enum store_result result =
        store_delete(controller->store, deployment_path(arena, name), STORE_ANY_VERSION, err);
    return result == STORE_OK || result == STORE_NONODE ? 0 : failed(result, err);
}

static char *run_path(struct arena *arena, const char *deployment, int64_t number)
{
    return arena_format(arena, "/runs/%s/%010lld", deployment, (long long)number);
}

int run_numbers(struct controller *controller, struct arena *arena, const char *deployment, int64_t **numbers,
                size_t *count, struct error *err)
{
    char **names;
    struct error why = {0};
    *count = 0;
    if (children(controller, arena, arena_format(arena, "/runs/%s", deployment), &names, count, &why) < 0) {
        if (why.kind == ERROR_NOT_FOUND)
            return 0;
        if (err)
            *err = why;
        return -1;
    }
    *numbers = arena_alloc(arena, *count * sizeof **numbers);
    for (size_t i = 0; i < *count; i++)
        (*numbers)[i] = strtoll(names[i], NULL, 10);
    return 0;
}

int run_next_number(struct controller *controller, struct arena *arena, const char *deployment, int64_t *number,
                    struct error *err)
{
    int64_t *numbers;
    size_t count;
    if (run_numbers(controller, arena, deployment, &numbers, &count, err) < 0)
        return -1;
    *number = count ? numbers[count - 1] + 1 : 1;
    for (size_t i = 0; i + RUNS_KEPT <= count; i++)
        store_delete(controller->store, run_path(arena, deployment, numbers[i]), STORE_ANY_VERSION, NULL);
    return 0;
}

int run_create(struct controller *controller, struct arena *arena, struct deployment *deployment, struct run *run,
               struct error *err)
{
    const char *name = deployment_name(arena, deployment);
    const char *runs = arena_format(arena, "/runs/%s", name), *path = deployment_path(arena, name);
    const char *marker = arena_format(arena, "/unfinished/%s", name);
    deployment->last_run = run->number;
    if (store_make_path(controller->store, runs, err) < 0)
        return -1;
    bool marked = store_exists(controller->store, marker, NULL, NULL) == STORE_OK;
    bool known = store_exists(controller->store, path, NULL, NULL) == STORE_OK;
    const struct store_operation all[] = {
        write_operation(STORE_CREATE, arena, run_path(arena, name, run->number), &run_record, run),
        write_operation(known ? STORE_SET : STORE_CREATE, arena, path, &deployment_record, deployment),
        write_operation(marked ? STORE_SET : STORE_CREATE, arena, marker, NULL, NULL),
    };
    enum store_result result = store_multi(controller->store, all, COUNT_OF(all), NULL, err);
    return result == STORE_OK ? 0 : failed(result, err);
}

int run_load(struct controller *controller, struct arena *arena, const char *deployment, int64_t number,
             struct run *run, struct error *err)
{
    return load(controller, arena, &run_record, run_path(arena, deployment, number), run, err);
}

int run_save(struct controller *controller, struct arena *arena, const char *deployment, const struct run *run,
             struct error *err)
{
    return save(controller, arena, &run_record, run_path(arena, deployment, run->number), run, err);
}

int unfinished_names(struct controller *controller, struct arena *arena, char ***names, size_t *count,
                     struct error *err)
{
    return children(controller, arena, "/unfinished", names, count, err);
}

int unfinished_clear(struct controller *controller, const char *name, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    enum store_result result = store_delete(controller->store, arena_format(arena, "/unfinished/%s", name),
                                            STORE_ANY_VERSION, err);
    return result == STORE_OK || result == STORE_NONODE ? 0 : failed(result, err);
}
