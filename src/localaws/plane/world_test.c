/* A world for tests of the plane that need root: two VPCs, machines in them, and the questions "does this
 * packet arrive". */
#include "localaws/plane/world_test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "localaws/plane/namespace.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define API_ADDRESS "2001:db8:ffff::1"

static const struct plane_acl_rule open_acl[] = {
    {false, true, 100, -1, "0.0.0.0/0", 0, 0},
    {false, true, 101, -1, "::/0", 0, 0},
    {true, true, 100, -1, "0.0.0.0/0", 0, 0},
    {true, true, 101, -1, "::/0", 0, 0},
};
static const struct plane_route internet_routes[] = {{"::/0", PLANE_INTERNET, NULL},
                                                     {"0.0.0.0/0", PLANE_INTERNET, NULL}};
static const struct plane_route egress_routes[] = {{"::/0", PLANE_EGRESS_ONLY, NULL}};

#define SUBNET(id_, cidr_, ipv6_cidr_, routes_, count_)                                              \
    {                                                                                                \
        .id = id_, .cidr = cidr_, .ipv6_cidr = ipv6_cidr_, .routes = routes_, .route_count = count_, \
        .acl_rules = open_acl, .acl_rule_count = COUNT_OF(open_acl)                                  \
    }

static const struct plane_subnet home_subnets[] = {
    SUBNET("subnet-public", "10.1.1.0/24", "2001:db8:1:1::/64", internet_routes, 2),
    SUBNET("subnet-egress", "10.1.2.0/24", "2001:db8:1:2::/64", egress_routes, 1),
    SUBNET("subnet-closed", "10.1.3.0/24", "2001:db8:1:3::/64", NULL, 0),
};
static const struct plane_subnet away_subnets[] = {
    SUBNET("subnet-away", "10.1.1.0/24", "2001:db8:2:1::/64", internet_routes, 2),
};

static const struct plane_group_rule web_rules[] = {
    {.protocol = 6, .cidr = "::/0", .from_port = 80, .to_port = 80},
    {.protocol = 6, .source_group = "sg-web", .from_port = 4443, .to_port = 4443},
    {.protocol = 6, .cidr = "::/0", .from_port = 443, .to_port = 443},
    {.protocol = 6, .cidr = "10.1.0.0/16", .from_port = 443, .to_port = 443},
    {.protocol = 58, .cidr = "::/0", .from_port = -1, .to_port = -1},
    {.egress = true, .protocol = -1, .cidr = "::/0"},
    {.egress = true, .protocol = -1, .cidr = "0.0.0.0/0"},
};
static const struct plane_group_rule mute_rules[] = {
    {.protocol = 6, .cidr = "10.0.0.0/8", .from_port = 80, .to_port = 80},
    {.protocol = 6, .cidr = "::/0", .from_port = 80, .to_port = 80},
};
static const struct plane_group home_groups[] = {
    {"sg-web", web_rules, COUNT_OF(web_rules)},
    {"sg-mute", mute_rules, COUNT_OF(mute_rules)},
};

#define TEXTS(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }

static const struct plane_interface home_interfaces[] = {
    {"eni-a", "subnet-public", "02:00:00:00:00:0a", MACHINE_A,
     TEXTS("10.1.1.10", "2001:db8:1:1::a", "2001:db8:1:1::aa"), TEXTS("sg-web"), .source_check = true},
    {"eni-b", "subnet-egress", "02:00:00:00:00:0b", MACHINE_B,
     TEXTS("10.1.2.11", "2001:db8:1:2::b", "2001:db8:1:2::bb"), TEXTS("sg-web"), .source_check = true},
    {"eni-c", "subnet-closed", "02:00:00:00:00:0c", MACHINE_C, TEXTS("10.1.3.12", "2001:db8:1:3::c"),
     TEXTS("sg-mute"), .source_check = true},
    {.id = "eni-lb",
     .subnet_id = "subnet-public",
     .owner = "front",
     .addresses = TEXTS("10.1.1.20", "2001:db8:1:1::20"),
     .group_ids = TEXTS("sg-web"),
     .balances = true},
    {.id = "eni-lb2",
     .subnet_id = "subnet-egress",
     .owner = "front",
     .addresses = TEXTS("10.1.2.20", "2001:db8:1:2::20"),
     .group_ids = TEXTS("sg-web"),
     .balances = true},
};
static const struct plane_interface away_interfaces[] = {
    {"eni-d", "subnet-away", NULL, MACHINE_D, TEXTS("10.1.1.10", "2001:db8:2:1::d"), TEXTS("sg-web"),
     .source_check = true},
};

