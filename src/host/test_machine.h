/* For the root tests: a machine of its own (mounts, network, an outside to the VPC's network) and an
 * authority that vouches for whoever the test says. */
#ifndef HOST_TEST_MACHINE_H
#define HOST_TEST_MACHINE_H

#include "identity/certificate.h"

#include <stdbool.h>
#include <stdint.h>

#define TEST_SUFFIX   ".dev.aws-us-east-1c.vespa.enclave.internal"
#define TEST_PROVIDER "vespa.provider_dev_aws-us-east-1c"
#define TEST_HOST_IP  "2001:db8:1::100"
#define TEST_OUTSIDE  "2001:db8:1::c1" /* the VPC's other end */
#define TEST_APP      "vespa.tenant.acme.albums"
#define TEST_INSTANCE ".default.albums.acme.aws-us-east-1c.dev.node"

struct test_machine {
    struct arena *arena;
    char directory[40];
    const char *state, *trust;
    struct authority *authority, *clients; /* the zone's; of the application's clients */
    char *authority_pem, *clients_pem;
    int home, outside; /* network namespaces */
};

/* Runs the tests as the first process of a machine: whatever they leave running ends with them, also when
 * they are killed. The exit status is theirs. */
int test_machine_run(int (*tests)(void));
void test_machine_open(struct test_machine *machine);
void test_machine_close(struct test_machine *machine); /* containers and namespaces of the nodes, too */

void test_must(int result, const struct error *err);
int test_run(struct test_machine *machine, const char *const *argv);
#define TEST_RUN(machine, ...) test_run(machine, (const char *const[]){__VA_ARGS__, NULL})

/* An identity as sia leaves one in a directory. */
void test_identity(struct test_machine *machine, const char *directory, const char *domain,
                   const char *service, const char *instance_id, const char *dns, const char *address);
/* Can a process in this namespace connect? */
bool test_connects(struct test_machine *machine, const char *namespace, const char *address, uint16_t port);
/* A node's part of a spec, as JSON. */
const char *test_node_spec(struct test_machine *machine, const char *label, const char *type,
                           const char *cluster, const char *address, const char *state,
                           int restart_generation);

#endif
