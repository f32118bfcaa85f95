/* EC2's records: what a VPC, a subnet, an instance is here, and the kinds by which resource.h finds, stores
 * and describes them. Each kind has a file of its own (ec2/vpc.c, ec2/subnet.c, ...) with its actions; ec2.c
 * is the list of all actions. Handlers change records only; ec2/to_plane.c makes networks and machines
 * follow.
 */
#ifndef LOCALAWS_EC2_H
#define LOCALAWS_EC2_H

#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"
#include "localaws/resource/resource.h"

enum kind_number {
    KIND_VPC,
    KIND_SUBNET,
    KIND_ROUTE_TABLE,
    KIND_ACL,
    KIND_GROUP,
    KIND_INTERNET_GATEWAY,
    KIND_EGRESS_GATEWAY,
    KIND_NAT_GATEWAY,
    KIND_ELASTIC_ADDRESS,
    KIND_ENDPOINT,
    KIND_INTERFACE,
    KIND_VOLUME,
    KIND_INSTANCE,
    KIND_BALANCER,
    KIND_TARGET_GROUP,
    KIND_LISTENER, /* ELB's, elb.h */
    KIND_KEY_PAIR,
    KIND_DHCP_OPTIONS,
    KIND_PREFIX_LIST,
    KIND_CERTIFICATE, /* ACM's, acm.h */
    KIND_ENDPOINT_SERVICE,
    KIND_LAUNCH_TEMPLATE,
};

struct vpc_block { /* an IPv4 block beyond the first */
    char *association, *cidr;
};
struct vpc {
    struct resource resource;
    struct vpc_block *blocks;
    size_t block_count;
    char *cidr, *ipv6_cidr, *cidr_association, *ipv6_association, *tenancy;
    char *dhcp_options_id; /* NULL: the region's own */
    bool dns_support, dns_hostnames, usage_metrics;
};

struct dhcp_option {
    char *key, **values;
    size_t value_count;
};
struct dhcp_options {
    struct resource resource;
    struct dhcp_option *options;
    size_t option_count;
};

struct subnet {
    struct resource resource;
    char *vpc_id, *zone, *zone_id, *cidr, *ipv6_cidr, *ipv6_association;
    bool ipv6_on_creation, public_on_launch, name_dns_a, name_dns_aaaa, dns64;
    int64_t next_address; /* where to look for a free one first */
};

struct association { /* of a subnet with a route table or an ACL */
    char *id, *subnet_id;
};

struct route {
    char *destination; /* CIDR of either family, or a prefix list's id */
    char *target;      /* igw-, eigw-, nat-, vpce-, eni-, i- */
};
struct route_table {
    struct resource resource;
    char *vpc_id;
    char *main_association; /* NULL: not the VPC's main one */
    struct route *routes;   /* without the local ones */
    size_t route_count;
    struct association *associations;
    size_t association_count;
};

struct acl_entry {
    bool egress, allow;
    int64_t number, protocol; /* -1 is all */
    char *cidr;
    int64_t from_port, to_port, icmp_type, icmp_code; /* -1: not given */
};
struct acl {
    struct resource resource;
    char *vpc_id;
    bool is_default;
    struct acl_entry *entries;
    size_t entry_count;
    struct association *associations;
    size_t association_count;
};

struct group_rule {
    char *id;
    bool egress;
    char *protocol; /* "-1", "tcp", "udp", "icmp", "icmpv6" or a number */
    int64_t from_port, to_port;
    char *cidr, *group_id, *group_owner, *prefix_list, *description; /* one of the first, third or fourth */
    struct tag *tags;
    size_t tag_count;
};
struct group {
    struct resource resource;
    char *vpc_id, *name, *description;
    struct group_rule *rules;
    size_t rule_count;
};

struct internet_gateway {
    struct resource resource;
    char *vpc_id; /* NULL: detached */
};
struct egress_gateway {
    struct resource resource;
    char *vpc_id;
};

struct elastic_address {
    struct resource resource;
    char *address, *association_id, *interface_id, *instance_id, *private_address;
};
struct nat_gateway {
    struct resource resource;
    char *vpc_id, *subnet_id, *allocation_id, *interface_id, *public_address, *private_address, *connectivity;
    int64_t deleted_ms; /* 0: it is there; else only remembered, for a while */
};

struct endpoint {
    struct resource resource;
    char *vpc_id, *type, *service, *policy, *ip_address_type, *dns_record_ip_type;
    char *state; /* of a private service's: private_service.h; NULL: available */
    bool private_dns;
    char **route_tables, **subnets, **groups, **interfaces;
    size_t route_table_count, subnet_count, group_count, interface_count;
};

