#include "localaws/ec2/metadata_entries.h"

#include "base/text.h"

#include <string.h>

static char *value_of(const struct metadata_entry *entry, struct lookup *lookup)
{
    if (entry->of == OF_FUNCTION)
        return entry->value(lookup);
    const void *owner = entry->of == OF_INSTANCE ? (void *)lookup->instance : (void *)lookup->interface;
    return *(char *const *)(const void *)((const char *)owner + entry->offset);
}

static size_t segment_length(const char *path)
{
    return strcspn(path, "/");
}

static bool take_part(struct lookup *lookup, const char *name, const char *value, size_t length)
{
    lookup->part = arena_strndup(lookup->arena, value, length);
    if (text_starts(name, "{key}")) /* one key at most, by its number */
        return text_equal(lookup->part, "0") &&
               key_pair_find(lookup->instance->resource.account, lookup->instance->key_name);
    if (!text_starts(name, "{mac}"))
        return true;
    for (size_t i = 0; i < lookup->instance->interface_count; i++) {
        lookup->interface =
            resource_find(lookup->instance->resource.region, lookup->instance->resource.account,
                          &interface_kind, lookup->instance->interface_ids[i]);
        if (lookup->interface && text_equal(lookup->interface->mac, lookup->part))
            return true;
    }
    return false;
}

/* Follows the path along an entry's as far as both go. `rest` is then what the entry has more than the path;
 * NULL when they part before. */
static const char *follow(struct lookup *lookup, const char *entry, const char *path)
{
    while (*path) {
        size_t wanted = segment_length(entry), given = segment_length(path);
        if (!*entry)
            return NULL;
        if (*entry == '{' ? !take_part(lookup, entry, path, given)
                          : wanted != given || strncmp(entry, path, given) != 0)
            return NULL;
        entry += wanted + (entry[wanted] == '/');
        path += given + (path[given] == '/');
    }
    return entry;
}

struct listing {
    struct lookup *lookup;
    char *text;
    const char *last; /* the entries are in order: the same name comes in a row */
};

static void list_name(struct listing *listing, const char *name, bool directory)
{
    if (text_equal(name, listing->last))
        return;
    listing->last = name;
    listing->text = arena_format(listing->lookup->arena, "%s%s%s%s", listing->text ? listing->text : "",
                                 listing->text ? "\n" : "", name, directory ? "/" : "");
}

/* What a {part} can be. */
static void list_parts(struct listing *listing, const char *part, bool directory)
{
    struct instance *instance = listing->lookup->instance;
    struct instance_keys found;
    if (listing->last && *listing->last == '{')
        return;
    if (text_starts(part, "{mac}"))
        for (size_t i = 0; i < instance->interface_count; i++) {
            struct interface *interface = instance_interface(instance, (int64_t)i);
            if (interface)
                list_name(listing, interface->mac, directory);
        }
    else if (text_starts(part, "{role}") && instance->profile_arn &&
             instance_keys(instance, listing->lookup->arena, false, &found, listing->lookup->err) == 0)
        list_name(listing, found.role, directory);
    else if (text_starts(part, "{key}") && key_pair_find(instance->resource.account, instance->key_name))
        list_name(listing, arena_format(listing->lookup->arena, "0=%s", instance->key_name), false);
    else if (text_starts(part, "{tag}") && text_equal(instance->metadata_tags, "enabled"))
        for (size_t i = 0; i < instance->resource.tag_count; i++)
            list_name(listing, instance->resource.tags[i].key, directory);
    listing->last = "{}";
}

static void list_entry(struct listing *listing, const char *rest)
{
    size_t length = segment_length(rest);
    if (*rest == '{')
        list_parts(listing, rest, rest[length] == '/');
    else
        list_name(listing, arena_strndup(listing->lookup->arena, rest, length), rest[length] == '/');
}

int metadata_get(struct instance *instance, struct arena *arena, const char *path, char **text,
                 const char **content_type, struct error *err)
{
    struct lookup lookup = {.instance = instance, .arena = arena, .content_type = "text/plain", .err = err};
    struct listing listing = {.lookup = &lookup};
    *text = NULL;
    for (size_t i = 0; i < metadata_entry_count && !*text; i++) {
        const char *rest = follow(&lookup, metadata_entries[i].path, path);
        if (rest && *rest)
            list_entry(&listing, rest);
        else if (rest)
            *text = value_of(&metadata_entries[i], &lookup);
    }
    if (!*text)
        *text = listing.text;
    *content_type = lookup.content_type;
    if (*text) /* records may change once the lock is given back */
        *text = arena_strdup(arena, *text);
    return *text ? 0 : error_set(err, ERROR_NOT_FOUND, "%s has no metadata %s", instance->resource.id, path);
}
