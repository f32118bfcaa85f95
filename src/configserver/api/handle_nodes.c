/* Hosts and nodes, filtered as Vespa's node repository does it: GET /nodes/v2/node/ and /nodes/v2/state/. */
#include "base/buffer.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/api/shown.h"

#include <string.h>

/* A host or a node: one of the two. */
struct listed {
    const struct host *host;
    const struct node *node;
};

static const char *state_of(const struct listed *listed)
{
    return listed->host ? host_state_names[listed->host->state] : node_state_names[listed->node->state];
}
static const char *hostname_of(const struct listed *listed)
{
    return listed->host ? listed->host->hostname : listed->node->hostname;
}
static const char *application_of(const struct listed *listed)
{
    return listed->host ? listed->host->application : listed->node->application;
}
static const char *cluster_type_of(const struct listed *listed)
{
    return listed->node ? shown_cluster_type(listed->node->cluster_type) : NULL;
}
static const char *cluster_of(const struct listed *listed)
{
    return listed->host ? listed->host->cluster : listed->node->cluster;
}
static const char *type_of(const struct listed *listed)
{
    return listed->host ? "host" : "tenant";
}
static const char *flavor_of(const struct listed *listed)
{
    return listed->host ? listed->host->instance_type : NULL;
}
static const char *parent_of(const struct listed *listed)
{
    return listed->node ? listed->node->parent : NULL;
}
static const char *enclave_of(const struct listed *listed)
{
    (void)listed;
    return "true"; /* there is nothing else here */
}

/* A query parameter, and what of a host or node must be among its words. */
static const struct filter {
    const char *query;
    const char *(*value)(const struct listed *listed);
} filters[] = {
    {"state", state_of},
    {"hostname", hostname_of},
    {"application", application_of},
    {"clusterType", cluster_type_of},
    {"clusterId", cluster_of},
    {"type", type_of},
    {"parentHost", parent_of},
    {"enclave", enclave_of},
    {"flavor", flavor_of},
};
/* What else may be asked. */
static const char *const switches[] = {"recursive", "includeDeprovisioned"};

/* One request's listing. */
struct listing {
    struct zone *zone;
    const struct view *view;
    const char *wanted[COUNT_OF(filters)]; /* "a b", "a,b"; NULL: any */
    bool recursive, with_deprovisioned;
    struct buffer text; /* the answer so far: of ten thousand hosts 30 MB, as a tree five times that */
    size_t count;
};

/* Words stand apart by commas or spaces. */
static bool has_word(const char *words, const char *word)
{
    size_t length = word ? strlen(word) : 0;
    for (const char *at = words; length && *(at += strspn(at, ", ")); at += strcspn(at, ", "))
        if (strcspn(at, ", ") == length && memcmp(at, word, length) == 0)
            return true;
    return false;
}

static bool passes(const struct listing *listing, const struct listed *listed)
{
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (listing->wanted[i] && !has_word(listing->wanted[i], filters[i].value(listed)))
            return false;
    bool deprovisioned = listed->host && listed->host->state >= HOST_DEPROVISIONED;
    return !deprovisioned || listing->with_deprovisioned;
}

static void add(struct listing *listing, const struct listed *listed)
{
    if (!passes(listing, listed))
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *json;
    if (!listing->recursive)
        json = json_pack("{s:o,s:s}", "url", json_sprintf("/nodes/v2/node/%s", hostname_of(listed)),
                         "hostname", hostname_of(listed));
    else if (listed->host)
        json = show_host(listing->zone, listing->view, listed->host, arena);
    else
        json = show_node(listing->zone, listing->view, listed->node, arena);
    buffer_format(&listing->text, "%s%s", listing->count++ ? "," : "", json_text(arena, json));
    json_decref(json);
}

/* One application's, without a look at anybody else's. */
static void list_application(struct listing *listing, const char *application)
{
    view_each_of(listing->view, HOSTS_OF_APPLICATION, application, struct host, host)
        add(listing, &(struct listed){.host = host});
    view_each_of(listing->view, NODES_OF_APPLICATION, application, struct node, node)
        add(listing, &(struct listed){.node = node});
}

static void list_everything(struct listing *listing)
{
    view_each(listing->view, RECORD_HOST, struct host, host)
        add(listing, &(struct listed){.host = host});
    view_each(listing->view, RECORD_NODE, struct node, node)
        add(listing, &(struct listed){.node = node});
}