struct interface {
    struct resource resource;
    char *vpc_id, *subnet_id, *zone, *mac, *description, *type, *requester;
    char *owner; /* the plane's: an instance's id or a load balancer's name; NULL: a record only */
    char *attachment_id, *instance_id;
    int64_t device_index, attached_ms;
    bool delete_on_termination, source_check;
    char **addresses, **ipv6_addresses, **groups; /* the first IPv4 address is the primary one */
    char *public_address;                         /* of its own, for the first one: public_address.h */
    bool auto_public;                             /* may have one */
    size_t address_count, ipv6_count, group_count;
};

struct volume {
    struct resource resource;
    char *zone, *type, *snapshot_id;
    int64_t gigabytes, iops, throughput;
    bool encrypted;
    char *key_arn, *wrapped_key; /* the data key, as KMS wrapped it */
    char *instance_id, *device;  /* NULL: not attached */
    char *attachment;            /* attaching, attached, detaching or busy */
    int64_t attached_ms;
    bool delete_on_termination;
    int64_t modified_ms; /* 0: never; and what it was before */
    char *original_type;
    int64_t original_gigabytes, original_iops, original_throughput;
};

enum instance_state { /* EC2's codes */
                      INSTANCE_PENDING = 0,
                      INSTANCE_RUNNING = 16,
                      INSTANCE_SHUTTING_DOWN = 32,
                      INSTANCE_TERMINATED = 48,
                      INSTANCE_STOPPING = 64,
                      INSTANCE_STOPPED = 80,
};
struct instance {
    struct resource resource; /* created_ms is the launch */
    char *reservation_id, *image_id, *type, *architecture, *zone, *vpc_id, *subnet_id;
    char *private_address, *profile_arn, *profile_id, *profile_association, *key_name, *user_data,
        *private_dns;
    int64_t launch_index, launched_ms, state, vcpus;
    char *reason, *reason_code, *reason_message; /* of the last transition; state reason */
    char *root_device, *shutdown_behaviour, *request_digest;
    char *http_tokens, *http_endpoint, *http_ipv6, *metadata_tags;
    int64_t hop_limit, ended_ms;
    char **interface_ids, **volume_ids; /* attached, the primary and the root first */
    size_t interface_count, volume_count;
    bool ebs_optimized, monitoring, no_api_termination, no_api_stop, source_check;
    bool simulated; /* its image has no processes: the plane never hears of it */
    bool unbooted;  /* nothing runs in it, by a fault (boot.h): the plane has not heard of it */
    struct instance_event *events; /* event.h */
    size_t event_count;
};

struct key_pair {
    struct resource resource;
    char *name, *type, *fingerprint, *public_key;
};

extern const struct kind vpc_kind, dhcp_options_kind, subnet_kind, route_table_kind, acl_kind, group_kind,
    internet_gateway_kind, egress_gateway_kind, nat_gateway_kind, elastic_address_kind, endpoint_kind,
    interface_kind, volume_kind, instance_kind, key_pair_kind, prefix_list_kind;
extern const struct kind *const ec2_kinds[]; /* NULL-terminated, in the order they are restored */

extern const struct record association_record;

/* ec2/zone.c: the region's availability zones. */
const char *zone_id_of(struct region *region, struct arena *arena, const char *zone); /* NULL: no such zone */
const char *zone_of_id(struct region *region, struct arena *arena, const char *id);   /* and back */
const char *zone_at(struct region *region, struct arena *arena,
                    size_t at); /* 0, 1, ...; NULL after the last */

/* Its blocks of both families, the first IPv4 one first; NULL-terminated, in the arena. */
const char *const *vpc_cidrs(const struct vpc *vpc, struct arena *arena);

/* A VPC comes with these. */
void route_table_add_main(struct region *region, struct account *account, const struct vpc *vpc);
void acl_add_default(struct region *region, struct account *account, const struct vpc *vpc);
void group_add_default(struct region *region, struct account *account, const struct vpc *vpc);
struct route_table *route_table_main(struct account *account, const char *vpc_id);
struct route_table *route_table_of_subnet(struct account *account, const struct subnet *subnet);
struct acl *acl_of_subnet(struct account *account, const char *subnet_id);
struct acl *acl_default(struct account *account, const char *vpc_id);
void acl_associate(struct region *region, struct acl *acl, const char *subnet_id);
void acl_forget_subnet(struct account *account, const char *subnet_id);
void route_table_forget_subnet(struct account *account, const char *subnet_id);
struct group *group_default(struct account *account, const char *vpc_id);

/* ec2/address.c: which addresses are taken, by "vpc address". */
struct interface *interface_at(struct region *region, const char *vpc_id, const char *address);
/* A free address of the subnet; `asked` NULL lets us choose. In the arena. */
int subnet_take_ipv4(struct call *call, struct subnet *subnet, const char *asked, char **address,
                     struct error *err);
