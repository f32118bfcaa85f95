/* Which hosts are launched together: those of one cluster that want the same type in the same zone. What is
 * decided is written before EC2 is asked, so that whoever asks again asks for exactly the same. */
#include "base/text.h"
#include "configserver/maintain/hosts.h"
#include "identity/key.h"

#include <string.h>

enum { SYSTEM_DISK_GB = 16 }; /* for the host itself, beside its node's */

static bool is_of(const struct host *host, const char *application, const char *cluster)
{
    return text_equal(host->application, application) && text_equal(host->cluster, cluster);
}

static const struct host_subnet *subnet_in(const struct place *place, const char *availability_zone)
{
    for (size_t i = 0; i < place->host_subnet_count; i++)
        if (text_equal(place->host_subnets[i].availability_zone, availability_zone))
            return &place->host_subnets[i];
    return NULL;
}

/* Another one for each launch, even where chance begins anew with each start. It says how many it is of,
 * since some of them may be forgotten when it is asked again. */
static char *new_token(struct account_pass *pass, const struct view *view, const struct host *first,
                       size_t count)
{
    const char *seed = arena_format(pass->arena, "%s %s %lld %lld %llx", zone_counters(view)->repository_id,
                                    first->hostname, (long long)first->launches, (long long)first->refusals,
                                    (unsigned long long)zone_random(pass->zone, INT64_MAX));
    return arena_format(pass->arena, "%.40s-%zu", sha256_hex(pass->arena, seed, strlen(seed)), count);
}

static size_t count_in(const char *token)
{
    char **parts;
    int64_t count = 0;
    cleanup(arena_free) struct arena *arena = arena_new();
    size_t part_count = text_split(arena, token, '-', &parts);
    return part_count == 2 && text_number(parts[1], 1, 1000, "token", &count, NULL) == 0 ? (size_t)count : 1;
}

static int disk_of(const struct view *view, const struct host *host)
{
    if (host->disk_gb > 0)
        return (int)host->disk_gb + SYSTEM_DISK_GB;
    const struct application *application = view_find(view, RECORD_APPLICATION, host->application);
    const struct cluster *cluster = application ? application_cluster(application, host->cluster) : NULL;
    return (int)(cluster ? cluster->disk_gb : 0) + SYSTEM_DISK_GB;
}

static void describe(struct account_pass *pass, const struct view *view, const struct host *host,
                     struct batch *batch)
{
    struct arena *arena = pass->arena;
    batch->application = arena_strdup(arena, host->application);
    batch->tenant = arena_strdup(arena, host->tenant);
    batch->cluster = arena_strdup(arena, host->cluster);
    batch->type = arena_strdup(arena, host->instance_type);
    batch->availability_zone = arena_strdup(arena, host->availability_zone);
    batch->disk_gb = disk_of(view, host);
    batch->refusals = host->refusals;
}

static void put_name(struct account_pass *pass, struct batch *batch, const struct host *host, size_t *named)
{
    size_t index = (size_t)host->launch_index;
    if (!text_equal(host->launch_token, batch->token) || index >= batch->count || batch->hostnames[index])
        return;
    batch->hostnames[index] = arena_strdup(pass->arena, host->hostname);
    (*named)++;
}

/* All that were launched with this host, in whatever state they are by now. */
static void take_again(struct account_pass *pass, const struct view *view, const struct host *host,
                       struct batch *batch)
{
    size_t named = 0;
    *batch = (struct batch){.token = arena_strdup(pass->arena, host->launch_token),
                            .count = count_in(host->launch_token)};
    if (batch->count <= (size_t)host->launch_index)
        batch->count = (size_t)host->launch_index + 1;
    batch->hostnames = arena_alloc(pass->arena, (batch->count + 1) * sizeof *batch->hostnames);
    describe(pass, view, host, batch);
    view_each_of(view, HOSTS_OF_APPLICATION, host->application, struct host, other)
        put_name(pass, batch, other, &named);
    if (named < batch->count) /* those that were deprovisioned meanwhile are in no index */
        view_each(view, RECORD_HOST, struct host, other)
            put_name(pass, batch, other, &named);
    batch->whole = named == batch->count && named > 0;
}

