/* What the plane asks and tells, answered from the records under the region's lock. */
#include "localaws/ec2/instance.h"
#include "localaws/ec2/metadata.h"
#include "localaws/ec2/names.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/volume.h"
#include "localaws/front/dispatch.h"
#include "localaws/plane/plane.h"

#include "base/log.h"
#include "base/text.h"

#include <string.h>
#include <unistd.h>

#define WITH_REGION(context)                                      \
    struct region *region = (context);                            \
    region_lock(region);                                          \
    cleanup(region_unlock) struct region *locked_region = region; \
    (void)locked_region

static struct instance *instance_of(struct region *region, const char *id)
{
    return (struct instance *)(void *)resource_anywhere(region, &instance_kind, id);
}

static const char *instance_at(void *context, struct arena *arena, const char *vpc_id, const char *address)
{
    WITH_REGION(context);
    const struct interface *interface = interface_at(region, vpc_id, address);
    return interface ? arena_strdup(arena, interface->instance_id) : NULL;
}

static int metadata(void *context, struct arena *arena, const char *instance_id, const char *path,
                    char **text, const char **content_type, struct error *err)
{
    WITH_REGION(context);
    struct instance *instance = instance_of(region, instance_id);
    if (!instance || text_equal(instance->http_endpoint, "disabled"))
        return error_set(err, ERROR_NOT_FOUND, "no metadata for %s", instance_id);
    return metadata_get(instance, arena, path, text, content_type, err);
}

static int hop_limit(void *context, const char *instance_id, bool ipv6)
{
    WITH_REGION(context);
    const struct instance *instance = instance_of(region, instance_id);
    if (instance && (text_equal(instance->http_endpoint, "disabled") ||
                     (ipv6 && text_equal(instance->http_ipv6, "disabled"))))
        return 0;
    return instance ? (int)instance->hop_limit : 1;
}

static void running(void *context, const char *instance_id)
{
    WITH_REGION(context);
    struct instance *instance = instance_of(region, instance_id);
    if (instance && instance->state == INSTANCE_PENDING)
        instance_became(instance, INSTANCE_RUNNING);
    else if (instance && instance->state == INSTANCE_STOPPED) /* it ended while it was being rebooted */
        plane_stop_instance(region->plane, instance_id, false);
}

/* Whether a machine that ended by itself is gone for good: its first launch failed, or it wants to go when it
 * is shut down. One that ran before keeps its volume. */
static bool ends_for_good(const struct instance *instance)
{
    if (instance->state == INSTANCE_PENDING)
        return instance->launched_ms <= instance->resource.created_ms;
    return instance->state == INSTANCE_RUNNING && text_equal(instance->shutdown_behaviour, "terminate");
}

/* A stop that was asked for ends where it was going; one that was not is a failed launch or the instance's
 * own doing. */
static void stopped(void *context, const char *instance_id, const char *why)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    WITH_REGION(context);
    struct instance *instance = instance_of(region, instance_id);
    if (!instance || instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_STOPPED)
        return;
    if (instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING) {
        bool failed = instance->state == INSTANCE_PENDING;
        log_warning("an instance ended", "instance", instance_id, "why", why, NULL);
        instance_set_reason(
            instance, failed ? "Server.InternalError" : "Client.InstanceInitiatedShutdown",
            failed ? arena_format(arena, "Server.InternalError: Internal error on launch: %s", why)
                   : "Client.InstanceInitiatedShutdown: Instance initiated shutdown");
    }
    bool ends = instance->state == INSTANCE_SHUTTING_DOWN || ends_for_good(instance);
    instance_became(instance, ends ? INSTANCE_TERMINATED : INSTANCE_STOPPED);
}

static void disk_attached(void *context, const char *instance_id, const char *disk_id, const char *why)
{
    WITH_REGION(context);
    volume_became_attached(region, instance_id, disk_id, why);
}

static void disk_detached(void *context, const char *instance_id, const char *disk_id, bool done)
{
    WITH_REGION(context);
    volume_became_detached(region, instance_id, disk_id, done);
}

static const char *const *resolve(void *context, struct arena *arena, const char *vpc_id, const char *name)
{
    WITH_REGION(context);
    return names_resolve(region, arena, vpc_id, name);
}

static const char *name_of(void *context, struct arena *arena, const char *vpc_id, const char *address)
{
    WITH_REGION(context);
    return names_reverse(region, arena, vpc_id, address);
}

/* To an endpoint: the API answers there. */
static void connected(void *context, const char *endpoint_id, int connection)
{
    WITH_REGION(context);
    struct error err = {0};
    if (!region->api)
        close(connection);
    else if (http_server_take(region->api, API_SIDE, connection, &err) < 0)
        log_warning("endpoint does not answer", "endpoint", endpoint_id, "reason", err.message, NULL);
}

char *region_resolve(struct region *region, struct arena *arena, const char *name)
{
    const char *const *addresses = resolve(region, arena, NULL, name);
    return addresses ? arena_strdup(arena, addresses[0]) : NULL;
}

void ec2_plane_callbacks(struct region *region, struct plane_callbacks *callbacks)
{
    *callbacks = (struct plane_callbacks){
        .context = region,
        .instance_at = instance_at,
        .metadata = metadata,
        .metadata_hop_limit = hop_limit,
        .instance_running = running,
        .instance_stopped = stopped,
        .disk_attached = disk_attached,
        .disk_detached = disk_detached,
        .resolve = resolve,
        .name_of = name_of,
        .connected = connected,
    };
}
