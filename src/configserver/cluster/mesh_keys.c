#include "configserver/cluster/mesh_keys.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "tunnel/tunnel.h"

#include <arpa/inet.h>
#include <string.h>

enum { SERVERS_MOST = 9, FILE_LARGEST = 16 << 10 };

static const struct field key_fields[] = {
    FIELD_INTEGER(struct mesh_key, index, "index", REQUIRED, 1, SERVERS_MOST, "which config server"),
    FIELD_TEXT(struct mesh_key, mesh_key, "meshKey", REQUIRED, 44, tunnel_is_key, "of its end of the mesh"),
    FIELD_TEXT(struct mesh_key, tunnel_key, "tunnelKey", REQUIRED, 44, tunnel_is_key,
               "of its end of the hosts' tunnels"),
    FIELD_END,
};
const struct record mesh_key_record = {"mesh key", sizeof(struct mesh_key), key_fields};

struct kept {
    struct mesh_key *servers;
    size_t server_count;
};
static const struct field kept_fields[] = {
    FIELD_LIST(struct kept, servers, server_count, "servers", REQUIRED, SERVERS_MOST, &mesh_key_record,
               "what each told last"),
    FIELD_END,
};
static const struct record kept_record = {"mesh keys", sizeof(struct kept), kept_fields};

static void load(struct mesh_keys *keys)
{
    struct kept kept;
    struct error err = {0};
    char *text;
    size_t length;
    if (!file_exists(keys->path))
        return;
    if (file_read(keys->arena, keys->path, FILE_LARGEST, &text, &length, &err) < 0 ||
        record_parse(&kept_record, keys->arena, text, length, &kept, &err) < 0) {
        log_warning("mesh keys on disk are not usable, they will be told again", "error", err.message, NULL);
        return;
    }
    keys->keys = kept.servers;
    keys->count = kept.server_count;
}

void mesh_keys_open(struct mesh_keys *keys, const struct config *config, const char *path)
{
    *keys = (struct mesh_keys){.config = config, .path = path, .arena = arena_new()};
    load(keys);
}

void mesh_keys_close(struct mesh_keys *keys)
{
    arena_free(&keys->arena);
}

const struct mesh_key *mesh_keys_of(const struct mesh_keys *keys, int64_t index)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].index == index)
            return &keys->keys[i];
    return NULL;
}

static bool same_address(const char *a, const char *b)
{
    struct in6_addr left, right;
    return inet_pton(AF_INET6, a, &left) == 1 && inet_pton(AF_INET6, b, &right) == 1 &&
           memcmp(&left, &right, sizeof left) == 0;
}

static int check(const struct mesh_keys *keys, const struct mesh_key *told, const char *address,
                 struct error *err)
{
    const struct config *config = keys->config;
    for (size_t i = 0; i < config->server_count; i++) {
        if (config->servers[i].index != told->index || told->index == config->index)
            continue;
        if (address && !same_address(address, config->servers[i].address))
            return error_set(err, ERROR_FORBIDDEN, "config server %lld is at %s, not at %.64s",
                             (long long)told->index, config->servers[i].address, address);
        return 0;
    }
    return error_set(err, ERROR_FORBIDDEN, "zone %s has no other config server %lld", config->zone,
                     (long long)told->index);
}

/* The list with the new key in the old one's place, in an arena of its own. */
static void replace(struct mesh_keys *keys, const struct mesh_key *told)
{
    struct arena *arena = arena_new();
    struct mesh_key *next = arena_alloc(arena, (keys->count + 1) * sizeof *next);
    size_t count = 0;
    for (size_t i = 0; i <= keys->count; i++) {
        const struct mesh_key *from = i < keys->count ? &keys->keys[i] : told;
        if (i < keys->count && from->index == told->index)
            continue;
        next[count++] = (struct mesh_key){from->index, arena_strdup(arena, from->mesh_key),
                                          arena_strdup(arena, from->tunnel_key)};
    }
    arena_free(&keys->arena);
    keys->arena = arena;
    keys->keys = next;
    keys->count = count;
}

int mesh_keys_note(struct mesh_keys *keys, const struct mesh_key *told, const char *address, bool *changed,
                   struct error *err)
{
    if (check(keys, told, address, err) < 0)
        return -1;
    const struct mesh_key *known = mesh_keys_of(keys, told->index);
    *changed = !known || !text_equal(known->mesh_key, told->mesh_key) ||
               !text_equal(known->tunnel_key, told->tunnel_key);
    if (!*changed)
        return 0;
    replace(keys, told);
    const struct kept kept = {keys->keys, keys->count};
    const char *text = record_text(&kept_record, keys->arena, &kept);
    return file_write(keys->path, text, strlen(text), 0600, err);
}
