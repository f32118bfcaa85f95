#include "zone/host_spec.h"

#include "base/text.h"
#include "zone/names.h"

#include <string.h>

enum {
    INSTANCE_ID_LONGEST = 32,
    NONCE_LONGEST = 128,
    DOCUMENT_LONGEST = 8192,
    SIGNATURE_LONGEST = 16384,
    ADDRESS_LONGEST = 64,
    URL_LONGEST = 512,
    TEXT_LONGEST = 512,
    PEM_LONGEST = 65536,
    MOST_CONFIGSERVERS = 9,
    MOST_NODES = 64,
    MOST_ADDRESSES = 4096,
    MOST_METRICS = 1000,
};

#define LARGEST 9e15 /* of whole numbers: what a double still holds exactly */

static bool is_instance_id(const char *text)
{
    return text_starts(text, "i-") && text_only(text + 2, "0-9a-f") && text[2];
}

static bool is_hash(const char *text)
{
    return strlen(text) == 64 && text_only(text, "0-9a-f");
}

static bool is_metric_name(const char *text)
{
    return text[0] >= 'a' && text[0] <= 'z' && text_only(text, "a-z0-9_.");
}

static bool is_metric_type(const char *text)
{
    return text_equal(text, "counter") || text_equal(text, "gauge");
}

static const struct field challenge_request_fields[] = {
    FIELD_TEXT(struct challenge_request, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "the name from the host's user data"),
    FIELD_TEXT(struct challenge_request, instance_id, "instanceId", REQUIRED, INSTANCE_ID_LONGEST,
               is_instance_id, "EC2's name for it"),
    FIELD_END,
};
const struct record challenge_request_record = {"challenge_request", sizeof(struct challenge_request),
                                                challenge_request_fields};

static const struct field challenge_fields[] = {
    FIELD_TEXT(struct challenge, nonce, "nonce", REQUIRED, NONCE_LONGEST, NULL,
               "to be signed into the STS proof"),
    FIELD_INTEGER(struct challenge, expires_at, "expiresAt", REQUIRED, 0, LARGEST,
                  "until when, ms since the epoch"),
    FIELD_END,
};
const struct record challenge_record = {"challenge", sizeof(struct challenge), challenge_fields};

static const struct field host_attestation_fields[] = {
    FIELD_TEXT(struct host_attestation, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "the host that registers"),
    FIELD_TEXT(struct host_attestation, document, "document", REQUIRED, DOCUMENT_LONGEST, NULL,
               "instance identity document, verbatim"),
    FIELD_TEXT(struct host_attestation, signature, "signature", REQUIRED, SIGNATURE_LONGEST, NULL,
               "its RSA-2048 PKCS#7, base64"),
    FIELD_TEXT(struct host_attestation, nonce, "nonce", REQUIRED, NONCE_LONGEST, NULL, "from the challenge"),
    FIELD_TEXT(struct host_attestation, key_hash, "keyHash", REQUIRED, 64, is_hash,
               "SHA-256 of the new public key"),
    FIELD_JSON(struct host_attestation, proof, "proof", REQUIRED, "STS proof bound to nonce and key hash"),
    FIELD_END,
};
const struct record host_attestation_record = {"host_attestation", sizeof(struct host_attestation),
                                               host_attestation_fields};

static const struct field node_attestation_fields[] = {
    FIELD_TEXT(struct node_attestation, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "the node"),
    FIELD_TEXT(struct node_attestation, parent_hostname, "parentHostname", REQUIRED, HOSTNAME_LONGEST,
               hostname_is_valid, "the host it runs on"),
    FIELD_END,
};
const struct record node_attestation_record = {"node_attestation", sizeof(struct node_attestation),
                                               node_attestation_fields};

static const struct field wireguard_key_fields[] = {
    FIELD_TEXT(struct wireguard_key, key, "key", REQUIRED, 44, NULL, "public key, base64"),
    FIELD_END,
};
const struct record wireguard_key_record = {"wireguard_key", sizeof(struct wireguard_key),
                                            wireguard_key_fields};

static const struct field wireguard_peer_fields[] = {
    FIELD_TEXT(struct wireguard_peer, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "its name"),
    FIELD_TEXT(struct wireguard_peer, key, "key", REQUIRED, 44, NULL, "public key, base64"),
    FIELD_TEXT(struct wireguard_peer, endpoint, "endpoint", REQUIRED, ADDRESS_LONGEST, NULL,
               "[address]:port"),
    FIELD_TEXT(struct wireguard_peer, address, "address", REQUIRED, ADDRESS_LONGEST, NULL,
               "inside the tunnel"),
    FIELD_END,
};
static const struct record wireguard_peer_record = {"wireguard_peer", sizeof(struct wireguard_peer),
                                                    wireguard_peer_fields};

