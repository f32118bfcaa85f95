/* What the plane's files share: the plane itself, its networks, machines and balancers. Everything here but
 * the queue belongs to the plane's thread; nobody else reads or writes it.
 *
 * How it works: a request is copied into a job; the plane's thread takes all jobs there are, each of which
 * only changes what is *wanted*, and then makes one reconciling pass that changes what *is*. So a burst of
 * requests costs one pass. */
#ifndef LOCALAWS_PLANE_PARTS_H
#define LOCALAWS_PLANE_PARTS_H

#include "localaws/plane/lines.h"
#include "localaws/plane/plane.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

struct balancing;
struct doors;
struct order;
struct metadata_server;
struct name_server;

/* Whoever has network interfaces: a machine or a load balancer, with a namespace of its own. */
struct owner {
    char *name;
    char *namespace_name;
    int namespace;
    char *vpc_id;       /* of an appliance; NULL: a machine or a balancer */
    bool every_address; /* a balancer has all its addresses on its interfaces; a machine only the first of
                           each family */
    struct owner *next;
};

/* One network interface as it is on this machine now: a pair of links between the router and the owner. */
struct link {
    char *id, *owner;
    char *made_as;   /* what it was made from; when that changes it is made anew */
    char name[16];   /* in the router */
    unsigned number; /* eth<number> at the owner */
    struct link *next;
};

/* Two parties between whom nothing passes, as they were named. */
struct cut {
    char *a, *b;
    struct cut *next;
};

struct network { /* a VPC */
    char *id;
    struct arena *arena;            /* holds wanted */
    const struct plane_vpc *wanted; /* NULL: to be removed */
    bool changed;
    char *namespace_name;
    int namespace;   /* 0 until made */
    char uplink[16]; /* its link's name in the internet */
    struct lines lines, internet_lines;
    char *firewall;            /* as loaded */
    struct lines translations; /* "10.0.0.4 198.18.0.7", as loaded */
    struct link *links;
    struct network *next;
};

enum machine_state {
    MACHINE_WANTED,   /* asked for, not begun */
    MACHINE_WAITING,  /* for its disks */
    MACHINE_STARTING, /* its init sets it up */
    MACHINE_RUNNING,
    MACHINE_STOPPING, /* was told to end */
    MACHINE_ENDED,    /* its processes are gone, its namespace not yet */
    MACHINE_STOPPED,  /* only its volume is left */
};

/* A root volume that is open without root: its directory, decrypted (vault.c). */
struct vault {
    char *place; /* NULL: not open */
    pid_t pid;   /* gocryptfs, when it is encrypted; 0: none */
    int handle;  /* its pidfd */
};

struct machine {
    struct arena *arena; /* holds wanted */
    const struct plane_instance *wanted;
    enum machine_state state;
    bool remove_volume;
    struct arena *again_arena;          /* what to start as after it has ended */
    const struct plane_instance *again; /* in again_arena; `wanted` itself for a reboot */
    pid_t pid;
    int process, report, console; /* pidfd; where init reports; the read end of its output; -1 when closed */
    int log;                      /* the console's file */
    bool disks_opened;            /* those of `wanted`: a reboot keeps what there is then */
    struct vault vault;           /* without root only */
    int64_t kill_at_ms;           /* when stopping turns into killing */
    char why[512];
    struct machine *next;
};

/* A disk beside a machine's root: a process of localaws-init that holds the device (init/init_disk.c). */
struct disk {
    char *id, *owner, *name; /* owner: the machine */
    enum disk_state { DISK_OPENING, DISK_OPEN, DISK_CLOSING } state;
    bool live;           /* came while its machine ran: somebody waits to hear of it */
    bool told;           /* to end by a call that waits to hear of it */
    bool busy;           /* told, and still mounted in its machine */
    unsigned minor;      /* of its loop device */
    pid_t pid;           /* 0: it could not be started */
    int process, report; /* pidfd; where it reports; -1 when closed */
    char why[512];
    struct disk *next;
};

struct job {
    struct arena *arena; /* owns the job and what it carries, until a table takes it over */
    void (*run)(struct plane *plane, struct job *job);
    struct question *question; /* of plane_ask */
    const void *wanted;
    const char *owner; /* of a disk */
    bool remove_volume, hard;
    struct job *next;
};

struct plane {
    char *directory, *label, *api_address;
    char *lock_path;
    char *init; /* path of the program that is process 1 of machines */
    bool rootless;
    struct plane_callbacks callbacks;
    pthread_t thread;
    int wake;       /* eventfd: there are jobs */
    int label_lock; /* held as long as this plane lives: what carries its label is then nobody's leftover */