int subnet_take_ipv6(struct call *call, struct subnet *subnet, const char *asked, char **address,
                     struct error *err);
/* The IPv4 address by which the internet knows it; NULL when there is none. */
const char *interface_public_address(const struct interface *interface);
size_t subnet_free_addresses(const struct subnet *subnet);
char *vpc_pick_ipv6_block(struct region *region, struct arena *arena);

/* ec2/elastic_address.c: from now on it stands for this address, and whatever did before does not; or for
 * none. */
void elastic_address_stand_for(struct elastic_address *address, struct interface *interface,
                               const char *private_address);
void elastic_address_free(struct elastic_address *address);

/* ec2/interface.c */
struct interface_order { /* what an interface is made from */
    struct subnet *subnet;
    const char *private_address;            /* NULL: any */
    const char *const *secondary_addresses; /* NULL-terminated, further private ones; may be NULL */
    size_t secondary_count;                 /* and so many of our choice */
    const char *const *ipv6_addresses;      /* NULL-terminated; NULL: none asked by name */
    size_t ipv6_count;                      /* and so many of our choice */
    const char *const *groups; /* NULL-terminated; empty: the VPC's default, unless `no_groups` */
    bool no_groups;
    bool auto_public; /* may have a public address of its own while it is attached */
    const char *description, *type, *requester, *owner;
    const struct tag *tags;
    size_t tag_count;
};
int interface_create(struct call *call, const struct interface_order *order, struct interface **interface,
                     struct error *err);
void interface_remove(struct interface *interface); /* elastic addresses are then nobody's */
void interface_write(struct buffer *out, const struct resource *resource);
void interface_put_attachment(struct buffer *out, const struct interface *interface);
void interface_write_part(struct buffer *out, const struct interface *interface);
void interface_attach(struct region *region, struct interface *interface, const char *instance_id,
                      int64_t device_index, bool delete_on_termination);
bool interface_has_group(const struct interface *interface, const char *group_id);
void put_groups(struct buffer *out, const struct resource *resource, char *const *groups,
                size_t count); /* of a resource */

/* ec2/nat.c */
void nat_gateways_forget_old(struct region *region, struct account *account);

/* ec2/key_pair.c: by name; NULL when there is none. May the caller use it? InvalidKeyPair.NotFound. */
struct key_pair *key_pair_find(struct account *account, const char *name);
int key_pair_authorize(struct call *call, const char *name, struct error *err);

/* ec2/instance.c */
const char *instance_state_name(int64_t state);
void instance_write(struct buffer *out, const struct resource *resource);
void put_state(struct buffer *out, const char *element, int64_t state);
struct interface *instance_interface(const struct instance *instance,
                                     int64_t device_index); /* NULL when absent */
struct volume *instance_root_volume(const struct instance *instance);

/* Every action, by the file of the thing it is about. */
/* clang-format off */
#define EC2_ACTION(name) int name(struct call *call, struct error *err)