static const struct field wireguard_peers_fields[] = {
    FIELD_TEXT(struct wireguard_peers, address, "address", REQUIRED, ADDRESS_LONGEST, NULL,
               "the asker's own inside the tunnel"),
    FIELD_INTEGER(struct wireguard_peers, prefix_length, "prefixLength", REQUIRED, 1, 128,
                  "of the zone's network"),
    FIELD_LIST(struct wireguard_peers, configservers, configserver_count, "configservers", REQUIRED,
               MOST_CONFIGSERVERS, &wireguard_peer_record, "the zone's config servers"),
    FIELD_END,
};
const struct record wireguard_peers_record = {"wireguard_peers", sizeof(struct wireguard_peers),
                                              wireguard_peers_fields};

static const struct field node_resources_fields[] = {
    FIELD_NUMBER(struct node_resources_wire, vcpu, "vcpu", REQUIRED, 0.1, 1024, "virtual CPUs"),
    FIELD_NUMBER(struct node_resources_wire, memory_gb, "memoryGb", REQUIRED, 0.1, 65536,
                 "memory, 10^9 bytes"),
    FIELD_NUMBER(struct node_resources_wire, disk_gb, "diskGb", REQUIRED, 1, 1048576, "disk, 10^9 bytes"),
    FIELD_END,
};
static const struct record node_resources_record = {"resources", sizeof(struct node_resources_wire),
                                                    node_resources_fields};

static const struct field content_node_fields[] = {
    FIELD_TEXT(struct content_node, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "its name"),
    FIELD_TEXT(struct content_node, address, "address", REQUIRED, ADDRESS_LONGEST, NULL, "its IPv6 address"),
    FIELD_BOOL(struct content_node, retired, "retired", OPTIONAL, "gets no more documents"),
    FIELD_END,
};
static const struct record content_node_record = {"content_node", sizeof(struct content_node),
                                                  content_node_fields};

static const struct field node_spec_fields[] = {
    FIELD_TEXT(struct node_spec, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "the node's name, its key everywhere"),
    FIELD_TEXT(struct node_spec, state, "state", REQUIRED, 16, NULL, "active, inactive or dirty"),
    FIELD_TEXT(struct node_spec, tenant, "tenant", REQUIRED, NAME_LONGEST, name_is_valid, "owner"),
    FIELD_TEXT(struct node_spec, application, "application", REQUIRED, NAME_LONGEST, name_is_valid, "owner"),
    FIELD_TEXT(struct node_spec, instance, "instance", REQUIRED, NAME_LONGEST, name_is_valid, "owner"),
    FIELD_TEXT(struct node_spec, cluster_type, "clusterType", REQUIRED, 16, NULL, "container or content"),
    FIELD_TEXT(struct node_spec, cluster_id, "clusterId", REQUIRED, 40, cluster_is_valid,
               "cluster in services.xml"),
    FIELD_INTEGER(struct node_spec, index, "index", REQUIRED, 0, 1e9, "index in its cluster"),
    FIELD_TEXT(struct node_spec, image, "image", REQUIRED, TEXT_LONGEST, NULL, "container image"),
    FIELD_TEXT(struct node_spec, address, "address", REQUIRED, ADDRESS_LONGEST, NULL, "its IPv6 address"),
    FIELD_RECORD(struct node_spec, resources, "resources", REQUIRED, &node_resources_record,
                 "what it may use"),
    FIELD_TEXT(struct node_spec, athenz_service, "athenzService", REQUIRED, 384, NULL,
               "its identity's service"),
    FIELD_TEXT(struct node_spec, athenz_domain, "athenzDomain", REQUIRED, 384, NULL, "its identity's domain"),
    FIELD_TEXT(struct node_spec, instance_id, "instanceId", REQUIRED, 512, NULL, "its identity's instance"),
    FIELD_TEXT(struct node_spec, clients_pem, "clientsPem", OPTIONAL, PEM_LONGEST, NULL,
               "whom the data plane serves"),
    FIELD_LIST(struct node_spec, application_addresses, application_address_count, "applicationAddresses",
               OPTIONAL, MOST_ADDRESSES, &text_record, "nodes that may talk to this one"),
    FIELD_LIST(struct node_spec, networks, network_count, "networks", OPTIONAL, 64, &text_record,
               "networks that may reach the data plane port"),
    FIELD_LIST(struct node_spec, content, content_count, "content", OPTIONAL, MOST_ADDRESSES,
               &content_node_record, "where documents live"),
    FIELD_INTEGER(struct node_spec, restart_generation, "restartGeneration", OPTIONAL, 0, LARGEST,
                  "restart when this rises"),
    FIELD_BOOL(struct node_spec, retired, "retired", OPTIONAL, "to hand its documents to the others"),
    FIELD_TEXT(struct node_spec, config_checksum, "configChecksum", OPTIONAL, 64, NULL,
               "names whom it serves and where documents live"),
    FIELD_LIST(struct node_spec, certificate_names, certificate_name_count, "certificateNames", OPTIONAL, 16,
               &text_record, "DNS names its certificate shall have beside its own"),
    FIELD_END,
};
static const struct record node_spec_record = {"node", sizeof(struct node_spec), node_spec_fields};

