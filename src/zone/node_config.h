/* What a node is told by its host, as /etc/node/config.json inside its container: who it is, where its
 * identity lies, whom it serves. Written by the host agent, read by the example container; nothing secret is
 * in it. */
#ifndef ZONE_NODE_CONFIG_H
#define ZONE_NODE_CONFIG_H

#include "base/record.h"
#include "zone/host_spec.h"

#define NODE_CONFIG_DIRECTORY   "/etc/node"    /* config.json, clients.pem */
#define NODE_IDENTITY_DIRECTORY "/var/lib/sia" /* current/{cert,key,ca}.pem */
#define NODE_DATA_DIRECTORY     "/var/lib/node"
#define NODE_LOG_DIRECTORY      "/var/log/vespa" /* vespa, access, connection */

/* Files the node uses by their paths inside the container; they are replaced, so it looks for changes. */
struct node_identity_files {
    const char *certificate, *key, *trust;
};

struct node_config {
    const char *hostname;
    const char *cluster_type, *cluster_id; /* "container" or "content" */
    int64_t index;
    const char *tenant, *application, *instance;
    struct content_node *content; /* where documents live, in an order that stays */
    size_t content_count;
    const char *checksum; /* of what can change here: said in /state/v1/health ("configChecksum") once followed */
    bool retired; /* content: hand all documents to those that are not, then say so ("dataMoved" in /state/v1/health) */
    struct node_identity_files *identity;
    const char *clients_pem;
    int64_t port;
    const char *peer_principal; /* nodes of the same application: vespa.tenant.<t>.<a>.<i> */
};
extern const struct record node_config_record;

#endif