const struct plane_vpc home_vpc = {
    .id = "vpc-home",
    .cidrs = TEXTS("10.1.0.0/16", "2001:db8:1::/56"),
    .subnets = home_subnets,
    .subnet_count = COUNT_OF(home_subnets),
    .groups = home_groups,
    .group_count = COUNT_OF(home_groups),
    .interfaces = home_interfaces,
    .interface_count = COUNT_OF(home_interfaces),
};
static const struct plane_vpc away_vpc = {
    .id = "vpc-away",
    .cidrs = TEXTS("10.1.0.0/16", "2001:db8:2::/56"),
    .subnets = away_subnets,
    .subnet_count = COUNT_OF(away_subnets),
    .groups = home_groups,
    .group_count = 1,
    .interfaces = away_interfaces,
    .interface_count = COUNT_OF(away_interfaces),
};

/* Says to whoever connects who they are, on two ports. */
static const char server_program[] =
    "import socket, threading\n"
    "def serve(port):\n"
    "    s = socket.create_server(('', port), family=socket.AF_INET6, dualstack_ipv6=True)\n"
    "    while True:\n"
    "        c, peer = s.accept()\n"
    "        threading.Thread(target=answer, args=(c, peer), daemon=True).start()\n"
    "def answer(c, peer):\n"
    "    c.sendall(f'{socket.gethostname()} {peer[0]}\\n'.encode())\n"
    "    while data := c.recv(65536): c.sendall(data)\n"
    "    c.close()\n"
    "threading.Thread(target=serve, args=(4443,), daemon=True).start()\n"
    "print('serving', flush=True)\n"
    "serve(80)\n";

const struct plane_image server_image = {"ami-server", TEXTS("/usr/bin/python3", "-c", server_program), NULL,
                                         NULL};

static const char *instance_at(void *context, struct arena *arena, const char *vpc_id, const char *address)
{
    (void)context, (void)arena;
    const struct plane_vpc *vpc = text_equal(vpc_id, "vpc-home") ? &home_vpc : &away_vpc;
    for (size_t i = 0; i < vpc->interface_count; i++)
        for (const char *const *own = vpc->interfaces[i].addresses; *own; own++)
            if (text_equal(*own, address))
                return vpc->interfaces[i].owner;
    return NULL;
}

static int metadata(void *context, struct arena *arena, const char *id, const char *path, char **text,
                    const char **content_type, struct error *err)
{
    (void)context, (void)content_type;
    if (!text_equal(path, "meta-data/instance-id"))
        return error_set(err, ERROR_NOT_FOUND, "no such metadata");
    *text = arena_strdup(arena, id);
    return 0;
}

static int hop_limit(void *context, const char *instance_id, bool ipv6)
{
    (void)ipv6;
    (void)context;
    return text_equal(instance_id, MACHINE_A) ? 2 : 1;
}

static const char *const *resolve(void *context, struct arena *arena, const char *vpc_id, const char *name)
{
    static const char *const addresses[] = {"2001:db8:1:1::20", "10.1.1.20", NULL};
    (void)context, (void)arena, (void)vpc_id;
    return text_equal(name, "front.example") ? addresses : NULL;
}

static void running(void *context, const char *id)
{
    struct plane_world *world = context;
    (void)id;
    world->running++;
}

static void stopped(void *context, const char *id, const char *why)
{
    struct plane_world *world = context;
    (void)id;
    world->stopped++;
    snprintf(world->why, sizeof world->why, "%s", why);
}

