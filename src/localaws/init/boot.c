#include "localaws/init/boot.h"

#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VOLUME_FIELDS(owner, member)                                                                \
    FIELD_TEXT(owner, member path, "volumePath", REQUIRED, 4096, NULL, "image file of the volume"), \
        FIELD_TEXT(owner, member key, "volumeKey", OPTIONAL, 64, NULL, "its key, base64"),          \
        FIELD_INTEGER(owner, member bytes, "volumeBytes", REQUIRED, 1 << 24, 1e15, "its size"),     \
        FIELD_BOOL(owner, member opened, "volumeOpened", OPTIONAL, "a directory that is open")

static const struct field volume_file_fields[] = {VOLUME_FIELDS(struct volume_file, ), FIELD_END};
const struct record volume_file_record = {"volume", sizeof(struct volume_file), volume_file_fields};

static const struct field disk_node_fields[] = {
    FIELD_TEXT(struct disk_node, name, "name", REQUIRED, 64, NULL, "in /dev"),
    FIELD_INTEGER(struct disk_node, minor_number, "minor", REQUIRED, 0, 1 << 20, "of its loop device"),
    FIELD_END,
};
static const struct record disk_node_record = {"disk", sizeof(struct disk_node), disk_node_fields};

static const struct field boot_fields[] = {
    FIELD_TEXT(struct boot, id, "id", REQUIRED, 64, NULL, "the machine's name"),
    FIELD_TEXT(struct boot, hostname, "hostname", REQUIRED, 64, NULL, "its host name"),
    VOLUME_FIELDS(struct boot, volume.),
    FIELD_LIST(struct boot, disks, disk_count, "disks", OPTIONAL, 64, &disk_node_record, "besides its root"),
    FIELD_LIST(struct boot, arguments, argument_count, "arguments", REQUIRED, 256, &text_record,
               "the program"),
    FIELD_LIST(struct boot, environment, environment_count, "environment", OPTIONAL, 1024, &text_record,
               "its environment"),
    FIELD_LIST(struct boot, binds, bind_count, "binds", OPTIONAL, 64, &text_record,
               "what it sees of the host"),
    FIELD_LIST(struct boot, resolvers, resolver_count, "resolvers", OPTIONAL, 4, &text_record,
               "name servers"),
    FIELD_END,
};
const struct record boot_record = {"boot", sizeof(struct boot), boot_fields};

int boot_read(const struct record *record, struct arena *arena, void *told, struct error *err)
{
    char *text = arena_alloc(arena, BOOT_LARGEST);
    size_t length = 0;
    for (ssize_t got; length < BOOT_LARGEST && (got = read(0, text + length, BOOT_LARGEST - length)) > 0;)
        length += (size_t)got;
    int result = record_parse(record, arena, text, length, told, err);
    explicit_bzero(text, length);
    cleanup(file_close) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    return dup2(nothing, 0) < 0 ? error_errno(err, ERROR_INTERNAL, "close the boot record") : result;
}
