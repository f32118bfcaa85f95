/* The plane: what makes the records true. VPCs become router namespaces, interfaces become links with
 * addresses, route tables, ACLs and security groups become routes and nftables rules outside the instances,
 * instances become process trees, load balancers become listeners that pass connections to healthy targets.
 *
 * It is level-triggered: whoever changes a VPC's records hands the plane the whole wanted state of that VPC,
 * and the plane makes it so on its own thread, in order; it calls back with what came of instances. Nothing
 * here knows AWS's APIs. */
#ifndef LOCALAWS_PLANE_H
#define LOCALAWS_PLANE_H

#include "base/error.h"
#include "base/memory.h"
#include "localaws/plane/balancer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plane;

struct plane_route {
    const char *destination; /* CIDR, either family */
    enum plane_target { PLANE_INTERNET, PLANE_EGRESS_ONLY, PLANE_INTERFACE, PLANE_BLACKHOLE } target;
    const char *interface_id; /* of PLANE_INTERFACE: who takes the packets (a NAT gateway, an instance) */
};
struct plane_acl_rule {
    bool egress, allow;
    int number, protocol; /* -1 is all */
    const char *cidr;
    int from_port, to_port;
};
struct plane_group_rule {
    bool egress;
    int protocol;             /* -1 is all */
    const char *cidr;         /* or */
    const char *source_group; /* another group's id */
    int from_port, to_port;   /* of tcp and udp; icmp: type and code, -1 all */
};
struct plane_subnet {
    const char *id, *cidr, *ipv6_cidr;
    const struct plane_route *routes; /* of its route table, local routes left out */
    size_t route_count;
    const struct plane_acl_rule *acl_rules; /* by number, of its ACL; the final deny is implied */
    size_t acl_rule_count;
};
struct plane_group {
    const char *id;
    const struct plane_group_rule *rules;
    size_t rule_count;
};
struct plane_interface {
    const char *id, *subnet_id, *mac;
    const char *owner;            /* an instance's id or a load balancer's name: whose namespace it is in */
    const char *const *addresses; /* private IPv4 and IPv6, NULL-terminated */
    const char *const *group_ids; /* NULL-terminated */
    unsigned device_index;        /* its number at its owner, when that is free */
    bool source_check;            /* sends from and takes for its own addresses only */
    bool by_route_only; /* reached where a route names it (a gateway endpoint), not by its addresses */
    bool balances;      /* a load balancer's: what answers it with a client's address comes back to it */
    bool closed;        /* nothing comes to it from the internet, whatever its groups say */
};
/* An internet gateway's translation: what a private address is outside. */
struct plane_translation {
    const char *inside, *outside; /* IPv4 */
};
/* A thing of the VPC's own with a namespace: its interfaces name it as their owner. */
struct plane_appliance {
    const char *id;
    enum plane_appliance_kind {
        PLANE_NAT,     /* passes on what it gets, as coming from itself */
        PLANE_SERVICE, /* who connects to its port 443 is handed to plane_callbacks.connected */
    } kind;
};
struct plane_name { /* DNS inside the VPC */
    const char *name, *address;
};
struct plane_vpc {
    const char *id;
    const char *const *cidrs; /* of both families, NULL-terminated, the first IPv4 one first */
    bool no_names;            /* its resolver does not answer */
    const struct plane_subnet *subnets;
    size_t subnet_count;
    const struct plane_group *groups;
    size_t group_count;
    const struct plane_interface *interfaces;
    size_t interface_count;
    const struct plane_translation *translations;
    size_t translation_count;
    const struct plane_appliance *appliances;
    size_t appliance_count;
};

/* What an AMI is here: programs the instance runs, restarted when they end, over the machine's own files,
 * read-only. */
struct plane_image {
    const char *id;
    const char *const *argv;        /* the program; {"/opt/enclave/bin/enclave-host", NULL} */
    const char *const *environment; /* "KEY=value" */
    const char *const *binds;       /* "/from:/to", read-only; NULL-terminated */
};

/* A disk beside the root: a block device in the machine's /dev. */
struct plane_disk {
    const char *id, *name;    /* the volume; "sdf", "xvdf": its name in /dev */
    const char *path;         /* its image file, made when absent */
    uint64_t bytes;           /* of the device; the file is a little longer */
    const unsigned char *key; /* 32 bytes, as volume_key */
};

struct plane_instance {
    const char *id, *account, *vpc_id, *hostname;
    const struct plane_image *image;
    const char *volume_path; /* image file of the root volume, made when absent */
    uint64_t volume_bytes;
    const unsigned char *volume_key; /* 32 bytes: the volume's data key, unwrapped; NULL: not encrypted */
    const struct plane_disk *disks;  /* there when its program starts */
    size_t disk_count;
};

