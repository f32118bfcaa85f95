/* Owners of network interfaces: machines and load balancers. While an owner is registered its namespace
 * exists, and the interfaces that name it as their owner are real. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A guest that is a Vespa host passes packets on to its containers. Duplicate address detection would hold
 * every address back for a second, and the plane gives each address out once. */
static const struct namespace_setting guest_settings[] = {
    {"ipv6/conf/all/forwarding", "1"},        {"ipv4/ip_forward", "1"},
    {"ipv4/conf/all/send_redirects", "0"},    {"ipv4/conf/default/send_redirects", "0"},
    {"ipv4/conf/all/rp_filter", "0"},         {"ipv4/conf/default/rp_filter", "0"},
    {"ipv6/conf/all/proxy_ndp", "1"},         {"ipv6/conf/default/proxy_ndp", "1"},
    {"ipv6/conf/default/accept_dad", "0"},    {"ipv6/conf/default/accept_ra", "0"},
    {"ipv6/conf/default/addr_gen_mode", "1"}, {NULL},
};

struct owner *owner_find(struct plane *plane, const char *name)
{
    for (struct owner *owner = plane->owners; owner; owner = owner->next)
        if (text_equal(owner->name, name))
            return owner;
    return NULL;
}

int owner_add(struct plane *plane, const char *name, const char *namespace_name, bool every_address,
              struct owner **owner, struct error *err)
{
    int namespace = 0;
    if (namespace_create(namespace_name, guest_settings, &namespace, err) < 0)
        return error_context(err, "network namespace %s", namespace_name);
    struct owner *made = memory_alloc(sizeof *made);
    *made = (struct owner){
        .name = memory_strdup(name),
        .namespace_name = memory_strdup(namespace_name),
        .namespace = namespace,
        .every_address = every_address,
        .next = plane->owners,
    };
    plane->owners = made;
    if (owner)
        *owner = made;
    return 0;
}

void owner_remove(struct plane *plane, const char *name)
{
    for (struct owner **place = &plane->owners; *place; place = &(*place)->next) {
        struct owner *owner = *place;
        if (!text_equal(owner->name, name))
            continue;
        *place = owner->next;
        close(owner->namespace);
        namespace_remove(owner->namespace_name);
        free(owner->name);
        free(owner->namespace_name);
        free(owner->vpc_id);
        free(owner);
        return;
    }
}

/* FNV-1a: the names need to differ, not to resist anyone. */
void short_name(const char *prefix, const char *id, char name[16])
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    snprintf(name, 16, "%s%012llx", prefix, (unsigned long long)(hash >> 16));
}
