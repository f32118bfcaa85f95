/* For tests: a zone over a real store, with a cloud, a clock and a tunnel that the test holds in its hand.
 * The cloud is in shared memory, so that a test can let a process die and see what its successor makes of
 * what it left. */
#ifndef CONFIGSERVER_TEST_ZONE_H
#define CONFIGSERVER_TEST_ZONE_H

#include "configserver/decide/deploy.h"
#include "configserver/maintain/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST_ACCOUNT  "210987654321"
#define OTHER_ACCOUNT "333333333333"
#define TEST_KEY      "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

enum { TEST_MOST = 64, TEST_INSTANCES_MOST = 4096 };

struct test_instance {
    char id[24], hostname[128], token[80], account[16], type[24], subnet[16];
    enum instance_state state;
    int launch_calls; /* how often its token was used */
    int launch_index;
    int64_t launched_ms;
};

struct test_balancer {
    char name[40], account[16];
    bool exists, group_exists, is_public, is_private;
    size_t allowed; /* principals */
    int made;       /* how often it was asked for */
    char targets[TEST_MOST][48];
    int64_t target_since_ms[TEST_MOST];
    size_t target_count;
};

/* Shared by every process of a test. */
struct test_cloud {
    struct test_instance instances[TEST_INSTANCES_MOST];
    size_t instance_count;
    struct test_balancer balancers[TEST_MOST];
    size_t balancer_count;
    int64_t now_ms;
    int steps, die_at; /* the process dies at that step (a cloud call before or after its effect, a commit);
                          0: never */
    char broken_account[16];  /* every call for it fails */
    int64_t fails_after_ms;   /* so long after it began */
    char hanging_account[16]; /* every call for it waits until this is cleared */
    int busy, busiest;        /* calls for TEST_ACCOUNT at once, now and at most */
    char missing[64];         /* what find_place does not find; "" for nothing */
    char bucket[128];         /* the log archive's name, when not the usual one */
    int calls;
    bool unknown_names;    /* the resolver knows none */
    int launch_calls;      /* of all tokens, refused ones too */
    int subnets;           /* for hosts: one an availability zone; 0 is 1 */
    char full[8][48];      /* "type subnet" or "type": there is no capacity for it */
    char refusal[40];      /* EC2's code for every launch; "" for none */
    int throttled;         /* so many calls to come are too fast */
    int largest;           /* instances by one launch that there is capacity for; 0: any */
    int64_t health_lag_ms; /* a target is found healthy so long after it was added */
    int64_t list_lag_ms;   /* an instance is listed so long after its launch */
    int lose_launches;     /* so many launches to come are done and not answered */
    struct test_event {
        char instance_id[24], code[32];
        int64_t not_before_ms;
    } events[8]; /* announced; without a code it is none */
};

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
