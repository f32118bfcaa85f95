/* For tests: a zone over a real store, with a cloud (test_cloud.h), a clock and a tunnel that the test holds
 * in its hand. */
#ifndef CONFIGSERVER_TEST_ZONE_H
#define CONFIGSERVER_TEST_ZONE_H

#include "configserver/decide/deploy.h"
#include "configserver/maintain/schedule.h"
#include "configserver/test_cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST_KEY "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

struct test_zone {
    char directory[64];
    struct test_cloud *cloud_state;
    struct config config;
    struct cloud cloud;
    struct peers peers;
    struct attestor attestor;
    struct attested attested; /* what the attestor says */
    bool genuine;             /* whether it says anything */
    char peer_list[4096];     /* what the tunnel was told, "key address\n" each */
    int whole_lists;          /* how often it was told all of it */
    struct store *store;
    struct zone *zone;
    struct account_worker *worker; /* of test_account_pass */
    struct arena *arena;
    const char *silent[8]; /* hosts that are not heard any more; NULL ends */
    bool unchecked;        /* the test's records need not fit together */
};

int test_zone_begin(void **state); /* cmocka's setup: *state is a struct test_zone */
int test_zone_end(void **state);

void test_zone_open(struct test_zone *test);
void test_zone_close(struct test_zone *test);

/* As at the beginning: without records, and with an empty cloud. */
void test_zone_renew(struct test_zone *test);
/* `what` in a process of its own, which ends with _exit; its status, 77 when it died at cloud_state->die_at.
 */
int test_in_a_process(struct test_zone *test, void (*what)(struct test_zone *test));

/* Every host but the silent ones calls. */
void test_hosts_heard(struct test_zone *test);
/* They do, then all that is due is run, `times` over, a second of the test's time apart. */
void test_zone_run(struct test_zone *test, int times);
void test_account_pass(struct test_zone *test); /* what is due of TEST_ACCOUNT's maintainers alone */
void test_zone_advance(struct test_zone *test, int64_t milliseconds);

/* "web" with one node and a balancer, "albums" with one; `services` and `account` may replace that. */
int test_deploy(struct test_zone *test, const char *services, const char *account, struct deployed *deployed,
                struct error *err);
#define TEST_SERVICES                                              \
    "<services><container id='web'><nodes count='1'/></container>" \
    "<content id='albums'><nodes count='1'/></content></services>"
#define TEST_APPLICATION "acme:search:default"

/* A package file by file; NULL is as test_deploy has it, or no such file. */
struct test_package {
    const char *services, *deployment, *overrides, *account;
    bool dry_run;
};
int test_deploy_package(struct test_zone *test, const struct test_package *package, struct deployed *deployed,
                        struct error *err);
void test_must_deploy(struct test_zone *test, const char *services);
/* It is refused, with these words. */
void test_refuses(struct test_zone *test, const struct test_package *package, const char *words);
/* TEST_SERVICES are deployed and serve. */
void test_bring_up(struct test_zone *test);
/* All that is wanted arrives and serves. */
void test_settle(struct test_zone *test);
/* "running", "pending", …; "gone" without a record. */
const char *test_status(struct test_zone *test);

/* A tunnel key that only this host has. */
char *test_key_of(struct arena *arena, const struct host *host);
/* What hosts would do by HTTP: publish a key, get ready, report their node up, drain. */
void test_hosts_arrive(struct test_zone *test);
void test_nodes_report(struct test_zone *test, const char *status);
void test_hosts_drain(struct test_zone *test);

const struct application *test_application(struct test_zone *test, const struct view *view);
size_t test_instances_in(struct test_zone *test, const char *account, enum instance_state state);

#endif
