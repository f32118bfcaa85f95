#include "configserver/records/history.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena *arena;

static struct history with(struct history history, const char *event, int64_t at)
{
    const struct event next = {event, at, "health", "a test"};
    return history_add(arena, &history, &next);
}

/* "launched@1 up@3" */
static const char *shown(const struct history *history)
{
    char *text = "";
    for (size_t i = 0; i < history->count; i++)
        text = arena_format(arena, "%s%s%s@%d", text, i ? " " : "", history->events[i].event,
                            (int)history->events[i].at);
    return text;
}

static void what_happens_all_the_time_drives_out_nothing_else(void **state)
{
    (void)state;
    struct history history = with(with((struct history){0}, "wanted", 1), "launched", 2);
    for (int i = 0; i < 1000; i += 2)
        history = with(with(history, "down", 10 + i), "up", 11 + i);
    assert_string_equal(shown(&history),
                        "wanted@1 launched@2 down@1000 up@1001 down@1002 up@1003 down@1004 up@1005 "
                        "down@1006 up@1007 down@1008 up@1009");
    assert_string_equal(history.events[1].agent, "health");
    assert_string_equal(history.events[1].reason, "a test");
}

static void of_what_is_older_only_the_last_of_its_kind_is_kept(void **state)
{
    (void)state;
    struct history history = {0};
    for (int i = 1; i <= 3; i++)
        history = with(history, "retired", i);
    for (int i = 1; i <= HISTORY_RECENT; i++)
        history = with(history, i % 2 ? "down" : "up", 10 + i);
    assert_int_equal(history.count, HISTORY_RECENT + 1);
    assert_string_equal(history.events[0].event, "retired");
    assert_int_equal(history.events[0].at, 3);
}

static void it_never_grows_beyond_what_a_record_may_have(void **state)
{
    (void)state;
    struct history history = {0};
    for (int i = 0; i < 3 * EVENTS_KEPT; i++)
        history = with(history, arena_format(arena, "event %d", i), i);
    assert_int_equal(history.count, EVENTS_KEPT);
    assert_int_equal(history.events[EVENTS_KEPT - 1].at, 3 * EVENTS_KEPT - 1);
}

static void the_newest_of_each_kind_and_the_most_recent_are_parts_of_it(void **state)
{
    (void)state;
    struct history history = with(with(with((struct history){0}, "launched", 1), "down", 2), "up", 3);
    history = with(history, "down", 4);
    const struct history newest = history_newest(arena, history.events, history.count);
    assert_string_equal(shown(&newest), "launched@1 up@3 down@4");
    for (int i = 0; i < HISTORY_RECENT; i++)
        history = with(history, "up", 10 + i);
    const struct history recent = history_recent(history.events, history.count);
    assert_int_equal(recent.count, HISTORY_RECENT);
    assert_int_equal(recent.events[0].at, 10);
    const struct history none = history_recent(NULL, 0);
    assert_int_equal(none.count, 0);
}

int main(void)
{
    arena = arena_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happens_all_the_time_drives_out_nothing_else),
        cmocka_unit_test(of_what_is_older_only_the_last_of_its_kind_is_kept),
        cmocka_unit_test(it_never_grows_beyond_what_a_record_may_have),
        cmocka_unit_test(the_newest_of_each_kind_and_the_most_recent_are_parts_of_it),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