static bool is_true(struct http_request *request, const char *name)
{
    return text_equal(http_request_query(request, name), "true");
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(switches); i++)
        if (text_equal(name, switches[i]))
            return true;
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (text_equal(name, filters[i].query))
            return true;
    return false;
}

/* A filter that is not understood would pass everybody. */
static int check_query(struct http_request *request, struct error *err)
{
    for (size_t i = 0; i < http_request_query_count(request); i++) {
        const char *value, *name = http_request_query_at(request, i, &value);
        if (!is_known(name))
            return error_set(err, ERROR_INVALID,
                             "there is no filter '%.40s': state, hostname, application, clusterType, "
                             "clusterId, type, parentHost, enclave, flavor, includeDeprovisioned and "
                             "recursive are",
                             name);
    }
    return 0;
}

static void list(struct listing *listing, const char *application)
{
    if (application && !strpbrk(application, ", ") && !listing->with_deprovisioned)
        list_application(listing, application);
    else
        list_everything(listing);
}

/* `state` NULL: as the query says. */
static enum http_answer answer_list(struct http_request *request, const char *state)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    if (check_query(request, &err) < 0)
        return http_fail(request, &err);
    VIEW(view, zone->repository);
    struct listing listing = {.zone = zone,
                              .view = view,
                              .recursive = is_true(request, "recursive"),
                              .with_deprovisioned = is_true(request, "includeDeprovisioned"),
                              .text = buffer_new(ZONE_ANSWER_LARGEST)};
    const char *application =
        shown_application_id(http_request_arena(request), http_request_query(request, "application"));
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        listing.wanted[i] = http_request_query(request, filters[i].query);
    listing.wanted[0] = state ? state : listing.wanted[0];
    listing.wanted[2] = application;
    listing.with_deprovisioned |=
        listing.wanted[0] && has_word(listing.wanted[0], host_state_names[HOST_DEPROVISIONED]);
    buffer_text(&listing.text, "{\"nodes\":[");
    list(&listing, application);
    buffer_text(&listing.text, "]}");
    bool fits = !listing.text.overflow;
    if (fits)
        http_respond(request, 200, "application/json", buffer_string(&listing.text), listing.text.length);
    buffer_free(&listing.text);
    if (fits)
        return HTTP_ANSWERED;
    error_set(&err, ERROR_INVALID, "that is too much at once: say which by filters");
    return http_fail(request, &err);
}

enum http_answer list_nodes(struct http_request *request)
{
    return answer_list(request, NULL);
}

enum http_answer get_node(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    const char *hostname = http_request_parameter(request, "hostname");
    VIEW(view, zone->repository);
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    const struct node *node = view_find(view, RECORD_NODE, hostname);
    if (!host && !node) {
        struct error err = {0};
        error_set(&err, ERROR_NOT_FOUND, "No node with hostname '%.80s'", hostname);
        return http_fail(request, &err);
    }
    http_respond_json(request, 200,
                      host ? show_host(zone, view, host, arena) : show_node(zone, view, node, arena));
    return HTTP_ANSWERED;
}

static json_t *count_in(json_t *states, const char *name)
{
    json_t *state = json_object_get(states, name);
    if (!state) {
        state = json_pack("{s:o,s:i,s:i}", "url", json_sprintf("/nodes/v2/state/%s", name), "hosts", 0,
                          "nodes", 0);
        json_object_set_new(states, name, state);
    }
    return state;
}

static void count_one(json_t *states, const char *name, const char *what)
{
    json_t *state = count_in(states, name);
    json_object_set_new(state, what, json_integer(json_integer_value(json_object_get(state, what)) + 1));
}

/* Every state there is, with how many are in it. */
enum http_answer list_states(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    json_t *states = json_object();
    VIEW(view, zone->repository);
    for (size_t i = 0; host_state_names[i] && i != HOST_GONE; i++)
        count_in(states, host_state_names[i]);
    for (size_t i = 0; node_state_names[i] && i != NODE_GONE; i++)
        count_in(states, node_state_names[i]);
    view_each(view, RECORD_HOST, struct host, host)
        count_one(states, host_state_names[host->state], "hosts");
    view_each(view, RECORD_NODE, struct node, node)
        count_one(states, node_state_names[node->state], "nodes");
    http_respond_json(request, 200, json_pack("{s:o}", "states", states));
    return HTTP_ANSWERED;
}

enum http_answer list_in_state(struct http_request *request)
{
    return answer_list(request, http_request_parameter(request, "state"));
}
