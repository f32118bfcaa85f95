#include "host/spec.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/addresses.h"
#include "host/configserver.h"
#include "host/line.h"
#include "identity/athenz.h"
#include "zone/names.h"

#include <string.h>

enum {
    SPEC_LARGEST = 4 << 20,
    POLL_WAIT_S = 10, /* then what is told regularly has its turn: report.c */
    POLL_TIMEOUT_MS = 16 * 1000,
    READY_TIMEOUT_MS = 10 * 1000,
    RETRY_FIRST_MS = 250,
    RETRY_MOST_MS = 15 * 1000,
};

static const char *const node_states[] = {"active", "inactive", "dirty"};

static bool is_node_state(const char *state)
{
    for (size_t i = 0; i < COUNT_OF(node_states); i++)
        if (text_equal(state, node_states[i]))
            return true;
    return false;
}

/* A reference as podman takes it, never an option. */
static bool is_image(const char *text)
{
    return !text_empty(text) && strlen(text) <= 512 && text[0] != '-' && text_only(text, "A-Za-z0-9._:/@-");
}

static int check_addresses(const struct node_spec *node, struct error *err)
{
    if (!address_is_ipv6(node->address))
        return error_set(err, ERROR_INVALID, "node %s: address is not IPv6", node->hostname);
    for (size_t i = 0; i < node->application_address_count; i++)
        if (!address_is_ipv6(node->application_addresses[i]))
            return error_set(err, ERROR_INVALID, "node %s: an application address is not IPv6",
                             node->hostname);
    for (size_t i = 0; i < node->network_count; i++)
        if (!network_is_valid(node->networks[i]))
            return error_set(err, ERROR_INVALID, "node %s: a network is not a CIDR block", node->hostname);
    for (size_t i = 0; i < node->content_count; i++)
        if (!address_is_ipv6(node->content[i].address))
            return error_set(err, ERROR_INVALID, "node %s: a content node's address is not IPv6",
                             node->hostname);
    return 0;
}

/* Lower-case names of machines, or "*." before one: they go into a certificate's request. */
static int check_certificate_names(const struct node_spec *node, struct error *err)
{
    for (size_t i = 0; i < node->certificate_name_count; i++) {
        const char *name = node->certificate_names[i];
        if (!hostname_is_valid(strncmp(name, "*.", 2) == 0 ? name + 2 : name))
            return error_set(err, ERROR_INVALID, "node %s: a certificate's name is not a DNS name",
                             node->hostname);
    }
    return 0;
}

static int check_node(const struct node_spec *node, struct error *err)
{
    if (!hostname_is_valid(node->hostname) || !name_is_valid(node->tenant) ||
        !name_is_valid(node->application) || !name_is_valid(node->instance) ||
        !cluster_is_valid(node->cluster_id))
        return error_set(err, ERROR_INVALID, "a node's names are not in their grammar");
    if (!is_node_state(node->state))
        return error_set(err, ERROR_INVALID, "node %s: unknown state \"%.32s\"", node->hostname, node->state);
    if (!is_image(node->image))
        return error_set(err, ERROR_INVALID, "node %s: image is not a reference", node->hostname);
    if (!text_equal(node->cluster_type, "container") && !text_equal(node->cluster_type, "content"))
        return error_set(err, ERROR_INVALID, "node %s: unknown cluster type", node->hostname);
    if (!athenz_is_name(node->athenz_domain) || !athenz_is_name(node->athenz_service) ||
        !athenz_is_instance_id(node->instance_id))
        return error_set(err, ERROR_INVALID, "node %s: its identity's names are not Athenz names",
                         node->hostname);
    return check_addresses(node, err) < 0 ? -1 : check_certificate_names(node, err);
}

int spec_parse(const char *hostname, struct arena *arena, const char *text, size_t length,
               struct host_spec *spec, struct error *err)
{
    if (record_parse(&host_spec_record, arena, text, length, spec, err) < 0)
        return error_context(err, "spec");
    if (!text_equal(spec->hostname, hostname))
        return error_set(err, ERROR_INVALID, "spec is of host %s, not of %s", spec->hostname, hostname);
    if (!address_is_ipv6(spec->host_address))
        return error_set(err, ERROR_INVALID, "spec: the host's address is not IPv6");
    for (size_t i = 0; i < spec->node_count; i++) {
        if (check_node(&spec->nodes[i], err) < 0)
            return error_context(err, "spec");
        for (size_t j = 0; j < i; j++)
            if (text_equal(spec->nodes[i].hostname, spec->nodes[j].hostname))
                return error_set(err, ERROR_INVALID, "spec has node %s twice", spec->nodes[i].hostname);
    }
    return 0;
}