static const struct field host_spec_fields[] = {
    FIELD_INTEGER(struct host_spec, sequence, "sequence", OPTIONAL, 0, LARGEST,
                  "the zone's last change that it knows of; hosts never go back"),
    FIELD_INTEGER(struct host_spec, generation, "generation", REQUIRED, 0, LARGEST,
                  "rises with every change"),
    FIELD_TEXT(struct host_spec, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "the host"),
    FIELD_TEXT(struct host_spec, state, "state", REQUIRED, 32, NULL, "where in its life the host is"),
    FIELD_TEXT(struct host_spec, host_address, "hostAddress", REQUIRED, ADDRESS_LONGEST, NULL,
               "its IPv6 address"),
    FIELD_TEXT(struct host_spec, archive_bucket, "archiveBucket", REQUIRED, 63, NULL,
               "where rotated logs go"),
    FIELD_INTEGER(struct host_spec, reboot_generation, "rebootGeneration", OPTIONAL, 0, LARGEST,
                  "reboot when this rises"),
    FIELD_BOOL(struct host_spec, drain, "drain", OPTIONAL, "sync every log, then report drained"),
    FIELD_LIST(struct host_spec, nodes, node_count, "nodes", REQUIRED, MOST_NODES, &node_spec_record,
               "what to run"),
    FIELD_END,
};
const struct record host_spec_record = {"host_spec", sizeof(struct host_spec), host_spec_fields};

static const struct field node_report_fields[] = {
    FIELD_TEXT(struct node_report, current_image, "currentDockerImage", OPTIONAL, TEXT_LONGEST, NULL,
               "what runs"),
    FIELD_TEXT(struct node_report, vespa_version, "vespaVersion", OPTIONAL, 64, NULL, "what runs"),
    FIELD_INTEGER(struct node_report, current_restart_generation, "currentRestartGeneration", OPTIONAL, -1,
                  LARGEST, "the last restart carried out; -1: not said"),
    FIELD_INTEGER(struct node_report, current_reboot_generation, "currentRebootGeneration", OPTIONAL, -1,
                  LARGEST, "of a host: the last reboot carried out; -1: not said"),
    FIELD_TEXT(struct node_report, service_status, "serviceStatus", OPTIONAL, 16, NULL,
               "up, down, starting, stopped"),
    FIELD_TEXT(struct node_report, status_message, "statusMessage", OPTIONAL, TEXT_LONGEST, NULL,
               "why, when not up"),
    FIELD_BOOL(struct node_report, data_moved, "dataMoved", OPTIONAL, "retired, and the others have its documents"),
    FIELD_TEXT(struct node_report, config_checksum, "configChecksum", OPTIONAL, 64, NULL, "what its service follows"),
    FIELD_LIST(struct node_report, certificate_names, certificate_name_count, "certificateNames", OPTIONAL, 16,
               &text_record, "DNS names in the certificate it serves with"),
    FIELD_BOOL(struct node_report, drained, "drained", OPTIONAL, "every log is archived, nothing runs"),
    FIELD_JSON(struct node_report, reports, "reports", OPTIONAL, "what is wrong with it, by name"),
    FIELD_END,
};
const struct record node_report_record = {"node_report", sizeof(struct node_report), node_report_fields};

static const struct field metric_fields[] = {
    FIELD_TEXT(struct metric, name, "name", REQUIRED, 120, is_metric_name, "dotted name"),
    FIELD_NUMBER(struct metric, value, "value", REQUIRED, -1e300, 1e300, "its value"),
    FIELD_TEXT(struct metric, type, "type", REQUIRED, 8, is_metric_type, "counter or gauge"),
    FIELD_TEXT(struct metric, node, "node", OPTIONAL, HOSTNAME_LONGEST, hostname_is_valid,
               "the node it is of; the host's own when absent"),
    FIELD_END,
};
static const struct record metric_record = {"metric", sizeof(struct metric), metric_fields};

static const struct field metrics_report_fields[] = {
    FIELD_INTEGER(struct metrics_report, at, "at", REQUIRED, 0, LARGEST, "when, ms since the epoch"),
    FIELD_LIST(struct metrics_report, metrics, metric_count, "metrics", REQUIRED, MOST_METRICS,
               &metric_record, "the host's and its nodes'"),
    FIELD_END,
};
const struct record metrics_report_record = {"metrics_report", sizeof(struct metrics_report),
                                             metrics_report_fields};
