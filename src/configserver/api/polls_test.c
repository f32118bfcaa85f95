/* Hosts that wait for their spec to change, over real TLS: they are answered when it does, and then only. */
#include "configserver/api/test_boundary.h"

#include "base/clock.h"
#include "configserver/hosts/polls.h"

#include <pthread.h>
#include <stdio.h>

struct waiting {
    struct boundary *boundary;
    int64_t generation, waited_ms;
    struct http_reply reply;
};

static void *wait_for_spec(void *context)
{
    struct waiting *waiting = context;
    struct error err;
    struct arena *arena = arena_new();
    int64_t start = clock_monotonic_ms();
    char url[256];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/spec/v1/host/" HOST "?generation=%lld&wait=20",
             waiting->boundary->ports[SIDE_TUNNEL], (long long)waiting->generation);
    struct http_call call = {.method = HTTP_GET, .url = url};
    if (http_call(waiting->boundary->callers.clients[HOST_ITSELF], &call, arena, &waiting->reply, &err) < 0)
        waiting->reply.status = -1;
    waiting->waited_ms = clock_monotonic_ms() - start;
    waiting->reply.body = NULL;
    arena_free(&arena);
    return NULL;
}

static int64_t generation_of(struct boundary *boundary)
{
    char *text;
    int64_t generation;
    struct error err;
    check(polls_spec(boundary->test->zone->polls, HOST, boundary->test->arena, &text, &generation, &err),
          &err);
    return generation;
}

static void a_waiting_host_is_answered_when_its_spec_changes(void **state)
{
    struct boundary *boundary = *state;
    struct waiting waiting = {.boundary = boundary, .generation = generation_of(boundary)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_spec, &waiting), 0);
    clock_sleep_ms(300);
    test_hosts_arrive(boundary->test);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.reply.status, 200);
    assert_in_range(waiting.waited_ms, 200, 5000);
    assert_true(generation_of(boundary) > waiting.generation);
}

static int reboot_later(struct boundary *boundary, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction =
        transaction_begin(boundary->test->zone->repository);
    struct host next = *(const struct host *)transaction_find(transaction, RECORD_HOST, HOST);
    next.reboot_generation++;
    transaction_put(transaction, RECORD_HOST, &next);
    return transaction_commit(&transaction, err);
}

/* What was written without an answer is shown when the store speaks again, and whoever waits hears of it. */
static void a_waiting_host_is_answered_when_a_change_turns_out_to_be_written(void **state)
{
    struct boundary *boundary = *state;
    struct zone *zone = boundary->test->zone;
    struct error err;
    struct waiting waiting = {.boundary = boundary, .generation = generation_of(boundary)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_spec, &waiting), 0);
    clock_sleep_ms(300);
    boundary->loses = true;
    test_zone_advance(boundary->test, 1000);
    assert_int_equal(reboot_later(boundary, &err), -1);
    assert_int_equal(generation_of(boundary), waiting.generation);
    boundary->silent = false;
    cleanup(transaction_end) struct transaction *next = transaction_begin(zone->repository);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.reply.status, 200);
    assert_in_range(waiting.waited_ms, 200, 5000);
    assert_true(generation_of(boundary) > waiting.generation);
    assert_int_equal(atomic_load(&zone->told_ms), zone_now_ms(zone));
}

static void a_waiting_host_is_told_when_nothing_changed(void **state)
{
    struct boundary *boundary = *state;
    char path[128];
    snprintf(path, sizeof path, "/spec/v1/host/" HOST "?generation=%lld&wait=1",
             (long long)generation_of(boundary));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, path, NULL), 304);
    assert_int_equal(
        status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, "/spec/v1/host/" HOST "?wait=99", NULL), 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, boundary_begin, boundary_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_waiting_host_is_answered_when_its_spec_changes),
        cmocka_unit_test_setup_teardown(a_waiting_host_is_answered_when_a_change_turns_out_to_be_written,
                                        boundary_begin_in_memory, boundary_end),
        TEST(a_waiting_host_is_told_when_nothing_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