    pthread_mutex_t lock; /* protects the four below */
    pthread_cond_t settled;
    struct job *jobs, **last_job;
    bool quiet;  /* the last pass left nothing under way */
    bool ending; /* written by the plane's thread only, which no longer calls back */

    int internet; /* the namespace */
    char *internet_name;
    struct owner *owners;
    struct network *networks;
    struct cut *cuts;
    struct machine *machines;
    struct disk *disks;
    struct doors *doors;
    struct metadata_server *metadata;
    struct name_server *names;
    struct balancing *balancing;
    struct order *balancer_orders, **last_balancer_order; /* to be given after the network pass */
};

/* Runs `look` on the plane's thread and returns when it has run: for what only that thread may see. Not to be
 * called by that thread, nor with a lock held that a callback takes. */
void plane_ask(struct plane *plane, void (*look)(struct plane *plane, void *context), void *context);

/* plane/plane.c: a job with an arena of its own, to be filled in; and on its way to the plane's thread. */
struct job *job_new(void (*run)(struct plane *plane, struct job *job));
void job_queue(struct plane *plane, struct job *job);

/* plane/copy.c: deep copies into an arena. */
struct plane_vpc *plane_copy_vpc(struct arena *arena, const struct plane_vpc *vpc);
struct plane_disk *plane_copy_disk(struct arena *arena, const struct plane_disk *disk);
struct plane_instance *plane_copy_instance(struct arena *arena, const struct plane_instance *instance);
struct plane_balancer *plane_copy_balancer(struct arena *arena, const struct plane_balancer *balancer);
struct plane_link *plane_copy_link(struct arena *arena, const struct plane_link *link);

/* plane/owner.c */
struct owner *owner_find(struct plane *plane, const char *name);
int owner_add(struct plane *plane, const char *name, const char *namespace_name, bool every_address,
              struct owner **owner, struct error *err);
void owner_remove(struct plane *plane, const char *name);
/* Twelve hex digits that stand for an identifier where space is short. */
void short_name(const char *prefix, const char *id, char name[16]);

/* plane/network.c, plane/links.c */
int internet_create(struct plane *plane, struct error *err);
struct network *network_find(struct plane *plane, const char *id);
struct network *network_add(struct plane *plane, const char *id);
void networks_reconcile(struct plane *plane);
void network_changed(struct plane *plane, const char *id); /* an owner came or went */
void networks_changed(struct plane *plane);                /* all of them may be other than they should */
/* Links that are no longer wanted go, missing ones come. */
void links_remove_unwanted(struct plane *plane, struct network *network);
void links_add_missing(struct plane *plane, struct network *network);
struct link *link_find(const struct network *network, const char *id);

/* plane/firewall.c: the nftables commands that make one VPC's groups and lists true in its router. `cuts` are
 * rules of plane/cut.c. */
char *firewall_text(struct arena *arena, const struct plane_vpc *vpc, const char *cuts);
enum { FIREWALL_LARGEST = 16 << 20 };

/* plane/cut.c: the rules of chain `cut` of a network. */
char *cut_rules(const struct plane *plane, const struct network *network, struct arena *arena);
void cuts_forget(struct plane *plane);

/* plane/tracking.c: the router forgets every connection that has one of these IPv4 addresses
 * (NULL-terminated) at either end, so that the next packet is translated as if it were the first. */
int tracking_forget(int namespace, const char *const *addresses, struct error *err);

/* plane/appliance.c: NAT gateways and services, which live in the VPC with namespaces of their own. */
void appliances_remove_unwanted(struct plane *plane, struct network *network);
int appliances_add_missing(struct plane *plane, struct network *network, struct error *err);

/* plane/firewall_balancers.c: connections that a load balancer begins are marked with the number of the link
 * they come by, so that what answers them goes back there though it is for a client's address. */
unsigned balancer_mark(const char *interface_id);
void firewall_balancers(struct buffer *text, const struct plane_vpc *vpc); /* whole chains */
/* "ct mark { 4660, 4661 }" of the load balancers' interfaces in a group; "" when there are none. */
char *balancer_marks(struct arena *arena, const struct plane_vpc *vpc, const char *group_id);
void balancer_lines(struct lines *lines, const struct plane_interface *interface, const char *link);

