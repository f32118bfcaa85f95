/* Hosts that are wanted become instances, several by one call, at the pace of the account. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/cloud/places.h"
#include "configserver/decide/instance_types.h"
#include "configserver/maintain/hosts.h"
#include "zone/host_config.h"

#include <string.h>

static bool is_to_launch(const struct host *host, int64_t now_ms)
{
    return host->state == HOST_WANTED && host->launch_after <= now_ms;
}

bool hosts_to_launch(const struct view *view, const char *account, int64_t now_ms)
{
    view_each_of(view, HOSTS_OF_ACCOUNT, account, struct host, host)
        if (is_to_launch(host, now_ms))
            return true;
    return false;
}

/* Of several each finds its own name by its launch index. */
static const char *user_data(struct account_pass *pass, const struct batch *batch, const struct place *place)
{
    const struct config *config = pass->zone->config;
    const struct zone_id *zone = &pass->zone->id;
    struct host_config told = {
        .zone = config->zone,
        .tenant = batch->tenant,
        .athenz_domain = arena_format(pass->arena, VESPA_DOMAIN ".tenant.%s", batch->tenant),
        .athenz_service = "tenant-host",
        .athenz_provider = zone_provider_name(pass->arena, zone),
        .bootstrap_url = config->bootstrap_url,
        .configserver_identity = zone_configserver_name(pass->arena, zone),
        .zts_url = config->public_zts_url,
        .ca_certificates = config->ca_certificates,
        .aws_region = config->aws_region,
        .archive_bucket = place->archive_bucket,
    };
    if (batch->count == 1)
        told.hostname = batch->hostnames[0];
    told.hostnames = batch->hostnames;
    told.hostname_count = batch->count == 1 ? 0 : batch->count;
    return record_text(&host_config_record, pass->arena, &told);
}

static const char *image_for(const struct place *place, const char *type_name)
{
    const struct instance_type *type = instance_type_find(type_name);
    for (size_t i = 0; type && i < place->image_count; i++)
        if (text_equal(place->images[i].architecture, type->architecture))
            return place->images[i].id;
    return place->images[0].id; /* EC2 says what is wrong with it */
}

static const char *subnet_in(const struct place *place, const char *availability_zone)
{
    for (size_t i = 0; i < place->host_subnet_count; i++)
        if (text_equal(place->host_subnets[i].availability_zone, availability_zone))
            return place->host_subnets[i].id;
    return place->host_subnets[0].id;
}

static int launch(struct account_pass *pass, const struct place *place, const struct batch *batch,
                  struct instance *instances, struct error *err)
{
    VIEW(view, pass->zone->repository);
    const struct application *application = view_find(view, RECORD_APPLICATION, batch->application);
    const struct cluster *cluster = application ? application_cluster(application, batch->cluster) : NULL;
    struct application_id names;
    application_names(pass->arena, batch->application, &names);
    const struct launch launch = {
        .token = batch->token,
        .hostnames = batch->hostnames,
        .host_count = batch->count,
        .tenant = batch->tenant,
        .application = names.application,
        .instance = names.instance,
        .cluster = batch->cluster,
        .owner = zone_counters(view)->repository_id,
        .type = batch->type,
        .subnet = subnet_in(place, batch->availability_zone),
        .image = image_for(place, batch->type),
        .user_data = user_data(pass, batch, place),
        .disk_gb = batch->disk_gb,
        .tags = cluster ? cluster->tags : NULL,
        .tag_count = cluster ? cluster->tag_count : 0,
    };
    const struct cloud *cloud = pass->zone->cloud;
    return cloud->launch(cloud->context, pass->account, place, &launch, pass->arena, instances, err);
}

/* The launch was asked for before, but cannot be asked for again in the same way: what there is of it is
 * listed; hosts without an instance get another launch. Should one of the first turn up later, it is an
 * orphan. */
