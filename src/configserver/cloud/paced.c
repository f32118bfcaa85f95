#include "configserver/cloud/paced.h"

#include "base/text.h"

#include <pthread.h>

const char *const cloud_family_names[] = {"launches",         "changes",        "looks",
                                          "balancer changes", "balancer looks", NULL};

/* Source: EC2 API reference, "Request throttling for the Amazon EC2 API", per account and region; of the
 * other actions of each family the slowest. ELB's are not published: what bursts of ours got through. The one
 * beyond the families is of instances, not calls. */
enum { INSTANCES_BUCKET = CLOUD_FAMILIES, BUCKETS };
static const struct {
    double capacity, per_second;
} rates[BUCKETS] = {
    [CLOUD_LAUNCHES] = {5, 2},          [CLOUD_CHANGES] = {50, 5},         [CLOUD_LOOKS] = {50, 10},
    [CLOUD_BALANCER_CHANGES] = {20, 5}, [CLOUD_BALANCER_LOOKS] = {40, 10}, [INSTANCES_BUCKET] = {1000, 2},
};

enum { RECOVERY_MS = 60 * 1000, SLOWEST = 32, ACCOUNT_SLOTS = 1024 };
#define HELD_BACK "HELD_BACK"

struct bucket {
    double tokens, per_second;
    int64_t filled_ms, closed_until_ms;
};

struct account_buckets {
    struct account_buckets *next;
    char account[16];
    struct bucket buckets[BUCKETS];
};

struct paced_cloud {
    struct cloud interface;
    const struct cloud *cloud;
    const struct environment *environment;
    pthread_mutex_t lock; /* all below; never held over a call */
    struct account_buckets *accounts[ACCOUNT_SLOTS];
    struct cloud_calls calls[CLOUD_FAMILIES];
};

static struct account_buckets *buckets_of(struct paced_cloud *paced, const char *account, int64_t now)
{
    unsigned slot = 5381;
    for (const char *at = account; *at; at++)
        slot = slot * 33 + (unsigned char)*at;
    struct account_buckets **first = &paced->accounts[slot % ACCOUNT_SLOTS], *found = *first;
    while (found && !text_equal(found->account, account))
        found = found->next;
    if (found)
        return found;
    found = memory_alloc(sizeof *found);
    for (size_t i = 0; i + 1 < sizeof found->account && account[i]; i++)
        found->account[i] = account[i];
    for (size_t i = 0; i < BUCKETS; i++)
        found->buckets[i] = (struct bucket){rates[i].capacity, rates[i].per_second, now, 0};
    found->next = *first;
    return *first = found;
}

static void fill(struct bucket *bucket, size_t which, int64_t now)
{
    double seconds = (double)(now - bucket->filled_ms) / 1000, full = rates[which].per_second;
    if (seconds <= 0)
        return;
    bucket->filled_ms = now;
    bucket->tokens += seconds * bucket->per_second;
    if (bucket->tokens > rates[which].capacity)
        bucket->tokens = rates[which].capacity;
    bucket->per_second += full * seconds * 1000 / RECOVERY_MS;
    if (bucket->per_second > full)
        bucket->per_second = full;
}

static bool has(struct bucket *buckets, size_t which, double amount, int64_t now)
{
    fill(&buckets[which], which, now);
    return now >= buckets[which].closed_until_ms && buckets[which].tokens + 1e-6 >= amount;
}

/* What one of the cloud's calls costs: as many of AWS's, and instances. */
struct cost {
    double calls;
    size_t instances;
};

static int take_tokens(struct paced_cloud *paced, const struct account *account, enum cloud_family family,
                       struct cost cost, struct error *err)
{
    int64_t now = environment_now_ms(paced->environment);
    pthread_mutex_lock(&paced->lock);
    struct bucket *buckets = buckets_of(paced, account->id, now)->buckets;
    bool may =
        has(buckets, family, cost.calls, now) && has(buckets, INSTANCES_BUCKET, (double)cost.instances, now);
    if (may) {
        buckets[family].tokens -= cost.calls;
        buckets[INSTANCES_BUCKET].tokens -= (double)cost.instances;
        paced->calls[family].made++;
    } else {
        paced->calls[family].held_back++;
    }
    pthread_mutex_unlock(&paced->lock);
    return may ? 0
               : error_code(err, ERROR_THROTTLED, HELD_BACK,
                            "account %s: AWS's rate of %s is used up for now", account->id,
                            cloud_family_names[family]);
}

/* Jitter, so that many accounts' calls do not come back together. */
static void slow_down(struct paced_cloud *paced, struct bucket *bucket, double full, int64_t now)
{
    bucket->per_second = bucket->per_second / 2 > full / SLOWEST ? bucket->per_second / 2 : full / SLOWEST;
    bucket->tokens = 0;
    int64_t pause = (int64_t)(1000 / bucket->per_second);
    uint64_t chance = paced->environment->random(paced->environment->context);
    bucket->closed_until_ms = now + pause / 2 + (int64_t)(chance % (uint64_t)(pause + 1));
}

static int heed(struct paced_cloud *paced, const struct account *account, enum cloud_family family,
                int result, const struct error *err)
{
    if (result == 0)
        return 0;
    int64_t now = environment_now_ms(paced->environment);
    bool throttled = err && err->kind == ERROR_THROTTLED;
    pthread_mutex_lock(&paced->lock);
    if (throttled) {
        struct bucket *bucket = &buckets_of(paced, account->id, now)->buckets[family];
        fill(bucket, family, now);
        slow_down(paced, bucket, rates[family].per_second, now);
        paced->calls[family].throttled++;
    } else {
        paced->calls[family].failed++;
    }
    pthread_mutex_unlock(&paced->lock);
    return -1;
}

