/* Accounts that cannot be reached, are throttled, lack capacity or their key. */
#include "configserver/simulator/faults_strikes.h"

/* An account that may have troubles; NULL when all are spared. */
static struct sim_account *pick_account(struct faults *faults)
{
    struct region *region = faults->world->region;
    struct sim_account *account =
        &region->accounts[chance_below(&faults->chance, (int64_t)region->account_count)];
    return account->spared ? NULL : account;
}

static void relieve(void *context, int64_t account_and_what)
{
    struct world *world = context;
    struct sim_account *account = &world->region->accounts[account_and_what / 8];
    switch (account_and_what % 8) {
    case 0:
        account->unreachable = false;
        break;
    case 1:
        account->throttled = false;
        break;
    case 2:
        account->loses = 0;
        break;
    case 3:
        account->lacks_types = 0;
        break;
    case 4:
        account->lacks_zones = 0;
        break;
    case 5:
        account->key_disabled = false;
        break;
    default:
        account->set_up = true;
    }
    world_say(world, "account %s is relieved", account->id);
}

/* For some time, and what it broke needs some more to become right. */
static void burden(struct faults *faults, struct sim_account *account, const char *name, int what,
                   int64_t mean_ms)
{
    struct world *world = faults->world;
    int64_t for_ms = MINUTE_MS + chance_around(&faults->chance, mean_ms);
    world_say(world, "account %s: %s for %lld s", account->id, name, (long long)for_ms / SECOND_MS);
    faults_trouble(world, account, for_ms + 5 * MINUTE_MS);
    clockwork_after(world->clockwork, for_ms, relieve, world, (account - world->region->accounts) * 8 + what);
}

void cut_account(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->unreachable = true;
    burden(faults, account, "unreachable", 0, 15 * MINUTE_MS);
}

void throttle_account(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->throttled = true;
    burden(faults, account, "throttled", 1, 20 * MINUTE_MS);
}

void lose_answers(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->loses = chance_is(&faults->chance, 0.5) ? 0.05 : 0.4;
    burden(faults, account, "answers get lost", 2, 30 * MINUTE_MS);
}

void lack_types(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->lacks_types = (unsigned)chance_next(&faults->chance) & 0xff;
    burden(faults, account, "no capacity of some types", 3, HOUR_MS);
}

void lack_zone(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->lacks_zones = 1U << chance_below(&faults->chance, REGION_ZONES);
    burden(faults, account, "no capacity in a zone", 4, HOUR_MS);
}

void disable_key(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->key_disabled = true;
    burden(faults, account, "the disks' key is disabled", 5, 20 * MINUTE_MS);
}

/* As when the tenant's Terraform is destroyed by mistake, and applied again. */
void take_down(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->set_up = false;
    burden(faults, account, "nothing of Terraform's is there", 6, 20 * MINUTE_MS);
}
