#include "localaws/ec2/image.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/ec2/ec2.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { IMAGES_LARGEST = 1 << 20, MOST_IMAGES = 256, ROOT_GIGABYTES = 8 };

static const struct field image_fields[] = {
    FIELD_TEXT(struct image, name, "name", REQUIRED, 128, NULL, "its name"),
    FIELD_TEXT(struct image, description, "description", OPTIONAL, 255, NULL, "for people"),
    FIELD_TEXT(struct image, architecture, "architecture", OPTIONAL, 16, NULL, "arm64 or x86_64"),
    FIELD_INTEGER(struct image, root_gigabytes, "rootGigabytes", OPTIONAL, 1, 16384, "smallest root volume"),
    FIELD_LIST(struct image, argv, argv_count, "argv", OPTIONAL, 64, &text_record, "the program it runs"),
    FIELD_LIST(struct image, environment, environment_count, "environment", OPTIONAL, 64, &text_record,
               "KEY=value"),
    FIELD_LIST(struct image, binds, bind_count, "binds", OPTIONAL, 64, &text_record, "/from:/to, read-only"),
    FIELD_END,
};
static const struct record image_record = {"image", sizeof(struct image), image_fields};

struct image_list {
    struct image *items;
    size_t count;
};

static char *image_id(struct arena *arena, const char *name)
{
    unsigned char digest[32];
    gnutls_hash_fast(GNUTLS_DIG_SHA256, name, strlen(name), digest);
    return arena_format(arena, "ami-0%s", hex_encode(arena, digest, 8));
}

static int read_images(struct region *region, struct arena *arena, json_t **list, struct error *err)
{
    char *text;
    size_t length;
    if (file_read(arena, region->images_path, IMAGES_LARGEST, &text, &length, err) < 0 ||
        json_parse(arena, text, length, list, err) < 0)
        return -1;
    if (!json_is_array(*list) || json_array_size(*list) > MOST_IMAGES)
        return error_set(err, ERROR_INVALID, "not a list of at most %d images", MOST_IMAGES);
    return 0;
}

static struct image *sim_image(struct arena *arena)
{
    struct image *image = arena_alloc(arena, sizeof *image);
    *image = (struct image){.id = arena_strdup(arena, SIM_IMAGE),
                            .name = arena_strdup(arena, "sim"),
                            .architecture = arena_strdup(arena, "arm64"),
                            .description = arena_strdup(arena, "an instance without processes"),
                            .root_gigabytes = ROOT_GIGABYTES};
    return image;
}

/* A broken file offers nothing but `sim`, and says so. */
static struct image_list images_of(struct region *region, struct arena *arena)
{
    struct error err = {0};
    json_t *json = NULL, *item;
    size_t at, count = 0;
    if (region->images_path && read_images(region, arena, &json, &err) < 0)
        log_warning("the list of images cannot be read", "path", region->images_path, "error", err.message,
                    NULL);
    struct image_list images = {arena_alloc(arena, (json_array_size(json) + 1) * sizeof *images.items), 1};
    images.items[0] = *sim_image(arena);
    json_array_foreach(json, at, item) {
        if (record_read(&image_record, arena, item, &images.items[images.count], &err) == 0)
            images.count++;
        else
            log_warning("an image cannot be used", "error", err.message, NULL);
    }
    for (; count < images.count; count++) {
        struct image *image = &images.items[count];
        if (!image->id)
            image->id = image_id(arena, image->name);
        if (!image->architecture)
            image->architecture = arena_strdup(arena, "arm64");
        if (!image->root_gigabytes)
            image->root_gigabytes = ROOT_GIGABYTES;
    }
    return images;
}

const struct image *image_find(struct region *region, struct arena *arena, const char *id)
{
    if (text_equal(id, SIM_IMAGE)) /* thousands of these are asked for: no file is read */
        return sim_image(arena);
    struct image_list images = images_of(region, arena);
    for (size_t i = 0; i < images.count; i++)
        if (text_equal(images.items[i].id, id))
            return &images.items[i];
    return NULL;
}

