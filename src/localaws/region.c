#include "localaws/region.h"

#include "base/random.h"
#include "base/text.h"
#include "localaws/resource/resource.h"
#include "localaws/state.h"

#include <string.h>

enum { DEFAULT_ROLE_SESSION_S = 6 * 3600, DEFAULT_REMEMBERED_MS = 3600 * 1000 };

struct account *region_account(struct region *region, const char *id)
{
    struct account *account = region->accounts;
    while (account && !text_equal(account->id, id))
        account = account->next;
    return account;
}

/* Accounts keep the order in which they were made: the first is the vendor of images. */
struct account *region_account_create(struct region *region, const char *id)
{
    struct account *account = memory_alloc(sizeof *account);
    strncpy(account->id, id, sizeof account->id - 1);
    struct account **end = &region->accounts;
    while (*end)
        end = &(*end)->next;
    *end = account;
    for (size_t i = 0; i < region->module_count; i++)
        if (region->module_table[i]->account_created)
            region->module_table[i]->account_created(region, account);
    return account;
}

char *region_identifier(struct region *region, struct arena *arena, const char *prefix)
{
    (void)region;
    return arena_format(arena, "%s-0%s", prefix, random_hex(arena, 16));
}

void region_changed(struct region *region)
{
    region_lock(region);
    region->changed_modules = ~0u;
    registry_of(region)->filings.unknown = true;
    pthread_mutex_unlock(&region->lock);
    state_saver_wake(region->saver);
}

void account_changed(struct region *region, struct account *account)
{
    region_lock(region);
    region->changed_modules = ~0u;
    account->unknown = true;
    pthread_mutex_unlock(&region->lock);
    state_saver_wake(region->saver);
}

void region_lock(struct region *region)
{
    pthread_mutex_lock(&region->lock);
}

void region_unlock(struct region **region)
{
    pthread_mutex_unlock(&(*region)->lock);
}

void region_open(struct region *region)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&region->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    if (!region->role_session_s)
        region->role_session_s = DEFAULT_ROLE_SESSION_S;
    if (!region->remembered_ms)
        region->remembered_ms = DEFAULT_REMEMBERED_MS;
}
