#include "tunnel/device.h"

#include "base/record.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

int tunnel_tool(struct arena *arena, const char *const *argv, char **output, struct error *err)
{
    struct process process = {.argv = argv, .timeout_ms = TUNNEL_TOOL_TIMEOUT_MS};
    return process_run(&process, arena, output, err);
}

static bool is_interface_name(const char *text)
{
    return !text_empty(text) && strlen(text) < IF_NAMESIZE && text[0] != '-' && text_only(text, "a-z0-9-");
}

static int check_options(const struct tunnel_options *options, struct error *err)
{
    struct in6_addr address;
    if (!is_interface_name(options->interface))
        return error_set(err, ERROR_INVALID, "\"%s\" cannot name a network interface",
                         options->interface ? options->interface : "");
    if (text_empty(options->address) || inet_pton(AF_INET6, options->address, &address) != 1)
        return error_set(err, ERROR_INVALID, "\"%s\" is not an IPv6 address",
                         options->address ? options->address : "");
    if (options->prefix_length < 1 || options->prefix_length > 128)
        return error_set(err, ERROR_INVALID, "%d is not a prefix length", options->prefix_length);
    return 0;
}

/* A device that answers wg(8): the kernel's, or one whose wireguard-go lives. */
static bool device_answers(struct arena *arena, const char *interface)
{
    return tunnel_tool(arena, TUNNEL_ARGV("wg", "show", interface, "listen-port"), NULL, NULL) == 0;
}

static int device_create(struct arena *arena, const char *interface, struct error *err)
{
    if (tunnel_tool(arena, TUNNEL_ARGV("ip", "link", "add", "dev", interface, "type", "wireguard"), NULL,
                    NULL) == 0)
        return 0;
    /* wireguard-go makes device and socket before it sends itself to the background, and then stays when we
     * end. */
    if (tunnel_tool(arena, TUNNEL_ARGV("wireguard-go", interface), NULL, err) < 0)
        return error_context(err, "neither the kernel nor wireguard-go could make %s", interface);
    return 0;
}

static int device_ensure(struct arena *arena, const char *interface, struct error *err)
{
    if (device_answers(arena, interface))
        return 0;
    /* A leftover nobody serves any more would only be in the way; mostly there is none. */
    tunnel_tool(arena, TUNNEL_ARGV("ip", "link", "delete", "dev", interface), NULL, NULL);
    return device_create(arena, interface, err);
}

static int configure(struct arena *arena, const struct tunnel_options *options, struct error *err)
{
    const char *port = arena_format(arena, "%u", options->port);
    const char *const *argv =
        options->port ? TUNNEL_ARGV("wg", "set", options->interface, "private-key", options->key_path,
                                    "listen-port", port)
                      : TUNNEL_ARGV("wg", "set", options->interface, "private-key", options->key_path);
    if (tunnel_tool(arena, argv, NULL, err) < 0)
        return -1;
    return tunnel_tool(arena, TUNNEL_ARGV("ip", "link", "set", "dev", options->interface, "up"), NULL, err);
}

/* A device taken over may still have the address of an earlier life. */
static int remove_other_addresses(struct arena *arena, const struct tunnel_options *options,
                                  struct error *err)
{
    char *text = NULL;
    if (tunnel_tool(
            arena,
            TUNNEL_ARGV("ip", "-json", "-6", "address", "show", "dev", options->interface, "scope", "global"),
            &text, err) < 0)
        return -1;
    json_t *links = NULL;
    if (json_parse(arena, text, strlen(text), &links, err) < 0)
        return error_context(err, "ip -json address show");

    struct in6_addr ours;
    inet_pton(AF_INET6, options->address, &ours);
    size_t i, j;
    json_t *link, *entry;
    json_array_foreach(links, i, link)
        json_array_foreach(json_object_get(link, "addr_info"), j, entry) {
            const char *local = json_member_text(entry, "local");
            json_int_t length = json_integer_value(json_object_get(entry, "prefixlen"));
            struct in6_addr address;
            if (!local || inet_pton(AF_INET6, local, &address) != 1)
                continue;
            if (memcmp(&address, &ours, sizeof ours) == 0 && length == options->prefix_length)
                continue;
            const char *with_length = arena_format(arena, "%s/%d", local, (int)length);
            if (tunnel_tool(
                    arena,
                    TUNNEL_ARGV("ip", "-6", "address", "delete", with_length, "dev", options->interface),
                    NULL, err) < 0)
                return -1;
        }
    return 0;
}

/* The address carries the prefix, so the kernel keeps the route through the device with it. */
static int address_ensure(struct arena *arena, const struct tunnel_options *options, struct error *err)
{
    if (remove_other_addresses(arena, options, err) < 0)
        return -1;
    const char *address = arena_format(arena, "%s/%d", options->address, options->prefix_length);
    return tunnel_tool(
        arena, TUNNEL_ARGV("ip", "-6", "address", "replace", address, "dev", options->interface, "nodad"),
        NULL, err);
}

int tunnel_open(const struct tunnel_options *options, struct tunnel **tunnel, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *public_key = NULL;
    if (check_options(options, err) < 0 || tunnel_key_ensure(arena, options->key_path, &public_key, err) < 0)
        return error_context(err, "tunnel");
    if (device_ensure(arena, options->interface, err) < 0 || configure(arena, options, err) < 0 ||
        address_ensure(arena, options, err) < 0)
        return error_context(err, "tunnel %s", options->interface);

    *tunnel = memory_alloc(sizeof **tunnel);
    strcpy((*tunnel)->interface, options->interface); /* its length was checked */
    return 0;
}

void tunnel_close(struct tunnel **tunnel)
{
    memory_free(tunnel);
}

int tunnel_destroy(struct tunnel **tunnel, struct error *err)
{
    if (!*tunnel)
        return 0;
    cleanup(arena_free) struct arena *arena = arena_new();
    /* wireguard-go ends when its device goes. */
    int result =
        tunnel_tool(arena, TUNNEL_ARGV("ip", "link", "delete", "dev", (*tunnel)->interface), NULL, err);
    tunnel_close(tunnel);
    return result;
}
