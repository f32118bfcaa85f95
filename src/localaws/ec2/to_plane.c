#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/private_service.h"

#include "base/log.h"
#include "base/text.h"
#include "localaws/ec2/event.h"
#include "localaws/ec2/image.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/volume.h"
#include "localaws/plane/plane.h"

#include <string.h>

char *volume_path(struct arena *arena, const struct volume *volume)
{
    return arena_format(arena, "%s/volumes/%s.img", volume->resource.region->directory, volume->resource.id);
}

/* NULL for an instance without processes. */
static const struct image *image_of(const struct instance *instance, struct arena *arena)
{
    struct region *region = instance->resource.region;
    if (instance->simulated || instance->unbooted || !region->plane)
        return NULL;
    const struct image *image = image_find(region, arena, instance->image_id);
    return image && !image_is_simulated(image) ? image : NULL;
}

static const char *const *terminated_list(struct arena *arena, char **items, size_t count)
{
    const char **list = arena_alloc(arena, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = items[i];
    return list;
}

void instance_up(struct instance *instance, const unsigned char *volume_key)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct image *image = image_of(instance, arena);
    const struct volume *root = instance_root_volume(instance);
    if (!image) {
        instance_became(instance, INSTANCE_RUNNING);
        return;
    }
    const struct plane_image program = {
        .id = image->id,
        .argv = terminated_list(arena, image->argv, image->argv_count),
        .environment = terminated_list(arena, image->environment, image->environment_count),
        .binds = terminated_list(arena, image->binds, image->bind_count),
    };
    const struct plane_instance wanted = {
        .id = instance->resource.id,
        .account = instance->resource.account->id,
        .vpc_id = instance->vpc_id,
        .hostname = instance->private_dns,
        .image = &program,
        .volume_path = root ? volume_path(arena, root) : NULL,
        .volume_bytes = root ? (uint64_t)root->gigabytes << 30 : 0,
        .volume_key = root && root->encrypted ? volume_key : NULL,
    };
    plane_start_instance(instance->resource.region->plane, &wanted);
}

int instance_up_again(struct instance *instance, struct error *err)
{
    unsigned char key[32];
    const struct volume *root = instance_root_volume(instance);
    if (!root)
        return error_set(err, ERROR_CONFLICT, "%s has no root volume", instance->resource.id);
    if (root->encrypted && volume_unwrap(instance->resource.region, root, key, err) < 0)
        return -1;
    instance_up(instance, key);
    explicit_bzero(key, sizeof key);
    return 0;
}

void instance_down(struct instance *instance, bool hard)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    bool ends = instance->state == INSTANCE_SHUTTING_DOWN;
    const struct volume *root = instance_root_volume(instance);
    if (image_of(instance, arena))
        (hard ? plane_kill_instance : plane_stop_instance)(instance->resource.region->plane,
                                                           instance->resource.id,
                                                           ends && root && root->delete_on_termination);
    else
        instance_became(instance, ends ? INSTANCE_TERMINATED : INSTANCE_STOPPED);
}

void instance_again(struct instance *instance)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    events_fulfilled(instance, true);
    if (image_of(instance, arena))
        plane_reboot_instance(instance->resource.region->plane, instance->resource.id);
}

/* What was on its way when the region ended has arrived: nothing of it runs any more. */
static void restore_instance(struct instance *instance)
{
    struct error err = {0};
    if ((instance->simulated || instance->unbooted) && instance->state == INSTANCE_RUNNING)
        return; /* nothing of it ended with the region */
    if (instance->state == INSTANCE_PENDING)
        instance->unbooted = false; /* it was late, and the region's end was long enough */
    if (instance->state == INSTANCE_STOPPING)
        instance_became(instance, INSTANCE_STOPPED);
    else if (instance->state == INSTANCE_SHUTTING_DOWN)
        instance_down(instance, false);
    else if ((instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING) &&
             instance_up_again(instance, &err) < 0) {
        log_warning("an instance cannot be started again", "instance", instance->resource.id, "error",
                    err.message, NULL);
        instance_set_reason(instance, "Server.InternalError", err.message);
        instance_became(instance, INSTANCE_STOPPED);
    }
}

void plane_restore(struct region *region)
{
    region_lock(region); /* the plane answers from its own threads */
    cleanup(region_unlock) struct region *locked = region;
    (void)locked;
    for (struct account *account = region->accounts; account; account = account->next) {
        for_each_resource(struct vpc, vpc, account, &vpc_kind)
            vpc_changed(region, account, vpc->resource.id);
        for (struct resource *item = resources_of(account, &instance_kind)->first, *next; item; item = next) {
            next = item->next;
            restore_instance((struct instance *)(void *)item);
        }
    }
    private_links_changed(region, NULL);
}
