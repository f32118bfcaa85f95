/* Public keys that somebody imports (localaws/ec2/ssh_key.h). */
#include "base/text.h"
#include "localaws/ec2/ssh_key.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct ssh_key key, again;
    char *text = arena_strndup(arena, (const char *)bytes, length);
    if (ssh_key_parse(arena, text, &key, NULL) == 0 &&
        (ssh_key_parse(arena, key.line, &again, NULL) < 0 || !text_equal(key.fingerprint, again.fingerprint)))
        abort();
    return 0;
}