static int find_launched(struct account_pass *pass, const struct batch *batch, struct error *err)
{
    struct instance *listed, *instances = arena_alloc(pass->arena, batch->count * sizeof *instances);
    size_t count;
    if (list_instances(pass, &listed, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (text_equal(listed[i].token, batch->token) && listed[i].state < INSTANCE_STOPPED &&
            listed[i].launch_index < (int64_t)batch->count)
            instances[listed[i].launch_index] = listed[i];
    return batch_launched(pass, batch, instances, err);
}

enum next { GO_ON, STOP, FAILED };

static enum next launch_batch(struct account_pass *pass, const struct place *place, const struct batch *batch,
                              struct error *err)
{
    struct error trouble = {0};
    struct instance *instances = arena_alloc(pass->arena, (batch->count + 1) * sizeof *instances);
    if (!batch->whole)
        return find_launched(pass, batch, err) < 0 ? FAILED : GO_ON;
    if (launch(pass, place, batch, instances, &trouble) == 0)
        return batch_launched(pass, batch, instances, err) < 0 ? FAILED : GO_ON;
    if (trouble.kind == ERROR_THROTTLED) /* the same again, at the pace that is kept for us */
        return STOP;
    if (cloud_token_is_used(&trouble))
        return find_launched(pass, batch, err) < 0 ? FAILED : GO_ON;
    if (cloud_lacks_capacity(&trouble))
        return batch_refused(pass, place, batch, &trouble, err) < 0 ? FAILED : GO_ON;
    bool over = trouble.kind != ERROR_UNAVAILABLE && trouble.kind != ERROR_INTERNAL;
    places_forget(pass->zone, pass->account->id);
    if (batch_troubled(pass, batch, &trouble, over, err) < 0)
        return FAILED;
    if (!over)
        *err = trouble;
    return over ? GO_ON : FAILED; /* others would not be answered either */
}

/* A cluster with hosts to launch. */
struct group {
    const char *application, *cluster;
};

struct groups {
    struct group *items;
    size_t count, room;
};

static void add_group(struct account_pass *pass, struct groups *groups, size_t first, const struct host *host)
{
    for (size_t i = first; i < groups->count; i++)
        if (text_equal(groups->items[i].cluster, host->cluster))
            return;
    if (groups->count == groups->room) {
        struct group *grown = arena_alloc(pass->arena, (groups->room * 2 + 8) * sizeof *grown);
        if (groups->count)
            memcpy(grown, groups->items, groups->count * sizeof *grown);
        groups->items = grown;
        groups->room = groups->room * 2 + 8;
    }
    groups->items[groups->count++] = (struct group){arena_strdup(pass->arena, host->application),
                                                    arena_strdup(pass->arena, host->cluster)};
}

static struct groups find_groups(struct account_pass *pass, const struct view *view)
{
    struct groups groups = {0};
    view_each_of(view, APPLICATIONS_OF_ACCOUNT, pass->account->id, struct application, application) {
        size_t first = groups.count;
        view_each_of(view, HOSTS_OF_APPLICATION, application->id, struct host, host)
            if (is_to_launch(host, zone_now_ms(pass->zone)))
                add_group(pass, &groups, first, host);
    }
    return groups;
}

/* How many hosts may be launched before the first of those under way must come. */
static int64_t room_in(struct account_pass *pass, const struct view *view)
{
    int64_t room = pass->zone->limits->account_launches;
    view_each_of(view, HOSTS_OF_ACCOUNT, pass->account->id, struct host, host)
        room -= host->state == HOST_PROVISIONED;
    return room;
}

/* What Terraform should have made is not there: told once to whoever waits. */
static void tell_missing(struct account_pass *pass, const struct view *view, const struct group *group,
                         const struct error *trouble)
{
    struct error err = {0};
    const char *names[WRITES_MOST];
    struct batch waiting = {.application = group->application, .hostnames = names};
    view_each_of(view, HOSTS_OF_APPLICATION, group->application, struct host, host)
        if (host->state == HOST_WANTED && !host->launch_token && text_equal(host->cluster, group->cluster) &&
            !text_equal(host->trouble, trouble->message) && waiting.count < WRITES_MOST)
            names[waiting.count++] = host->hostname;
    if (waiting.count > 0 && batch_troubled(pass, &waiting, trouble, false, &err) < 0)
        log_error("trouble not written", "application", group->application, "error", err.message, NULL);
}

static int launch_group(struct account_pass *pass, const struct place *place, const struct group *group,
                        int64_t *room, enum next *next, struct error *err)
{
    for (*next = GO_ON; *next == GO_ON && *room > 0;) {
        struct batch batch;
        int taken = batch_take(pass, place, group->application, group->cluster, (size_t)*room, &batch, err);
        if (taken <= 0)
            return taken;
        *next = launch_batch(pass, place, &batch, err);
        *room -= (int64_t)batch.count;
    }
    return *next == FAILED ? -1 : 0;
}

int launch_hosts(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    struct place place;
    const struct groups groups = find_groups(pass, view);
    int64_t room = room_in(pass, view);
    enum next next = GO_ON;
    int result = places_find(pass->zone, pass->account, pass->arena, &place, err);
    for (size_t i = 0; result < 0 && i < groups.count; i++)
        tell_missing(pass, view, &groups.items[i], err);
    for (size_t i = 0; result == 0 && next == GO_ON && i < groups.count; i++)
        result = launch_group(pass, &place, &groups.items[i], &room, &next, err);
    return result;
}
