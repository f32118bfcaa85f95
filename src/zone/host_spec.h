/* What config servers and hosts say to each other, over the tunnel but for the bootstrap: the records and routes.
 *
 *   public   POST /bootstrap/v1/challenge           challenge_request -> challenge
 *   public   PUT  /wireguard/v1/key                 wireguard_key -> wireguard_peers       (the host itself)
 *   tunnel   GET  /spec/v1/host/{hostname}?generation=G&wait=S  -> host_spec               (the host itself)
 *            answers at once when the spec's generation is not G, else within S (at most 60) seconds: 200, or 304
 *   tunnel   PUT  /nodes/v2/state/ready/{hostname}                                         (the host itself)
 *   tunnel   PATCH /nodes/v2/node/{hostname}        node_report, hostname of the host or of a node on it
 *   tunnel   POST /metrics/v1/host/{hostname}       metrics_report, every 10 s: also the heartbeat
 *   tunnel   PUT, DELETE /orchestrator/v1/hosts/{hostname}/suspended   may it be down now? 409: no, ask again later
 *   tunnel   PUT /orchestrator/v1/suspensions/hosts/{hostname}?hostname=…&hostname=…   the host and nodes on it at once
 *   vendor   POST /athenz/v1/provider/{instance|refresh}  InstanceConfirmation              (zts)
 */
#ifndef ZONE_HOST_SPEC_H
#define ZONE_HOST_SPEC_H

#include "base/record.h"

struct challenge_request {
    const char *hostname, *instance_id;
};
struct challenge {
    const char *nonce;
    int64_t expires_at; /* ms */
};

/* attestationData of a host's registration at zts (a JSON string there). */
struct host_attestation {
    const char *hostname;
    const char *document, *signature; /* instance identity document and its RSA-2048 PKCS#7 */
    const char *nonce, *key_hash;
    json_t *proof; /* struct sts_proof */
};
/* attestationData of a node's registration, made by its host over the host's own mTLS. */
struct node_attestation {
    const char *hostname, *parent_hostname;
};

struct wireguard_key {
    const char *key;
};
struct wireguard_peer {
    const char *hostname, *key, *endpoint, *address; /* endpoint "[v6]:51820", address inside the tunnel */
};
struct wireguard_peers {
    const char *address; /* ours inside the tunnel */
    int64_t prefix_length;
    struct wireguard_peer *configservers;
    size_t configserver_count;
};

struct node_resources_wire {
    double vcpu, memory_gb, disk_gb;
};

struct content_node {
    const char *hostname, *address; /* "https://[address]:4443" is where it answers */
    bool retired;                   /* has documents, and shall get no more */
};

/* A node (container) this host shall run. */
struct node_spec {
    const char *hostname;
    const char *state;  /* "active" (run it), "inactive" (stop it, keep), "dirty" (stop, sync logs, remove) */
    const char *tenant, *application, *instance;
    const char *cluster_type, *cluster_id; /* "container" or "content" */
    int64_t index;
    const char *image;
    const char *address; /* its IPv6 */
    struct node_resources_wire *resources;
    const char *athenz_service; /* the domain is vespa.tenant.<tenant>.<application>, service is the instance */
    const char *athenz_domain, *instance_id; /* index.cluster.instance.application.tenant.region.env.node */
    const char *clients_pem; /* whom the data plane serves; container clusters */
    const char **application_addresses; /* all nodes of the same application: may talk to this one */
    size_t application_address_count;
    const char **networks; /* CIDRs of load balancers that may reach port 4443 */
    size_t network_count;
    struct content_node *content; /* for container nodes: where documents live */
    size_t content_count; /* for content nodes too: whom a retired one hands its documents to */
    int64_t restart_generation;
    bool retired;                   /* content: hand your documents to the others, then say so */
    const char *config_checksum;    /* names `content` and `clients_pem`: the service says what it follows */
    const char **certificate_names; /* DNS names its certificate shall have beside its own */
    size_t certificate_name_count;
};
struct host_spec {
    int64_t generation;
    int64_t sequence; /* of the last change of the zone that it knows: a host never goes back to a lower one */
    const char *hostname;
    const char *state; /* the host's: "provisioned", "ready", "active", "deprovisioning" */
    const char *host_address; /* IPv6 on the VPC's network */
    const char *archive_bucket;
    int64_t reboot_generation; /* reboot when this rises above the last carried out */
    bool drain;         /* sync every log, then report drained */
    struct node_spec *nodes;
    size_t node_count;
};

/* What a host may say of itself or of a node on it (the reference's fields that mean something here). */
struct node_report {
    const char *current_image;
    const char *vespa_version;
    int64_t current_restart_generation; /* -1: not said */
    int64_t current_reboot_generation;  /* of a host; -1: not said */
    const char *service_status;         /* "up", "down", "starting", "stopped" */
    const char *status_message;         /* why, when not up */
    bool data_moved; /* retired, and the others have its documents */
    const char *config_checksum; /* of what its service follows; NULL: it does not say */
    const char **certificate_names; /* DNS names in the certificate it serves with */
    size_t certificate_name_count;
    bool drained;                       /* every log is in the archive, nothing runs */
    json_t *reports;
};

struct metric {
    const char *name; /* "vespa.node.logs_archived_bytes_total" becomes a Prometheus name by replacing dots */
    double value;
    const char *type; /* "counter", "gauge" */
    const char *node; /* hostname of the node, NULL: of the host */
};
struct metrics_report {
    int64_t at; /* ms */
    struct metric *metrics;
    size_t metric_count;
};

extern const struct record challenge_request_record, challenge_record, host_attestation_record,
    node_attestation_record, wireguard_key_record, wireguard_peers_record, host_spec_record, node_report_record,
    metrics_report_record;

#endif
