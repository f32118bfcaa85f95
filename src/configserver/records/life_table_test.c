/* Each life's table from the outside: what every event makes of every state, and that all else is refused and
 * changes nothing; and that no rule of a record is ever broken, whatever happens to it in whatever order. */
#include "configserver/records/life.h"

#include "base/error.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

union living {
    struct host host;
    struct node node;
    struct load_balancer balancer;
};

struct step {
    int state, event, next;
};

/* One life as the tests see it. */
struct subject {
    const char *name;
    enum record_kind kind;
    int states, events; /* how many; GONE and what follows it count, too */
    const char *const *state_names;
    const struct step *steps; /* all there are */
    size_t step_count;
    void (*begin)(union living *living, const struct cause *cause);
    /* What a caller has written into a record in that state before it says that event. */
    void (*equip)(union living *living, int state, int event);
    int (*apply)(union living *living, int event, const struct cause *cause, struct error *err);
};

/* clang-format off */
static const struct step host_steps[] = {
    {HOST_WANTED, HOST_LAUNCHED, HOST_PROVISIONED},
    {HOST_WANTED, HOST_RELEASE, HOST_TERMINATING},
    {HOST_PROVISIONED, HOST_REACHED_US, HOST_READY},
    {HOST_PROVISIONED, HOST_LOST, HOST_WANTED},
    {HOST_PROVISIONED, HOST_RELEASE, HOST_TERMINATING},
    {HOST_PROVISIONED, HOST_WISH_RETIRE, HOST_PROVISIONED},
    {HOST_PROVISIONED, HOST_UNWISH, HOST_PROVISIONED},
    {HOST_READY, HOST_REACHED_US, HOST_READY},
    {HOST_READY, HOST_ACTIVATE, HOST_ACTIVE},
    {HOST_READY, HOST_LOST, HOST_WANTED},
    {HOST_READY, HOST_RELEASE, HOST_DEPROVISIONING},
    {HOST_READY, HOST_WISH_RETIRE, HOST_READY},
    {HOST_READY, HOST_WISH_FAIL, HOST_READY},
    {HOST_READY, HOST_UNWISH, HOST_READY},
    {HOST_READY, HOST_WENT_DOWN, HOST_READY},
    {HOST_ACTIVE, HOST_REACHED_US, HOST_ACTIVE},
    {HOST_ACTIVE, HOST_LOST, HOST_WANTED},
    {HOST_ACTIVE, HOST_SUSPEND, HOST_ACTIVE},
    {HOST_ACTIVE, HOST_FAIL, HOST_FAILED},
    {HOST_ACTIVE, HOST_RELEASE, HOST_DEPROVISIONING},
    {HOST_ACTIVE, HOST_WISH_RETIRE, HOST_ACTIVE},
    {HOST_ACTIVE, HOST_WISH_FAIL, HOST_ACTIVE},
    {HOST_ACTIVE, HOST_UNWISH, HOST_ACTIVE},
    {HOST_ACTIVE, HOST_WENT_DOWN, HOST_ACTIVE},
    {HOST_ACTIVE, HOST_WANT_REBOOT, HOST_ACTIVE},
    {HOST_FAILED, HOST_REACHED_US, HOST_FAILED},
    {HOST_FAILED, HOST_PARK, HOST_PARKED},
    {HOST_FAILED, HOST_RELEASE, HOST_DEPROVISIONING},
    {HOST_FAILED, HOST_LOST, HOST_TERMINATING},
    {HOST_FAILED, HOST_WENT_DOWN, HOST_FAILED},
    {HOST_PARKED, HOST_REACHED_US, HOST_PARKED},
    {HOST_PARKED, HOST_RELEASE, HOST_DEPROVISIONING},
    {HOST_PARKED, HOST_LOST, HOST_TERMINATING},
    {HOST_PARKED, HOST_WENT_DOWN, HOST_PARKED},
    {HOST_DEPROVISIONING, HOST_REACHED_US, HOST_DEPROVISIONING},
    {HOST_DEPROVISIONING, HOST_DRAINED, HOST_TERMINATING},
    {HOST_DEPROVISIONING, HOST_DRAIN_EXPIRED, HOST_TERMINATING},
    {HOST_DEPROVISIONING, HOST_LOST, HOST_TERMINATING},
    {HOST_DEPROVISIONING, HOST_WENT_DOWN, HOST_DEPROVISIONING},
    {HOST_TERMINATING, HOST_LAUNCHED, HOST_TERMINATING},
    {HOST_TERMINATING, HOST_TERMINATED, HOST_DEPROVISIONED},
    {HOST_DEPROVISIONED, HOST_FORGET, HOST_GONE},
};