/* The member of the cloud at its family's pace: so many calls of it (see aws_*.c; more pages cost no more).
 */
#define PACE(family, calls, instances, member, ...)                                              \
    struct paced_cloud *paced = context;                                                         \
    if (take_tokens(paced, account, family, (struct cost){(double)(calls), instances}, err) < 0) \
        return -1;                                                                               \
    return heed(paced, account, family, paced->cloud->member(paced->cloud->context, __VA_ARGS__), err)

static int launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err)
{
    PACE(CLOUD_LAUNCHES, 1, launch->host_count, launch, account, place, launch, arena, instances, err);
}

static int list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err)
{
    PACE(CLOUD_LOOKS, 1, 0, list, account, owner, arena, instances, count, err);
}

static int name_instance(void *context, const struct account *account, const char *instance_id,
                         const char *hostname, struct error *err)
{
    PACE(CLOUD_CHANGES, 1, 0, name_instance, account, instance_id, hostname, err);
}

static int remove_disks(void *context, const struct account *account, const char *owner,
                        int64_t older_than_ms, struct arena *arena, const char ***removed, size_t *count,
                        struct error *err)
{
    PACE(CLOUD_LOOKS, 2, 0, remove_disks, account, owner, older_than_ms, arena, removed, count, err);
}

static int terminate(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err)
{
    PACE(CLOUD_CHANGES, 1, 0, terminate, account, instance_ids, count, err);
}

static int events(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **found, size_t *count, struct error *err)
{
    PACE(CLOUD_LOOKS, 3, 0, events, account, owner, arena, found, count, err);
}

static int make_balancer(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err)
{
    PACE(CLOUD_BALANCER_CHANGES, 5, 0, make_balancer, account, place, plan, arena, balancer, err);
}

static int list_balancers(void *context, const struct account *account, const char *owner,
                          struct arena *arena, struct balancer **balancers, size_t *count, struct error *err)
{
    PACE(CLOUD_BALANCER_LOOKS, 4, 0, list_balancers, account, owner, arena, balancers, count, err);
}

static int targets(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **found, size_t *count, struct error *err)
{
    PACE(CLOUD_BALANCER_LOOKS, 1, 0, targets, account, group_arn, arena, found, count, err);
}

static int change_targets(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err)
{
    PACE(CLOUD_BALANCER_CHANGES, (added_count > 0) + (removed_count > 0), 0, change_targets, account,
         group_arn, added, added_count, removed, removed_count, err);
}

static int remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err)
{
    PACE(CLOUD_BALANCER_CHANGES, 1, 0, remove_balancer, account, name, gone, err);
}

/* Somebody waits for its answer: never held back, but what comes after it is. */
enum { PLACE_LOOKS = 5 };

static int find_place(void *context, const struct account *account, struct arena *arena, struct place *place,
                      struct error *err)
{
    struct paced_cloud *paced = context;
    int64_t now = environment_now_ms(paced->environment);
    pthread_mutex_lock(&paced->lock);
    struct bucket *looks = &buckets_of(paced, account->id, now)->buckets[CLOUD_LOOKS];
    fill(looks, CLOUD_LOOKS, now);
    looks->tokens -= PLACE_LOOKS;
    paced->calls[CLOUD_LOOKS].made++;
    pthread_mutex_unlock(&paced->lock);
    return heed(paced, account, CLOUD_LOOKS,
                paced->cloud->find_place(paced->cloud->context, account, arena, place, err), err);
}

static int name_resolves(void *context, const char *name, bool *resolves, struct error *err)
{
    const struct paced_cloud *paced = context;
    return paced->cloud->name_resolves(paced->cloud->context, name, resolves, err);
}

struct paced_cloud *paced_cloud_new(const struct cloud *cloud, const struct environment *environment)
{
    struct paced_cloud *paced = memory_alloc(sizeof *paced);
    paced->cloud = cloud;
    paced->environment = environment;
    pthread_mutex_init(&paced->lock, NULL);
    paced->interface = (struct cloud){
        .context = paced,
        .find_place = find_place,
        .launch = launch,
        .list = list,
        .name_instance = cloud->name_instance ? name_instance : NULL,
        .remove_disks = cloud->remove_disks ? remove_disks : NULL,
        .terminate = terminate,
        .events = events,
        .make_balancer = make_balancer,
        .list_balancers = list_balancers,
        .targets = targets,
        .change_targets = change_targets,
        .remove_balancer = remove_balancer,
        .name_resolves = name_resolves,
    };
    return paced;
}

void paced_cloud_free(struct paced_cloud **paced)
{
    struct paced_cloud *old = *paced;
    *paced = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < ACCOUNT_SLOTS; i++)
        while (old->accounts[i]) {
            struct account_buckets *first = old->accounts[i];
            old->accounts[i] = first->next;
            free(first);
        }
    pthread_mutex_destroy(&old->lock);
    free(old);
}

const struct cloud *paced_cloud_interface(const struct paced_cloud *paced)
{
    return &paced->interface;
}

bool cloud_held_back(const struct error *err)
{
    return text_equal(err->code, HELD_BACK);
}

struct cloud_calls paced_cloud_calls(struct paced_cloud *paced, enum cloud_family family)
{
    pthread_mutex_lock(&paced->lock);
    struct cloud_calls calls = paced->calls[family];
    pthread_mutex_unlock(&paced->lock);
    return calls;
}
