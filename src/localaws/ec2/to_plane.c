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

/* A volume's key in the arena, which wipes it; NULL for one that is not encrypted. */
static void wipe_key(void *key)
{
    explicit_bzero(key, 32);
}

static int take_key(const struct volume *volume, struct arena *arena, unsigned char **key, struct error *err)
{
    *key = NULL;
    if (!volume->encrypted)
        return 0;
    *key = arena_alloc(arena, 32);
    arena_defer(arena, wipe_key, *key);
    return volume_unwrap(volume->resource.region, volume, *key, err);
}

static int disk_of(const struct volume *volume, struct arena *arena, struct plane_disk *disk,
                   struct error *err)
{
    unsigned char *key;
    if (take_key(volume, arena, &key, err) < 0)
        return -1;
    *disk = (struct plane_disk){
        .id = volume->resource.id,
        .name = volume->device + strlen("/dev/"),
        .path = volume_path(arena, volume),
        .bytes = (uint64_t)volume->gigabytes << 30,
        .key = key,
    };
    return 0;
}

static int add_volumes(const struct instance *instance, struct arena *arena, struct plane_instance *wanted,
                       struct error *err)
{
    const struct volume *root = instance_root_volume(instance);
    struct plane_disk *disks = arena_alloc(arena, (instance->volume_count + 1) * sizeof *disks);
    unsigned char *key;
    if (!root)
        return error_set(err, ERROR_CONFLICT, "%s has no root volume", instance->resource.id);
    if (take_key(root, arena, &key, err) < 0)
        return -1;
    wanted->volume_path = volume_path(arena, root);
    wanted->volume_bytes = (uint64_t)root->gigabytes << 30;
    wanted->volume_key = key;
    wanted->disks = disks;
    for (size_t i = 0; i < instance->volume_count; i++) {
        const struct volume *volume = instance_volume(instance, i);
        if (volume && volume != root && disk_of(volume, arena, &disks[wanted->disk_count++], err) < 0)
            return -1;
    }
    return 0;
}

int instance_up(struct instance *instance, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct image *image = image_of(instance, arena);
    struct plane_instance wanted = {
        .id = instance->resource.id,
        .account = instance->resource.account->id,
        .vpc_id = instance->vpc_id,
        .hostname = instance->private_dns,
    };
    if (add_volumes(instance, arena, &wanted, err) < 0)
        return -1;
    if (!image) {
        instance_became(instance, INSTANCE_RUNNING);
        return 0;
    }
    const struct plane_image program = {
        .id = image->id,
        .argv = terminated_list(arena, image->argv, image->argv_count),
        .environment = terminated_list(arena, image->environment, image->environment_count),
        .binds = terminated_list(arena, image->binds, image->bind_count),
    };
    wanted.image = &program;
    plane_start_instance(instance->resource.region->plane, &wanted);
    return 0;
}

bool instance_has_machine(const struct instance *instance)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    return image_of(instance, arena) != NULL;
}

int disk_open(const struct instance *instance, const struct volume *volume, bool live, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct plane_disk disk;
    if (disk_of(volume, arena, &disk, err) < 0)
        return -1;
    if (live)
        plane_attach_disk(instance->resource.region->plane, instance->resource.id, &disk);
    return 0;
}

void disk_close(const struct instance *instance, const struct volume *volume)
{
    plane_detach_disk(instance->resource.region->plane, instance->resource.id, volume->resource.id);
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
    volumes_settle(instance);
    if ((instance->simulated || instance->unbooted) && instance->state == INSTANCE_RUNNING)
        return; /* nothing of it ended with the region */
    if (instance->state == INSTANCE_PENDING)
        instance->unbooted = false; /* it was late, and the region's end was long enough */
    if (instance->state == INSTANCE_STOPPING)
        instance_became(instance, INSTANCE_STOPPED);
    else if (instance->state == INSTANCE_SHUTTING_DOWN)
        instance_down(instance, false);
    else if ((instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING) &&
             instance_up(instance, &err) < 0) {
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