static const struct step node_steps[] = {
    {NODE_RESERVED, NODE_ACTIVATE, NODE_ACTIVE},
    {NODE_RESERVED, NODE_HOST_LOST, NODE_RESERVED},
    {NODE_RESERVED, NODE_RELEASE, NODE_DIRTY},
    {NODE_ACTIVE, NODE_HOST_LOST, NODE_RESERVED},
    {NODE_ACTIVE, NODE_RETIRE, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_WENT_DOWN, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_CAME_UP, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_SUSPEND, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_RESUME, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_PART, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_STAY, NODE_ACTIVE},
    {NODE_ACTIVE, NODE_DEACTIVATE, NODE_INACTIVE},
    {NODE_ACTIVE, NODE_FAIL, NODE_FAILED},
    {NODE_ACTIVE, NODE_RELEASE, NODE_DIRTY},
    {NODE_ACTIVE, NODE_WANT_RESTART, NODE_ACTIVE},
    {NODE_INACTIVE, NODE_REACTIVATE, NODE_RESERVED},
    {NODE_INACTIVE, NODE_HOST_LOST, NODE_DIRTY},
    {NODE_INACTIVE, NODE_RELEASE, NODE_DIRTY},
    {NODE_FAILED, NODE_PARK, NODE_PARKED},
    {NODE_FAILED, NODE_HOST_LOST, NODE_DIRTY},
    {NODE_FAILED, NODE_RELEASE, NODE_DIRTY},
    {NODE_PARKED, NODE_HOST_LOST, NODE_DIRTY},
    {NODE_PARKED, NODE_RELEASE, NODE_DIRTY},
    {NODE_DIRTY, NODE_HOST_LOST, NODE_DIRTY},
    {NODE_DIRTY, NODE_REMOVED, NODE_GONE},
};

static const struct step balancer_steps[] = {
    {LOAD_BALANCER_WANTED, LOAD_BALANCER_PROVISIONED, LOAD_BALANCER_ACTIVE},
    {LOAD_BALANCER_WANTED, LOAD_BALANCER_REMOVE, LOAD_BALANCER_REMOVING},
    {LOAD_BALANCER_ACTIVE, LOAD_BALANCER_LOST, LOAD_BALANCER_WANTED},
    {LOAD_BALANCER_ACTIVE, LOAD_BALANCER_DEACTIVATE, LOAD_BALANCER_INACTIVE},
    {LOAD_BALANCER_ACTIVE, LOAD_BALANCER_REMOVE, LOAD_BALANCER_REMOVING},
    {LOAD_BALANCER_INACTIVE, LOAD_BALANCER_REACTIVATE, LOAD_BALANCER_ACTIVE},
    {LOAD_BALANCER_INACTIVE, LOAD_BALANCER_LOST, LOAD_BALANCER_REMOVING},
    {LOAD_BALANCER_INACTIVE, LOAD_BALANCER_REMOVE, LOAD_BALANCER_REMOVING},
    {LOAD_BALANCER_REMOVING, LOAD_BALANCER_REMOVED, LOAD_BALANCER_GONE},
};
/* clang-format on */

static void begin_host(union living *living, const struct cause *cause)
{
    living->host = (struct host){.hostname = "h100.x"};
    host_begin(&living->host, cause);
}

static void equip_host(union living *living, int state, int event)
{
    struct host *host = &living->host;
    bool launched = state >= HOST_PROVISIONED && state <= HOST_DEPROVISIONING;
    bool heard = state >= HOST_READY && state <= HOST_DEPROVISIONING;
    if (launched || event == HOST_LAUNCHED)
        host->instance_id = "i-1";
    if (heard || (state == HOST_PROVISIONED && event == HOST_REACHED_US)) {
        host->address = host->node_address = "2001:db8::1";
        host->wireguard_key = "k";
    }
}

static int apply_host(union living *living, int event, const struct cause *cause, struct error *err)
{
    return host_apply(&living->host, (enum host_event)event, cause, err);
}

static void begin_node(union living *living, const struct cause *cause)
{
    living->node = (struct node){.hostname = "h100a.x"};
    node_begin(&living->node, cause);
}

static void equip_node(union living *living, int state, int event)
{
    (void)event;
    if (state == NODE_ACTIVE)
        living->node.service_status = "up";
}