/* plane/disk.c */
struct disk *disk_find(struct plane *plane, const char *owner, const char *id); /* not one that closes */
void disks_open(struct plane *plane, const struct plane_instance *instance);
/* 1 when all of the machine's are open, 0 while some are not, -1 with the reason in `why` (512 bytes). */
int disks_ready(const struct plane *plane, const char *owner, char *why);
void disks_end(struct plane *plane, const char *owner); /* its machine is gone */
void disks_read(struct plane *plane);                   /* what they have to say */
bool disks_quiet(const struct plane *plane);            /* none is on its way */
void disk_want(struct plane *plane, struct job *job);
void disk_unwant(struct plane *plane, struct job *job);

/* plane/spawn.c: starts the machine's first process; the image file of its volume. */
/* localaws-init started with what it is told on its standard input. */
struct spawn {
    const char *init;
    char *const *arguments;
    uint64_t namespaces;      /* CLONE_NEW... */
    int network;              /* a network namespace to be in; 0: ours */
    int told, output, report; /* every descriptor stands above those the child gives them */
};
int init_spawn(const struct spawn *spawn, pid_t *pid, int *handle, struct error *err);
int spawn_pipe(int *read_end, int *write_end, struct error *err); /* ours does not block */
int spawn_told(const char *text, struct error *err); /* a file in memory; wipe the text after it */
int machine_spawn(struct plane *plane, struct machine *machine, const struct owner *owner, struct error *err);
char *machine_volume(const struct plane *plane, const struct machine *machine);

/* plane/needs.c: fails saying what is missing; the path of localaws-init, beside the program that runs or
 * where LOCALAWS_INIT says. */
int plane_check_machine(bool rootless, struct error *err);
char *plane_find_init(struct error *err);

/* plane/vault.c: opens the machine's volume, a directory, made when it is not there; closes it when its
 * processes are gone. */
int vault_open(struct machine *machine, const char *path, struct error *err);
void vault_close(struct vault *vault);

/* plane/machine.c, plane/console.c */
struct machine *machine_find(struct plane *plane, const char *id);
void machines_prepare(struct plane *plane); /* clears up after ended ones, makes namespaces for wanted ones */
void machines_start(
    struct plane *plane); /* after networks_reconcile: a machine boots with its network there */
void machine_want(struct plane *plane, struct job *job);
void machine_unwant(struct plane *plane, struct job *job);
void machine_reboot(struct plane *plane, struct job *job);
void machine_read(struct plane *plane, struct machine *machine); /* whatever it has to say */
bool machines_quiet(const struct plane *plane);                  /* each runs or has stopped */
bool machines_need_pass(const struct plane *plane); /* there is something to do without waiting */
void machine_end(struct machine *machine);
void machines_forget(struct plane *plane); /* all have stopped */
int console_open(struct plane *plane, const char *instance_id, struct error *err);
void console_write(struct plane *plane, struct machine *machine, const char *bytes, size_t length);

/* plane/leftovers.c: what an earlier plane of this label left when it was killed. */
void leftovers_remove(const char *directory, const char *label);

/* plane/metadata.c */
int metadata_start(struct plane *plane, struct error *err);
int metadata_listen(struct plane *plane, struct network *network, struct error *err);
void metadata_unlisten(struct plane *plane, struct network *network);
void metadata_stop(struct plane *plane);

/* plane/names.c */
int names_start(struct plane *plane, struct error *err);
int names_listen(struct plane *plane, struct network *network, struct error *err);
void names_unlisten(struct plane *plane, struct network *network);
void names_stop(struct plane *plane);
/* The VPC's own resolver address: its first block's second; false when it has none. */
bool names_own_address(const struct plane_vpc *vpc, char address[INET_ADDRSTRLEN]);

/* plane/balancer.c, plane/balancer_orders.c */
void balancing_apply(struct plane *plane); /* after networks_reconcile */
int balancing_start(struct plane *plane, struct error *err);
void balancing_settle(struct plane *plane); /* waits until every order given is carried out */
void balancing_stop(struct plane *plane);
void balancer_want(struct plane *plane, struct job *job);
void link_want(struct plane *plane, struct job *job);
void balancer_unwant(struct plane *plane, struct job *job); /* a link, too */

/* The ends of an uplink, in the internet and in the router. */
#define UPLINK_OUTSIDE "169.254.255.1"
#define UPLINK_INSIDE  "169.254.255.2"
/* Who speaks IPv4 on the internet when nobody in particular does. */
#define SOMEBODY_IPV4 "192.0.2.200"

/* Addresses every router answers on. */
#define METADATA_IPV4 "169.254.169.254"
#define METADATA_IPV6 "fd00:ec2::254"
#define NAMES_IPV4    "169.254.169.253"
#define NAMES_IPV6    "fd00:ec2::253"

#endif
