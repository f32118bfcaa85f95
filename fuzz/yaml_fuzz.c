/* Documents in YAML (localaws/ssm/yaml.h): what is read is JSON that can be written and read again. */
#include "localaws/ssm/yaml.h"

#include "base/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *value, *again;
    if (length > YAML_LARGEST ||
        yaml_read(arena, arena_strndup(arena, (const char *)bytes, length), &value, NULL) < 0)
        return 0;
    if (!json_is_object(value) && !json_is_array(value))
        return 0;
    const char *text = json_text(arena, value);
    if (json_parse(arena, text, strlen(text), &again, NULL) < 0 || strcmp(text, json_text(arena, again)) != 0)
        abort();
    return 0;
}