static int apply_node(union living *living, int event, const struct cause *cause, struct error *err)
{
    return node_apply(&living->node, (enum node_event)event, cause, err);
}

static void begin_balancer(union living *living, const struct cause *cause)
{
    living->balancer = (struct load_balancer){.id = "a:b:c:web"};
    load_balancer_begin(&living->balancer, cause);
}

static void equip_balancer(union living *living, int state, int event)
{
    struct load_balancer *balancer = &living->balancer;
    bool made = state == LOAD_BALANCER_ACTIVE || state == LOAD_BALANCER_INACTIVE;
    if (made || (state == LOAD_BALANCER_WANTED && event == LOAD_BALANCER_PROVISIONED))
        balancer->arn = balancer->group_arn = balancer->dns_name = "name";
    if (state == LOAD_BALANCER_ACTIVE)
        balancer->announced = true;
}

static int apply_balancer(union living *living, int event, const struct cause *cause, struct error *err)
{
    return load_balancer_apply(&living->balancer, (enum load_balancer_event)event, cause, err);
}

#define STEPS(steps) steps, sizeof steps / sizeof *steps

static const struct subject subjects[] = {
    {"host", RECORD_HOST, HOST_GONE + 1, HOST_REBOOTED + 1, host_state_names, STEPS(host_steps), begin_host,
     equip_host, apply_host},
    {"node", RECORD_NODE, NODE_GONE + 1, NODE_RESTARTED + 1, node_state_names, STEPS(node_steps), begin_node,
     equip_node, apply_node},
    {"load balancer", RECORD_LOAD_BALANCER, LOAD_BALANCER_GONE + 1, LOAD_BALANCER_REMOVED + 1,
     load_balancer_state_names, STEPS(balancer_steps), begin_balancer, equip_balancer, apply_balancer},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static const struct cause *at(int64_t when)
{
    static struct cause cause;
    cause = (struct cause){arena, when, AGENT_OPERATOR, "a test"};
    return &cause;
}

/* The three of them keep these in places of their own. */
static int state_of(const struct subject *subject, const union living *living)
{
    return subject->kind == RECORD_HOST   ? living->host.state
           : subject->kind == RECORD_NODE ? living->node.state
                                          : living->balancer.state;
}

static void set_state(const struct subject *subject, union living *living, int state)
{
    *(subject->kind == RECORD_HOST   ? &living->host.state
      : subject->kind == RECORD_NODE ? &living->node.state
                                     : &living->balancer.state) = state;
}

static const struct event *last_event(const struct subject *subject, const union living *living)
{
    size_t count = subject->kind == RECORD_HOST   ? living->host.history_count
                   : subject->kind == RECORD_NODE ? living->node.history_count
                                                  : living->balancer.history_count;
    return &(subject->kind == RECORD_HOST   ? living->host.history
             : subject->kind == RECORD_NODE ? living->node.history
                                            : living->balancer.history)[count - 1];
}

/* -1: it is refused. What a host says of itself is taken wherever in its life it is. */
static int next_of(const struct subject *subject, int state, int event)
{
    for (size_t i = 0; i < subject->step_count; i++)
        if (subject->steps[i].state == state && subject->steps[i].event == event)
            return subject->steps[i].next;
    bool anywhere = (subject->kind == RECORD_HOST &&
                     (event == HOST_CAME_UP || event == HOST_RESUME || event == HOST_REBOOTED)) ||
                    (subject->kind == RECORD_NODE && event == NODE_RESTARTED);
    return anywhere ? state : -1;
}

static void must_hold(const struct subject *subject, const union living *living)
{
    const char *broken = record_broken_rule(subject->kind, living);
    if (broken)
        fail_msg("%s that is %s: %s", subject->name, subject->state_names[state_of(subject, living)], broken);
}

static void check_refusal(const struct subject *subject, union living *living, int state, int event)
{
    const union living before = *living;
    struct error err = {0};
    if (subject->apply(living, event, at(7), &err) == 0)
        fail_msg("%s that is %s took event %d", subject->name, subject->state_names[state], event);
    assert_memory_equal(living, &before, sizeof before);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, subject->state_names[state]));
    assert_non_null(strstr(err.message, "does not apply"));
}