static void attached(void *context, const char *id, const char *disk, const char *why)
{
    struct plane_world *world = context;
    (void)id;
    snprintf(world->disk_said, sizeof world->disk_said, "%.100s %.300s", disk, why ? why : "attached");
}

static void detached(void *context, const char *id, const char *disk, bool done)
{
    struct plane_world *world = context;
    (void)id;
    snprintf(world->disk_said, sizeof world->disk_said, "%.100s %s", disk, done ? "detached" : "busy");
}

char world_label[32];

__attribute__((constructor)) static void name_world(void)
{
    snprintf(world_label, sizeof world_label, "plane-test-%d", (int)getpid());
}

void world_start_machine(struct plane_world *world, const char *id, const struct plane_image *image,
                         const unsigned char *key)
{
    struct plane_instance instance = {
        .id = id,
        .account = "1",
        .hostname = id,
        .image = image,
        .volume_bytes = 1 << 30,
        .volume_key = key,
        .vpc_id = text_equal(id, MACHINE_D) ? "vpc-away" : "vpc-home",
    };
    plane_start_instance(world->plane, &instance);
}

int world_make(struct plane_world *world, struct error *err)
{
    struct plane_callbacks callbacks = {.context = world,
                                        .instance_at = instance_at,
                                        .metadata = metadata,
                                        .metadata_hop_limit = hop_limit,
                                        .instance_running = running,
                                        .instance_stopped = stopped,
                                        .disk_attached = attached,
                                        .disk_detached = detached,
                                        .resolve = resolve};
    snprintf(world->directory, sizeof world->directory, "/tmp/plane-test-XXXXXX");
    if (!mkdtemp(world->directory))
        return error_errno(err, ERROR_INTERNAL, "make a directory");
    return plane_start(world->directory, WORLD_LABEL, API_ADDRESS, false, &callbacks, &world->plane, err);
}

int world_populate(struct plane_world *world, struct error *err)
{
    static const char *const machines[] = {MACHINE_A, MACHINE_B, MACHINE_C, MACHINE_D};
    plane_apply_vpc(world->plane, &home_vpc);
    plane_apply_vpc(world->plane, &away_vpc);
    for (size_t i = 0; i < COUNT_OF(machines); i++)
        world_start_machine(world, machines[i], &server_image, NULL);
    plane_settle(world->plane);
    if (world->running != (int)COUNT_OF(machines))
        return error_set(err, ERROR_INTERNAL, "%d machines run: %s", world->running, world->why);
    return 0;
}

void world_end(struct plane_world *world)
{
    plane_stop(&world->plane);
    tree_remove(world->directory, NULL);
}

int world_namespace(const char *owner)
{
    char path[256];
    snprintf(path, sizeof path, NAMESPACE_DIRECTORY "/%s-%s", WORLD_LABEL, owner);
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool world_says(const char *from, const char *address, int port, char said[256])
{
    cleanup(file_close) int namespace = world_namespace(from);
    cleanup(file_close) int socket = -1;
    said[0] = '\0';
    if (namespace_connect(namespace, address, (uint16_t)port, 400, &socket, NULL) < 0)
        return false;
    struct timeval limit = {2, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssize_t got = read(socket, said, 255);
    said[got > 0 ? got : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return got > 0;
}

bool world_reaches(const char *from, const char *address, int port)
{
    char said[256];
    return world_says(from, address, port, said);
}

int world_run(const char *from, const char *command, struct arena *arena, char **output)
{
    cleanup(file_close) int namespace = world_namespace(from);
    struct process shell = {.argv = (const char *const[]){"sh", "-c", command, NULL},
                            .timeout_ms = 20000,
                            .network_namespace = namespace};
    return process_run(&shell, arena, output, NULL);
}

bool world_console_has(struct plane_world *world, const char *id, const char *text, int timeout_ms)
{
    for (int64_t until = clock_monotonic_ms() + timeout_ms;;) {
        cleanup(arena_free) struct arena *arena = arena_new();
        if (strstr(plane_console(world->plane, arena, id), text))
            return true;
        if (clock_monotonic_ms() > until)
            return false;
        clock_sleep_ms(20);
    }
}
