/* The people of a simulated world: tenants who deploy their applications, grow and shrink them, change their
 * minds, and delete them, each through the controller, which asks again until it has an answer. */
#ifndef SIMULATOR_DEPLOYER_H
#define SIMULATOR_DEPLOYER_H

#include "configserver/simulator/package.h"
#include "configserver/simulator/region.h"

enum { APPLICATIONS_MOST = 6 };

struct sim_application {
    struct world *world;
    char id[64]; /* "acme:search:default" */
    char name[24];
    struct sim_account *account;
    struct chance chance;
    bool exists;    /* as far as its tenant knows */
    bool uncertain; /* a deployment or deletion had no answer */
    bool busy;      /* one is under way */
    bool leaving;   /* its deletion was accepted */
    struct sim_package package;
    char today[16];     /* of the package */
    int64_t generation; /* the last that was accepted */
    int64_t accepted, refused, unanswered;
};

struct deployers {
    struct world *world;
    struct sim_application applications[APPLICATIONS_MOST];
    size_t count;
};
struct deployers *deployers_new(struct world *world);
void deployers_free(struct deployers **deployers);

#endif