static void check_step(const struct subject *subject, union living *living, int state, int event, int next)
{
    struct error err = {0};
    if (subject->apply(living, event, at(7), &err) < 0)
        fail_msg("%s", err.message);
    if (state_of(subject, living) != next)
        fail_msg("%s that was %s is %s after event %d", subject->name, subject->state_names[state],
                 subject->state_names[state_of(subject, living)], event);
    must_hold(subject, living);
    if (next == state)
        return;
    const struct event *last = last_event(subject, living);
    assert_int_equal(last->at, 7);
    assert_string_equal(last->agent, "operator");
    assert_string_equal(last->reason, "a test");
}

static void every_event_in_every_state_is_in_the_table_or_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < SUBJECTS; i++)
        for (int state = 0; state < subjects[i].states; state++)
            for (int event = 0; event < subjects[i].events; event++) {
                const struct subject *subject = &subjects[i];
                union living living = {0};
                subject->begin(&living, at(1));
                set_state(subject, &living, state);
                subject->equip(&living, state, event);
                int next = next_of(subject, state, event);
                if (next < 0)
                    check_refusal(subject, &living, state, event);
                else
                    check_step(subject, &living, state, event, next);
            }
}

static void what_an_event_needs_is_asked_for(void **unused)
{
    (void)unused;
    struct host host = {.hostname = "h", .state = HOST_TERMINATING};
    assert_int_equal(host_apply(&host, HOST_LAUNCHED, at(2), NULL), -1);
    struct host heard = {.state = HOST_PROVISIONED, .instance_id = "i", .address = "a", .node_address = "b"};
    assert_int_equal(host_apply(&heard, HOST_REACHED_US, at(2), NULL), -1);
    heard.wireguard_key = "k";
    heard.address = NULL;
    assert_int_equal(host_apply(&heard, HOST_REACHED_US, at(2), NULL), -1);
    heard.address = "a";
    assert_int_equal(host_apply(&heard, HOST_REACHED_US, at(2), NULL), 0);
    struct load_balancer balancer = {.id = "b", .state = LOAD_BALANCER_WANTED, .arn = "a", .group_arn = "g"};
    assert_int_equal(load_balancer_apply(&balancer, LOAD_BALANCER_PROVISIONED, at(2), NULL), -1);
    balancer.dns_name = "d";
    assert_int_equal(load_balancer_apply(&balancer, LOAD_BALANCER_PROVISIONED, at(2), NULL), 0);
    struct node node = {.hostname = "n", .state = NODE_ACTIVE, .retired = true};
    assert_int_equal(node_apply(&node, NODE_UNRETIRE, at(2), NULL), 0);
    node.retired = true;
    assert_int_equal(node_apply(&node, NODE_HOST_LOST, at(2), NULL), 0);
    assert_int_equal(node.state, NODE_DIRTY);
}

static void a_new_record_says_who_wanted_it_and_why(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < SUBJECTS; i++) {
        union living living = {0};
        subjects[i].begin(&living, at(5));
        assert_int_equal(state_of(&subjects[i], &living), 0);
        const struct event *first = last_event(&subjects[i], &living);
        assert_string_equal(first->event, subjects[i].state_names[0]);
        assert_string_equal(first->agent, "operator");
        assert_string_equal(first->reason, "a test");
        assert_int_equal(first->at, 5);
        must_hold(&subjects[i], &living);
    }
}

static uint32_t seed = 1;

static int draw(int bound)
{
    seed = seed * 1664525 + 1013904223;
    return (int)((seed >> 8) % (uint32_t)bound);
}

static void no_rule_is_broken_whatever_happens_in_whatever_order(void **unused)
{
    (void)unused;
    for (int walk = 0; walk < 3000; walk++) {
        const struct subject *subject = &subjects[walk % SUBJECTS];
        cleanup(arena_free) struct arena *own = arena_new();
        union living living = {0};
        struct cause cause = {own, 1, AGENT_HEALTH, "by chance"};
        subject->begin(&living, &cause);
        for (cause.at = 2; cause.at < 42; cause.at++) {
            int state = state_of(subject, &living), event = draw(subject->events);
            if (next_of(subject, state, event) >= 0)
                subject->equip(&living, state, event);
            subject->apply(&living, event, &cause, NULL);
            must_hold(subject, &living);
        }
    }
}

int main(void)
{
    arena = arena_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_is_in_the_table_or_refused),
        cmocka_unit_test(what_an_event_needs_is_asked_for),
        cmocka_unit_test(a_new_record_says_who_wanted_it_and_why),
        cmocka_unit_test(no_rule_is_broken_whatever_happens_in_whatever_order),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
