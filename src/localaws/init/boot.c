#include "localaws/init/boot.h"

static const struct field boot_fields[] = {
    FIELD_TEXT(struct boot, id, "id", REQUIRED, 64, NULL, "the machine's name"),
    FIELD_TEXT(struct boot, hostname, "hostname", REQUIRED, 64, NULL, "its host name"),
    FIELD_TEXT(struct boot, volume_path, "volumePath", REQUIRED, 4096, NULL, "image file of its volume"),
    FIELD_TEXT(struct boot, volume_key, "volumeKey", OPTIONAL, 64, NULL, "the volume's key, base64"),
    FIELD_INTEGER(struct boot, volume_bytes, "volumeBytes", REQUIRED, 1 << 24, 1e15, "size of the volume"),
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