EC2_ACTION(vpc_create); EC2_ACTION(vpc_delete); EC2_ACTION(vpc_describe); EC2_ACTION(vpc_modify_attribute);
EC2_ACTION(vpc_describe_attribute); EC2_ACTION(vpc_associate_cidr); EC2_ACTION(vpc_disassociate_cidr);
EC2_ACTION(vpc_describe_peerings);
EC2_ACTION(dhcp_options_create); EC2_ACTION(dhcp_options_delete); EC2_ACTION(dhcp_options_describe);
EC2_ACTION(dhcp_options_associate);
EC2_ACTION(subnet_create); EC2_ACTION(subnet_delete); EC2_ACTION(subnet_describe); EC2_ACTION(subnet_modify_attribute);
EC2_ACTION(subnet_associate_cidr); EC2_ACTION(subnet_disassociate_cidr);
EC2_ACTION(route_table_create); EC2_ACTION(route_table_delete); EC2_ACTION(route_table_describe);
EC2_ACTION(route_table_associate); EC2_ACTION(route_table_disassociate); EC2_ACTION(route_table_replace_association);
EC2_ACTION(route_create); EC2_ACTION(route_replace); EC2_ACTION(route_delete);
EC2_ACTION(acl_create); EC2_ACTION(acl_delete); EC2_ACTION(acl_describe); EC2_ACTION(acl_entry_create);
EC2_ACTION(acl_entry_replace); EC2_ACTION(acl_entry_delete); EC2_ACTION(acl_replace_association);
EC2_ACTION(group_create); EC2_ACTION(group_delete); EC2_ACTION(group_describe); EC2_ACTION(group_describe_rules);
EC2_ACTION(group_authorize_ingress); EC2_ACTION(group_authorize_egress); EC2_ACTION(group_revoke_ingress);
EC2_ACTION(group_revoke_egress); EC2_ACTION(group_update_descriptions);
EC2_ACTION(internet_gateway_create); EC2_ACTION(internet_gateway_delete); EC2_ACTION(internet_gateway_describe);
EC2_ACTION(internet_gateway_attach); EC2_ACTION(internet_gateway_detach);
EC2_ACTION(egress_gateway_create); EC2_ACTION(egress_gateway_delete); EC2_ACTION(egress_gateway_describe);
EC2_ACTION(nat_gateway_create); EC2_ACTION(nat_gateway_delete); EC2_ACTION(nat_gateway_describe);
EC2_ACTION(address_allocate); EC2_ACTION(address_release); EC2_ACTION(address_describe);
EC2_ACTION(address_describe_attribute); EC2_ACTION(address_associate); EC2_ACTION(address_disassociate);
EC2_ACTION(endpoint_create); EC2_ACTION(endpoint_modify); EC2_ACTION(endpoint_delete); EC2_ACTION(endpoint_describe);
EC2_ACTION(endpoint_describe_services);
EC2_ACTION(private_service_create); EC2_ACTION(private_service_modify); EC2_ACTION(private_service_delete);
EC2_ACTION(private_service_describe); EC2_ACTION(private_service_modify_permissions);
EC2_ACTION(private_service_describe_permissions); EC2_ACTION(private_service_verify);
EC2_ACTION(private_link_describe); EC2_ACTION(private_link_accept); EC2_ACTION(private_link_reject);
EC2_ACTION(prefix_list_describe); EC2_ACTION(prefix_list_describe_managed); EC2_ACTION(prefix_list_entries);
EC2_ACTION(prefix_list_create); EC2_ACTION(prefix_list_modify); EC2_ACTION(prefix_list_delete);
EC2_ACTION(prefix_list_associations);
EC2_ACTION(interface_create_action); EC2_ACTION(interface_delete); EC2_ACTION(interface_describe);
EC2_ACTION(interface_assign_ipv6); EC2_ACTION(interface_unassign_ipv6); EC2_ACTION(interface_assign_private);
EC2_ACTION(interface_modify_attribute); EC2_ACTION(interface_describe_attribute);
EC2_ACTION(interface_attach_action); EC2_ACTION(interface_detach_action); EC2_ACTION(interface_unassign_private);
EC2_ACTION(group_modify_rules);
EC2_ACTION(zone_describe); EC2_ACTION(region_describe); EC2_ACTION(account_describe_attributes);
EC2_ACTION(tags_create); EC2_ACTION(tags_delete); EC2_ACTION(tags_describe);
EC2_ACTION(image_describe); EC2_ACTION(instance_type_describe); EC2_ACTION(instance_type_offerings);
EC2_ACTION(volume_create); EC2_ACTION(volume_delete); EC2_ACTION(volume_attach); EC2_ACTION(volume_detach);
EC2_ACTION(volume_describe); EC2_ACTION(volume_describe_modifications); EC2_ACTION(volume_describe_attribute);
EC2_ACTION(volume_modify); EC2_ACTION(volume_describe_status); EC2_ACTION(volume_encryption_by_default);
EC2_ACTION(volume_default_key);
EC2_ACTION(instance_run); EC2_ACTION(instance_describe); EC2_ACTION(instance_terminate); EC2_ACTION(instance_start);
EC2_ACTION(instance_stop); EC2_ACTION(instance_reboot); EC2_ACTION(instance_describe_status);
EC2_ACTION(instance_describe_attribute); EC2_ACTION(instance_modify_attribute);
EC2_ACTION(instance_modify_metadata_options); EC2_ACTION(instance_modify_event_start); EC2_ACTION(instance_describe_credits);
EC2_ACTION(instance_console); EC2_ACTION(instance_uefi_data); EC2_ACTION(instance_describe_profiles);
EC2_ACTION(instance_associate_profile); EC2_ACTION(instance_replace_profile); EC2_ACTION(instance_disassociate_profile);

EC2_ACTION(unsupported); EC2_ACTION(snapshots_describe); EC2_ACTION(launch_template_create);
EC2_ACTION(launch_template_delete); EC2_ACTION(launch_template_describe); EC2_ACTION(launch_template_modify);
EC2_ACTION(launch_template_version_create); EC2_ACTION(launch_template_version_delete);
EC2_ACTION(launch_template_version_describe);
EC2_ACTION(key_pair_create); EC2_ACTION(key_pair_import); EC2_ACTION(key_pair_delete); EC2_ACTION(key_pair_describe);

/* clang-format on */

#endif