/* IMDS asks whoever owns the records; called on a server thread without the region's lock. */
struct plane_callbacks {
    void *context;
    /* Which instance has this address in this VPC: its id (in the arena) or NULL. */
    const char *(*instance_at)(void *context, struct arena *arena, const char *vpc_id, const char *address);
    /* The metadata value at a path below /latest/, or ERROR_NOT_FOUND. */
    int (*metadata)(void *context, struct arena *arena, const char *instance_id, const char *path,
                    char **text, const char **content_type, struct error *err);
    /* How many hops its answers to an instance may go, by the one protocol or the other; 0: it is shut there.
     */
    int (*metadata_hop_limit)(void *context, const char *instance_id, bool ipv6);
    void (*instance_running)(void *context, const char *instance_id);
    void (*instance_stopped)(void *context, const char *instance_id,
                             const char *why); /* its processes are gone */
    /* A disk of plane_attach_disk is there; `why` not NULL: it cannot be. */
    void (*disk_attached)(void *context, const char *instance_id, const char *disk_id, const char *why);
    /* A disk of plane_detach_disk is gone (`done`), or is still mounted in the machine and goes when it is
     * not. */
    void (*disk_detached)(void *context, const char *instance_id, const char *disk_id, bool done);
    /* Resolves a name for instances of a VPC (load balancers, the API): addresses, NULL-terminated, or NULL.
     */
    const char *const *(*resolve)(void *context, struct arena *arena, const char *vpc_id, const char *name);
    /* The name that an address has inside the VPC, in the arena; NULL when it has none. May be NULL. */
    const char *(*name_of)(void *context, struct arena *arena, const char *vpc_id, const char *address);
    /* A connection to a service of a VPC: a plane_appliance's id. Takes it over. May be NULL. */
    void (*connected)(void *context, const char *appliance_id, int connection);
};

/* `directory` holds volumes and consoles; `label` makes namespace names unique on the machine. `rootless`:
 * root is only root of a user namespace (rootless.h), so volumes are directories and there are no other
 * disks. Fails early, saying what is missing (root, /dev/net/tun, nftables, ...). */
int plane_start(const char *directory, const char *label, const char *api_address, bool rootless,
                const struct plane_callbacks *callbacks, struct plane **plane, struct error *err);
/* Ends every instance and removes every namespace, link and mount. Volumes stay, and instance_stopped is not
 * called: the records still say what should run. Not to be called with the region's lock held, nor is
 * plane_settle. */
void plane_stop(struct plane **plane);

/* A listening socket inside the region's internet namespace (for the API), at an address that it then has. */
int plane_internet_listen(struct plane *plane, const char *address, uint16_t port, int *socket,
                          struct error *err);
/* A connected socket from the internet (for the proxy on the user's machine). */
int plane_internet_connect(struct plane *plane, const char *address, uint16_t port, int *socket,
                           struct error *err);

/* Through which endpoint (or VPC's metadata service) a connection came in: its id in the arena, or NULL. */
char *plane_house_of(struct plane *plane, struct arena *arena, int connection);

/* All copy what they are given and return at once; the work is done in order on the plane's thread. */
void plane_apply_vpc(struct plane *plane, const struct plane_vpc *vpc);
void plane_remove_vpc(struct plane *plane, const char *vpc_id);
void plane_start_instance(struct plane *plane, const struct plane_instance *instance);
/* Its program gets ten seconds to end, the others one. */
void plane_stop_instance(struct plane *plane, const char *id, bool remove_volume);
/* As when the computer under it breaks: everything ends at once. */
void plane_kill_instance(struct plane *plane, const char *id, bool remove_volume);
/* Ended and started as it was; instance_stopped is called only when it does not come up again. */
void plane_reboot_instance(struct plane *plane, const char *id);
/* For a running machine. A reboot leaves its disks, its end takes them away. */
void plane_attach_disk(struct plane *plane, const char *instance_id, const struct plane_disk *disk);
void plane_detach_disk(struct plane *plane, const char *instance_id, const char *disk_id);
char *plane_console(struct plane *plane, struct arena *arena, const char *instance_id); /* last 64 KiB */

/* Cuts everything between two parties, or heals what was cut: an instance's id, a load balancer's name (as in
 * plane_balancer), a CIDR block, or "internet". Connections that are open stop, too. A party need not be
 * there yet. */
int plane_set_cut(struct plane *plane, const char *a, const char *b, bool cut, struct error *err);

/* Waits until everything asked for so far is done: for tests and snapshots. */
void plane_settle(struct plane *plane);

#endif
