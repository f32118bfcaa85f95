/* Scheduled events and breakage, on records alone. */
#include "base/clock.h"
#include "base/text.h"
#include "localaws/ec2/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct region region;
static struct instance *instance;

static int open_world(void **state)
{
    (void)state;
    region = (struct region){.name = "us-east-1"};
    region_open(&region);
    struct account *account = region_account_create(&region, "210987654321");
    const struct instance draft = {
        .resource.id = (char *)"i-1",
        .reservation_id = (char *)"r-1",
        .image_id = (char *)"ami-1",
        .simulated = true,
        .state = INSTANCE_RUNNING,
    };
    instance = resource_add(&region, account, &instance_kind, &draft);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    struct account *account = region.accounts;
    resource_remove(&region, &instance->resource);
    table_free(&registry_of(&region)->by_id);
    memory_free(&registry_of(&region)->filings.removed);
    free(registry_of(&region));
    free(account->modules[MODULE_EC2]);
    free(account);
    return 0;
}

static void schedule(const char *code, int64_t at_ms)
{
    struct error err = {0};
    assert_int_equal(ec2_schedule_event(&region, "i-1", code, at_ms, NULL, &err), 0);
}

static void nothing_is_done_before_its_time(void **state)
{
    (void)state;
    int64_t now = clock_now_ms();
    schedule("instance-stop", now + 5000);
    schedule("instance-retirement", now + 9000);
    assert_int_equal(events_carry_out(&region, now), now + 5000);
    assert_int_equal(instance->state, INSTANCE_RUNNING);
    assert_string_equal(instance->events[0].state, "active");
}

static void a_retired_instance_is_stopped_at_its_time_with_the_reason(void **state)
{
    (void)state;
    int64_t now = clock_now_ms();
    schedule("instance-retirement", now + 5000);
    assert_int_equal(events_carry_out(&region, now + 5000), INT64_MAX);
    assert_int_equal(instance->state, INSTANCE_STOPPED);
    assert_string_equal(instance->reason_code, "Server.ScheduledStop");
    assert_string_equal(instance->events[0].state, "completed");
    assert_string_equal(instance->events[0].description,
                        "[Completed] The instance is running on degraded hardware");
}

static void maintenance_and_reboots_leave_the_instance_running(void **state)
{
    (void)state;
    schedule("system-maintenance", 0);
    schedule("system-reboot", 0);
    events_carry_out(&region, clock_now_ms());
    assert_int_equal(instance->state, INSTANCE_RUNNING);
    assert_string_equal(instance->events[0].state, "completed");
    assert_string_equal(instance->events[1].state, "completed");
}

static void a_canceled_event_does_nothing_and_says_so(void **state)
{
    (void)state;
    struct error err = {0};
    schedule("instance-stop", clock_now_ms() + 5000);
    assert_int_equal(ec2_cancel_event(&region, "i-1", "instance-event-other", &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(ec2_cancel_event(&region, "i-1", instance->events[0].id, &err), 0);
    assert_int_equal(events_carry_out(&region, clock_now_ms() + 9000), INT64_MAX);
    assert_int_equal(instance->state, INSTANCE_RUNNING);
    assert_string_equal(instance->events[0].state, "canceled");
    assert_int_equal(ec2_cancel_event(&region, "i-1", NULL, &err), -1);
}

static void what_cannot_be_scheduled_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(ec2_schedule_event(&region, "i-2", "instance-stop", 0, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(ec2_schedule_event(&region, "i-1", "instance-party", 0, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    for (int i = 0; i < EVENTS_MOST; i++)
        schedule("instance-stop", clock_now_ms() + 5000);
    assert_int_equal(ec2_schedule_event(&region, "i-1", "instance-stop", 0, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(ec2_complete_event(&region, "i-1", instance->events[0].id, &err), 0);
    schedule("system-reboot", clock_now_ms() + 5000); /* in place of the completed one */
    assert_string_equal(instance->events[EVENTS_MOST - 1].code, "system-reboot");
}

static void a_broken_computer_ends_or_stops_the_instance(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(ec2_break_instance(&region, "i-1", INSTANCE_HALTED, &err), 0);
    assert_int_equal(instance->state, INSTANCE_STOPPED);
    assert_string_equal(instance->reason_code, "Server.ScheduledStop");
    assert_int_equal(ec2_break_instance(&region, "i-1", INSTANCE_LOST, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    instance->state = INSTANCE_RUNNING;
    assert_int_equal(ec2_break_instance(&region, "i-1", INSTANCE_LOST, &err), 0);
    assert_int_equal(instance->state, INSTANCE_TERMINATED);
    assert_string_equal(instance->reason_message, "Server.InternalError: Internal error");
    assert_int_equal(ec2_schedule_event(&region, "i-1", "instance-stop", 0, NULL, &err), -1);
}

static void the_metadata_tells_active_events_from_past_ones(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    assert_string_equal(events_json(arena, instance, true), "[]");
    schedule("instance-stop", 1548061243000);
    assert_non_null(
        strstr(events_json(arena, instance, true), "\"NotBefore\": \"21 Jan 2019 09:00:43 GMT\""));
    assert_string_equal(events_json(arena, instance, false), "[]");
    events_carry_out(&region, clock_now_ms());
    assert_string_equal(events_json(arena, instance, true), "[]");
    assert_non_null(strstr(events_json(arena, instance, false), "\"State\": \"completed\""));
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        IN_WORLD(nothing_is_done_before_its_time),
        IN_WORLD(a_retired_instance_is_stopped_at_its_time_with_the_reason),
        IN_WORLD(maintenance_and_reboots_leave_the_instance_running),
        IN_WORLD(a_canceled_event_does_nothing_and_says_so),
        IN_WORLD(what_cannot_be_scheduled_is_refused),
        IN_WORLD(a_broken_computer_ends_or_stops_the_instance),
        IN_WORLD(the_metadata_tells_active_events_from_past_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
