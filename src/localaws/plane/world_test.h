/* A world for tests of the plane that need root: two VPCs ("home" with three subnets, "away"), machines that
 * say who connects to them, and the question whether somebody reaches somebody. Everything in it carries a
 * label of its own. */
#ifndef LOCALAWS_PLANE_WORLD_TEST_H
#define LOCALAWS_PLANE_WORLD_TEST_H

#include "localaws/plane/plane.h"

#define WORLD_LABEL world_label /* another in each test program that runs */
#define MACHINE_A   "i-0000000000000000a" /* public subnet, metadata hop limit 2 */
#define MACHINE_B   "i-0000000000000000b" /* egress-only subnet, a second IPv6 address */
#define MACHINE_C   "i-0000000000000000c" /* a subnet without routes, a group that lets nothing out */
#define MACHINE_D   "i-0000000000000000d" /* the other VPC */

struct plane_world {
    struct plane *plane;
    char directory[64];
    int running, stopped; /* how often the plane said so */
    char why[512];
    char disk_said[512]; /* "DISK attached", "DISK detached", "DISK busy" or why not */
};

extern char world_label[32];
extern const struct plane_vpc home_vpc;
extern const struct plane_image server_image;

int world_make(struct plane_world *world, struct error *err);
int world_populate(struct plane_world *world, struct error *err); /* the VPCs, and machines A to D */
void world_end(struct plane_world *world);
void world_start_machine(struct plane_world *world, const char *id, const struct plane_image *image,
                         const unsigned char *key);

/* A descriptor of a machine's namespace, or of "internet" or a VPC's router. */
int world_namespace(const char *owner);
bool world_reaches(const char *from, const char *address, int port);
bool world_says(const char *from, const char *address, int port,
                char said[256]); /* "<host name> <peer address>" */
int world_run(const char *from, const char *command, struct arena *arena, char **output);
bool world_console_has(struct plane_world *world, const char *id, const char *text, int timeout_ms);

#endif