/* The cheapest type, until it is refused; the zone allocation chose, if it is there. */
static void choose_first(const struct view *view, const struct place *place, struct host *host)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, host->application);
    const struct cluster *cluster = application ? application_cluster(application, host->cluster) : NULL;
    if (host->refusals == 0 && cluster)
        host->instance_type = cluster->instance_type;
    if (!subnet_in(place, host->availability_zone))
        host->availability_zone =
            place->host_subnets[(size_t)host->index % place->host_subnet_count].availability_zone;
}

/* After instances that ended before they came to us the next waits ever longer. */
static bool must_wait_first(const struct zone *zone, struct host *host)
{
    if (host->failures == 0 || host->launch_after >= host->state_since)
        return false;
    int64_t wait = zone->limits->relaunch_first << (host->failures < 12 ? host->failures - 1 : 11);
    int64_t longest = zone->limits->relaunch_longest;
    host->launch_after = host->state_since + (wait < longest ? wait : longest);
    return true;
}

static size_t largest_batch(const struct zone *zone, const struct place *place, const struct view *view,
                            const struct host *host)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, host->application);
    const struct cluster *cluster = application ? application_cluster(application, host->cluster) : NULL;
    int64_t choices =
        (int64_t)place->host_subnet_count * (1 + (cluster ? (int64_t)cluster->other_type_count : 0));
    int64_t rounds = host->refusals / choices;
    int64_t most = rounds < 16 ? zone->limits->launch_batch >> rounds : 0;
    return most > 1 ? (size_t)most : 1;
}

static bool alike(const struct host *a, const struct host *b)
{
    return text_equal(a->instance_type, b->instance_type) &&
           text_equal(a->availability_zone, b->availability_zone) && a->disk_gb == b->disk_gb &&
           a->refusals == b->refusals;
}

struct taking {
    struct account_pass *pass;
    struct transaction *transaction;
    const struct view *view;
    const struct place *place;
    struct host *hosts;
    size_t count, most;
};

static void consider(struct taking *taking, const struct host *host)
{
    struct zone *zone = taking->pass->zone;
    struct host next = *host;
    if (host->state != HOST_WANTED || taking->count >= taking->most)
        return;
    if (must_wait_first(zone, &next)) {
        transaction_put(taking->transaction, RECORD_HOST, &next);
        host = &next;
    }
    if (host->launch_after > zone_now_ms(zone))
        return;
    choose_first(taking->view, taking->place, &next);
    if (taking->count > 0 && !alike(&next, &taking->hosts[0]))
        return;
    if (taking->count == 0) {
        size_t most = largest_batch(zone, taking->place, taking->view, &next);
        taking->most = most < taking->most ? most : taking->most;
    }
    taking->hosts[taking->count++] = next;
}

static void write_down(struct taking *taking, struct batch *batch)
{
    struct account_pass *pass = taking->pass;
    *batch = (struct batch){.token = new_token(pass, taking->view, &taking->hosts[0], taking->count),
                            .count = taking->count,
                            .whole = true};
    batch->hostnames = arena_alloc(pass->arena, taking->count * sizeof *batch->hostnames);
    describe(pass, taking->view, &taking->hosts[0], batch);
    for (size_t i = 0; i < taking->count; i++) {
        struct host *host = &taking->hosts[i];
        host->launch_token = batch->token;
        host->launch_index = (int64_t)i;
        batch->hostnames[i] = arena_strdup(pass->arena, host->hostname);
        transaction_put(taking->transaction, RECORD_HOST, host);
    }
}

int batch_take(struct account_pass *pass, const struct place *place, const char *application,
               const char *cluster, size_t room, struct batch *batch, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    const struct view *view = transaction_view(transaction);
    view_each_of(view, HOSTS_OF_APPLICATION, application, struct host, host)
        if (is_of(host, application, cluster) && host->state == HOST_WANTED && host->launch_token) {
            take_again(pass, view, host, batch);
            return 1;
        }
    struct taking taking = {pass, transaction, view, place, NULL, 0, room};
    taking.hosts = arena_alloc(pass->arena, (room < WRITES_MOST ? room : WRITES_MOST) * sizeof *taking.hosts);
    taking.most = room < WRITES_MOST ? room : WRITES_MOST;
    view_each_of(view, HOSTS_OF_APPLICATION, application, struct host, host)
        if (is_of(host, application, cluster))
            consider(&taking, host);
    if (taking.count > 0)
        write_down(&taking, batch);
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    return taking.count > 0;
}
