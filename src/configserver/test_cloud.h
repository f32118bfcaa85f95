/* For tests: a cloud that the test holds in its hand: what it has, what it refuses, loses and is slow about.
 * It is in shared memory, so that a test can let a process die and see what its successor makes of what it
 * left. */
#ifndef CONFIGSERVER_TEST_CLOUD_H
#define CONFIGSERVER_TEST_CLOUD_H

#include "configserver/cloud/cloud.h"

#include <stdint.h>

#define TEST_ACCOUNT  "210987654321"
#define OTHER_ACCOUNT "333333333333"

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

struct test_zone;
struct cloud test_cloud_calls(struct test_zone *test);
/* A moment at which the process may die: it does at cloud_state->die_at. */
void test_cloud_step(struct test_zone *test);

#endif
