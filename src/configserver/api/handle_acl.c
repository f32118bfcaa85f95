/* What Vespa's node repository shows beside its nodes: who may reach a host or its node, and where accounts
 * archive their logs. Of the firewall nothing is made up here: it is what the host's spec says to it. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/api/shown.h"
#include "configserver/hosts/spec.h"

/* One answer in the making. */
struct acl {
    struct zone *zone;
    const struct view *view;
    struct arena *arena;
    json_t *nodes, *networks, *ports, *udp_ports;
};

/* Config servers reach the host itself, through its tunnel, which the host opens: nothing is open for it. */
static int add_host(struct acl *acl, const struct host *host, struct error *err)
{
    struct wireguard_peers peers = {0};
    if (list_config_servers(acl->zone, acl->arena, &peers, err) < 0)
        return -1;
    for (size_t i = 0; i < peers.configserver_count; i++)
        json_array_append_new(acl->nodes,
                              json_pack("{s:s,s:s,s:s,s:s}", "hostname", peers.configservers[i].hostname,
                                        "type", "config", "ipAddress", peers.configservers[i].address,
                                        "trustedBy", host->hostname));
    return 0;
}

static const char *hostname_at(const struct acl *acl, const struct node *node, const char *address)
{
    view_each_of(acl->view, NODES_OF_APPLICATION, node->application, struct node, other) {
        const struct host *host = view_find(acl->view, RECORD_HOST, other->parent);
        if (host && text_equal(host->node_address, address))
            return other->hostname;
    }
    return "";
}

/* The application's nodes by whatever they speak, its load balancers where it serves. */
static void add_node(struct acl *acl, const struct host *host, const struct node *node)
{
    struct host_spec spec;
    spec_make(acl->zone, acl->view, host, acl->arena, &spec);
    const struct node_spec *told = spec.node_count ? &spec.nodes[0] : &(struct node_spec){0};
    for (size_t i = 0; i < told->application_address_count; i++)
        json_array_append_new(
            acl->nodes, json_pack("{s:s,s:s,s:s,s:s}", "hostname",
                                  hostname_at(acl, node, told->application_addresses[i]), "type", "tenant",
                                  "ipAddress", told->application_addresses[i], "trustedBy", node->hostname));
    for (size_t i = 0; i < told->network_count; i++)
        json_array_append_new(acl->networks, json_pack("{s:s,s:[i],s:s}", "network", told->networks[i],
                                                       "ports", NODE_PORT, "trustedBy", node->hostname));
}

/* A host's with `children=true` are its node's as well; for a node they are its own. */
static int fill(struct acl *acl, const char *hostname, bool children, struct error *err)
{
    const struct node *node = view_find(acl->view, RECORD_NODE, hostname);
    const struct host *host = view_find(acl->view, RECORD_HOST, node ? node->parent : hostname);
    if (!host)
        return error_set(err, ERROR_NOT_FOUND, "No node with hostname '%.80s'", hostname);
    if (!node && add_host(acl, host, err) < 0)
        return -1;
    if (!node && children)
        node = view_node_of(acl->view, host->hostname);
    if (node)
        add_node(acl, host, node);
    return 0;
}

enum http_answer get_acl(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    VIEW(view, zone->repository);
    struct acl acl = {.zone = zone,
                      .view = view,
                      .arena = http_request_arena(request),
                      .nodes = json_array(),
                      .networks = json_array(),
                      .ports = json_array(), /* nothing is open to everybody */
                      .udp_ports = json_array()};
    int result = fill(&acl, http_request_parameter(request, "hostname"),
                      text_equal(http_request_query(request, "children"), "true"), &err);
    json_t *answer = json_pack("{s:o,s:o,s:o,s:o}", "trustedNodes", acl.nodes, "trustedNetworks",
                               acl.networks, "trustedPorts", acl.ports, "trustedUdpPorts", acl.udp_ports);
    if (result == 0) {
        http_respond_json(request, 200, answer);
        return HTTP_ANSWERED;
    }
    json_decref(answer);
    return http_fail(request, &err);
}

/* Each account has its own; several applications in it have the same. */
enum http_answer list_archives(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    json_t *accounts = json_object(), *list = json_array(), *uri;
    const char *account;
    VIEW(view, zone->repository);
    view_each(view, RECORD_APPLICATION, struct application, application)
        json_object_set_new(accounts, application->account,
                            json_sprintf("s3://%s/", application->archive_bucket));
    json_object_foreach(accounts, account, uri)
        json_array_append_new(list,
                              json_pack("{s:o,s:O}", "account", json_sprintf("aws:%s", account), "uri", uri));
    json_decref(accounts);
    http_respond_json(request, 200, json_pack("{s:o}", "archives", list));
    return HTTP_ANSWERED;
}