int spec_load(struct agent *agent, struct arena *arena, struct host_spec *spec, struct error *err)
{
    char *text = NULL;
    size_t length = 0;
    if (file_read(arena, agent_path(agent, arena, "spec.json"), SPEC_LARGEST, &text, &length, err) < 0)
        return -1;
    return spec_parse(agent->config.hostname, arena, text, length, spec, err);
}

int spec_store(struct agent *agent, const char *text, size_t length, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (file_write(agent_path(agent, arena, "spec.json"), text, length, 0600, err) < 0)
        return error_context(err, "keep the spec");
    agent_count(agent, &agent->spec_changes);
    return 0;
}

static int put_ready(struct agent *agent, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "/nodes/v2/state/ready/%s", agent->config.hostname);
    struct http_reply reply;
    const struct question question = {
        .method = HTTP_PUT, .path = path, .timeout_ms = READY_TIMEOUT_MS, .on_line = true};
    if (configserver_call(agent, &question, arena, &reply, err) < 0)
        return error_context(err, "tell that we are ready");
    log_info("host is ready", "host", agent->config.hostname, NULL);
    return 0;
}

/* How far we are with what we were told. */
struct progress {
    int64_t generation; /* of no spec at first: whatever there is comes at once */
    int64_t sequence;   /* of the spec in force, over restarts, too */
    bool provisioned;   /* we have not said that we are ready */
};

/* A config server that has fallen behind would take back what another told us: nodes, their data with them.
 */
static int check_sequence(struct agent *agent, const struct host_spec *spec, const struct progress *progress,
                          struct error *err)
{
    if (spec->sequence >= progress->sequence)
        return 0;
    configserver_turn(agent);
    return error_set(err, ERROR_UNAVAILABLE,
                     "the config server is behind: it knows change %lld, we have %lld",
                     (long long)spec->sequence, (long long)progress->sequence);
}

/* One long poll: a new spec is checked and kept, a bad one refused with the old one still in force. */
static int poll_spec(struct agent *agent, struct progress *progress, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "/spec/v1/host/%s?generation=%lld&wait=%d", agent->config.hostname,
                                    (long long)progress->generation, POLL_WAIT_S);
    struct http_reply reply;
    const struct question question = {
        .method = HTTP_GET, .path = path, .timeout_ms = POLL_TIMEOUT_MS, .on_line = true};
    if (configserver_call(agent, &question, arena, &reply, err) < 0)
        return -1;
    if (reply.status != 200)
        return 0;
    struct host_spec spec = {0};
    if (spec_parse(agent->config.hostname, arena, reply.body, reply.length, &spec, err) < 0 ||
        check_sequence(agent, &spec, progress, err) < 0 ||
        spec_store(agent, reply.body, reply.length, err) < 0)
        return -1;
    *progress = (struct progress){spec.generation, spec.sequence, text_equal(spec.state, "provisioned")};
    log_info("new spec", "host", spec.hostname, "state", spec.state, "generation",
             arena_format(arena, "%lld", (long long)spec.generation), "nodes",
             arena_format(arena, "%zu", spec.node_count), NULL);
    return 0;
}

static void load_progress(struct agent *agent, struct progress *progress)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct host_spec spec = {0};
    bool kept = spec_load(agent, arena, &spec, NULL) == 0;
    *progress =
        (struct progress){0, kept ? spec.sequence : 0, !kept || text_equal(spec.state, "provisioned")};
}

static int spec_pass(struct agent *agent, struct progress *progress, struct error *err)
{
    if (progress->provisioned) {
        if (put_ready(agent, err) < 0)
            return -1;
        progress->provisioned = false;
    }
    return poll_spec(agent, progress, err);
}

void *spec_thread(void *context)
{
    struct agent *agent = context;
    struct progress progress;
    load_progress(agent, &progress);
    struct backoff backoff = {.first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS};
    agent_wait_for(agent, FACT_TUNNEL | FACT_IDENTITY);
    for (;;) {
        struct error err = {0};
        line_take(agent);
        int result = spec_pass(agent, &progress, &err);
        line_give(agent);
        if (result == 0) {
            backoff_reset(&backoff);
        } else {
            log_warning("no spec from the config servers; the last one stays in force", "error", err.message,
                        NULL);
            clock_sleep_ms(backoff_next(&backoff, agent->config.hostname));
        }
    }
}
