#include "base/file.h"
#include "base/text.h"
#include "tunnel/device.h"

#include <string.h>

enum { KEY_TEXT_LENGTH = 44, KEY_BYTES = 32 };

bool tunnel_is_key(const char *text)
{
    if (!text || strlen(text) != KEY_TEXT_LENGTH)
        return false;
    cleanup(arena_free) struct arena *arena = arena_new();
    unsigned char *bytes = NULL;
    size_t length = 0;
    bool is_key = base64_decode(arena, text, &bytes, &length, NULL) == 0 && length == KEY_BYTES;
    if (bytes)
        explicit_bzero(bytes, length);
    return is_key;
}

static int generate(struct arena *arena, const char *path, struct error *err)
{
    char *key = NULL;
    if (tunnel_tool(arena, TUNNEL_ARGV("wg", "genkey"), &key, err) < 0)
        return -1;
    int result = file_write(path, key, strlen(key), 0600, err);
    explicit_bzero(key, strlen(key));
    return result;
}

/* The key goes to wg by standard input: arguments are for everyone to see. */
static int derive_public(struct arena *arena, const char *key, char **public_key, struct error *err)
{
    struct process process = {
        .argv = TUNNEL_ARGV("wg", "pubkey"),
        .input = key,
        .input_length = strlen(key),
        .timeout_ms = TUNNEL_TOOL_TIMEOUT_MS,
    };
    char *output = NULL;
    if (process_run(&process, arena, &output, err) < 0)
        return -1;
    *public_key = text_trim(arena, output);
    if (!tunnel_is_key(*public_key))
        return error_set(err, ERROR_INTERNAL, "wg pubkey gave no key");
    return 0;
}

int tunnel_key_ensure(struct arena *arena, const char *path, char **public_key, struct error *err)
{
    if (!file_exists(path) && generate(arena, path, err) < 0)
        return error_context(err, "WireGuard key %s", path);

    char *key = NULL;
    size_t length = 0;
    if (file_read(arena, path, 256, &key, &length, err) < 0)
        return error_context(err, "WireGuard key");
    int result = derive_public(arena, key, public_key, err);
    explicit_bzero(key, length);
    return result < 0 ? error_context(err, "WireGuard key %s (remove it to have a new one made)", path) : 0;
}