bool image_is_simulated(const struct image *image)
{
    return image->argv_count == 0;
}

static const char *image_filter(struct call *call, const void *item, const char *filter)
{
    (void)call;
    const struct image *image = item;
    return text_equal(filter, "image-id")              ? image->id
           : text_equal(filter, "name")                ? image->name
           : text_equal(filter, "description")         ? image->description
           : text_equal(filter, "architecture")        ? image->architecture
           : text_equal(filter, "owner-id")            ? call->region->accounts->id
           : text_equal(filter, "state")               ? "available"
           : text_equal(filter, "image-type")          ? "machine"
           : text_equal(filter, "is-public")           ? "true"
           : text_equal(filter, "root-device-type")    ? "ebs"
           : text_equal(filter, "root-device-name")    ? IMAGE_ROOT_DEVICE
           : text_equal(filter, "virtualization-type") ? "hvm"
           : text_equal(filter, "hypervisor")          ? "xen"
                                                       : NULL;
}

static bool owner_asked(struct call *call)
{
    size_t count;
    const char **owners = call_list(call, "Owner", &count), *owner = call->region->accounts->id;
    bool asked = count == 0;
    for (size_t i = 0; i < count; i++)
        asked = asked || text_equal(owners[i], owner) ||
                (text_equal(owners[i], "self") && text_equal(call->account->id, owner));
    return asked;
}

static void put_image(struct call *call, const struct image *image)
{
    struct buffer *out = &call->answer;
    const char *owner = call->region->accounts->id;
    put_open(out, "item");
    put_text(out, "imageId", image->id);
    put_text(out, "imageLocation", arena_format(call->arena, "%s/%s", owner, image->name));
    put_text(out, "imageState", "available");
    put_text(out, "imageOwnerId", owner);
    put_bool(out, "isPublic", true);
    put_text(out, "architecture", image->architecture);
    put_text(out, "imageType", "machine");
    put_text(out, "name", image->name);
    put_text(out, "description", image->description);
    put_text(out, "rootDeviceType", "ebs");
    put_text(out, "rootDeviceName", IMAGE_ROOT_DEVICE);
    buffer_text(out, "<blockDeviceMapping><item>");
    put_text(out, "deviceName", IMAGE_ROOT_DEVICE);
    put_open(out, "ebs");
    put_text(out, "snapshotId", arena_format(call->arena, "snap-%s", image->id + strlen("ami-")));
    put_number(out, "volumeSize", image->root_gigabytes);
    put_bool(out, "deleteOnTermination", true);
    put_text(out, "volumeType", "gp3");
    put_bool(out, "encrypted", false);
    put_close(out, "ebs");
    buffer_text(out, "</item></blockDeviceMapping>");
    put_text(out, "virtualizationType", "hvm");
    put_text(out, "hypervisor", "xen");
    put_bool(out, "enaSupport", true);
    put_text(out, "sriovNetSupport", "simple");
    put_text(out, "platformDetails", "Linux/UNIX");
    put_text(out, "usageOperation", "RunInstances");
    put_text(out, "imdsSupport", "v2.0");
    put_text(out, "creationDate", "2026-01-01T00:00:00.000Z");
    put_open(out, "tagSet");
    put_close(out, "tagSet");
    put_close(out, "item");
}

int image_describe(struct call *call, struct error *err)
{
    struct image_list images = images_of(call->region, call->arena);
    size_t id_count, found = 0;
    const char **ids = call_list(call, "ImageId", &id_count);
    put_open(&call->answer, "imagesSet");
    for (size_t i = 0; i < images.count; i++) {
        bool asked = id_count == 0;
        for (size_t j = 0; j < id_count; j++)
            asked = asked || text_equal(ids[j], images.items[i].id);
        found += asked && id_count;
        if (asked && owner_asked(call) && call_filters_pass(call, image_filter, &images.items[i]))
            put_image(call, &images.items[i]);
    }
    put_close(&call->answer, "imagesSet");
    if (found < id_count)
        return call_fail(call, err, 400, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist",
                         ids[0]);
    return 0;
}
