#include "zone/node_config.h"

#include "zone/names.h"

static const struct field content_fields[] = {
    FIELD_TEXT(struct content_node, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "its name"),
    FIELD_TEXT(struct content_node, address, "address", REQUIRED, 64, NULL, "its IPv6 address"),
    FIELD_BOOL(struct content_node, retired, "retired", OPTIONAL, "gets no more documents"),
    FIELD_END,
};
static const struct record content_record = {"content node", sizeof(struct content_node), content_fields};

static const struct field identity_fields[] = {
    FIELD_TEXT(struct node_identity_files, certificate, "certificate", REQUIRED, 4096, NULL, "PEM file"),
    FIELD_TEXT(struct node_identity_files, key, "key", REQUIRED, 4096, NULL, "PEM file"),
    FIELD_TEXT(struct node_identity_files, trust, "trust", REQUIRED, 4096, NULL, "PEM file: whom to trust"),
    FIELD_END,
};
static const struct record identity_record = {"identity files", sizeof(struct node_identity_files),
                                              identity_fields};

static const struct field node_config_fields[] = {
    FIELD_TEXT(struct node_config, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid,
               "the node's"),
    FIELD_TEXT(struct node_config, cluster_type, "clusterType", REQUIRED, 16, NULL, "container or content"),
    FIELD_TEXT(struct node_config, cluster_id, "clusterId", REQUIRED, 40, cluster_is_valid,
               "as in services.xml"),
    FIELD_INTEGER(struct node_config, index, "index", REQUIRED, 0, 100000, "of the node in its cluster"),
    FIELD_TEXT(struct node_config, tenant, "tenant", REQUIRED, NAME_LONGEST, name_is_valid, "whose it is"),
    FIELD_TEXT(struct node_config, application, "application", REQUIRED, NAME_LONGEST, name_is_valid, ""),
    FIELD_TEXT(struct node_config, instance, "instance", REQUIRED, NAME_LONGEST, name_is_valid, ""),
    FIELD_LIST(struct node_config, content, content_count, "contentNodes", OPTIONAL, 1000, &content_record,
               "where documents live"),
    FIELD_TEXT(struct node_config, checksum, "checksum", OPTIONAL, 64, NULL, "to say that this is followed"),
    FIELD_BOOL(struct node_config, retired, "retired", OPTIONAL, "to hand its documents to the others"),
    FIELD_RECORD(struct node_config, identity, "identity", REQUIRED, &identity_record, "the node's own"),
    FIELD_TEXT(struct node_config, clients_pem, "clientsPem", REQUIRED, 4096, NULL,
               "certificates of the clients served"),
    FIELD_INTEGER(struct node_config, port, "port", REQUIRED, 1, 65535, "where it serves"),
    FIELD_TEXT(struct node_config, peer_principal, "peerPrincipal", REQUIRED, 384, NULL,
               "what nodes of the same application prove to be"),
    FIELD_END,
};
const struct record node_config_record = {"node config", sizeof(struct node_config), node_config_fields};
