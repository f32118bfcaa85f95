#include "zts/serials.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct world {
    char directory[64];
    struct store *store;
};

static const struct instance_name host = {"vespa.provider_dev_x", "vespa.tenant.acme.tenant-host", "i-1"};
static const struct instance_name other = {"vespa.provider_dev_x", "vespa.tenant.acme.tenant-host", "i-2"};

static int set_up(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    struct error err = {0};
    char path[96];
    snprintf(world->directory, sizeof world->directory, "/tmp/serials_test.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(path, sizeof path, "%s/store.db", world->directory);
    assert_int_equal(store_open_sqlite(path, &world->store, &err), 0);
    assert_int_equal(serials_open(world->store, &err), 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    store_close(&world->store);
    tree_remove(world->directory, NULL);
    free(world);
    return 0;
}

static struct serial_change change(const char *serial)
{
    return (struct serial_change){.serial = serial, .expires_ms = 1000, .client_ip = "2001:db8::1"};
}

static int registered(struct world *world, const struct instance_name *instance, const char *serial)
{
    struct serial_change made = change(serial);
    return serials_register(world->store, instance, &made, NULL);
}

static struct presented_serial presented(const char *serial)
{
    return (struct presented_serial){serial, clock_now_ms()};
}

static int checked(struct world *world, const struct instance_name *instance, const char *serial,
                   struct error *err)
{
    struct presented_serial shown = presented(serial);
    return serials_check(world->store, instance, &shown, err);
}

static int refreshed(struct world *world, const char *old, const char *serial, struct error *err)
{
    struct serial_change made = change(serial);
    struct presented_serial shown = presented(old);
    return serials_refresh(world->store, &host, &shown, &made, err);
}

static void each_refresh_moves_the_line_on(void **state)
{
    struct error err = {0};
    assert_int_equal(registered(*state, &host, "a"), 0);
    assert_int_equal(refreshed(*state, "a", "b", &err), 0);
    assert_int_equal(refreshed(*state, "b", "c", &err), 0);
}

static void a_lost_answer_may_be_asked_for_again(void **state)
{
    struct error err = {0};
    assert_int_equal(registered(*state, &host, "a"), 0);
    assert_int_equal(refreshed(*state, "a", "b", &err), 0);
    assert_int_equal(refreshed(*state, "a", "c", &err), 0);
    assert_int_equal(refreshed(*state, "c", "d", &err), 0);
}

static void a_stale_serial_revokes_both_holders(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    assert_int_equal(registered(world, &host, "a"), 0);
    assert_int_equal(refreshed(world, "a", "b", &err), 0);
    assert_int_equal(refreshed(world, "b", "c", &err), 0);
    assert_int_equal(refreshed(world, "a", "d", &err), -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_true(text_starts(err.message, "Certificate revoked"));
    assert_int_equal(refreshed(world, "c", "e", &err), -1);
    assert_true(text_starts(err.message, "Certificate revoked"));
    assert_int_equal(checked(world, &host, "c", &err), -1);
    assert_int_equal(registered(world, &host, "f"), 0); /* by a new attestation */
    assert_int_equal(refreshed(world, "f", "g", &err), 0);
}

static void an_instance_nobody_recorded_must_register(void **state)
{
    struct error err = {0};
    assert_int_equal(refreshed(*state, "a", "b", &err), -1);
    assert_true(text_starts(err.message, "Certificate revoked"));
}

static void a_line_older_than_the_records_goes_on_and_a_second_holder_is_still_found_out(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct serial_change made = change("b"), thiefs = change("c");
    struct presented_serial old = {"a", clock_now_ms() - 60000};
    assert_int_equal(serials_check(world->store, &host, &old, &err), 0);
    assert_int_equal(serials_refresh(world->store, &host, &old, &made, &err), 0);
    assert_int_equal(refreshed(world, "b", "d", &err), 0);
    assert_int_equal(serials_refresh(world->store, &host, &old, &thiefs, &err), -1);
    assert_true(text_starts(err.message, "Certificate revoked"));
    assert_int_equal(refreshed(world, "d", "e", &err), -1);
}

static void a_line_is_vouched_for_until_it_moves_on(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    assert_int_equal(registered(world, &host, "a"), 0);
    assert_int_equal(checked(world, &host, "a", &err), 0);
    assert_int_equal(refreshed(world, "a", "b", &err), 0);
    assert_int_equal(refreshed(world, "b", "c", &err), 0);
    assert_int_equal(checked(world, &host, "b", &err), 0);
    assert_int_equal(checked(world, &host, "a", &err), -1);
    assert_int_equal(checked(world, &host, "c", &err), 0); /* asking has revoked nothing */
}

static void instances_have_lines_of_their_own(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    assert_int_equal(registered(world, &host, "a"), 0);
    assert_int_equal(registered(world, &other, "x"), 0);
    assert_int_equal(refreshed(world, "x", "b", &err), -1);
    assert_int_equal(checked(world, &other, "x", &err), 0);
}

static void records_of_what_has_ended_are_purged(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    size_t removed;
    assert_int_equal(registered(world, &host, "a"), 0);
    assert_int_equal(serials_purge(world->store, 1000, &removed, &err), 0);
    assert_int_equal(removed, 0);
    assert_int_equal(serials_purge(world->store, 1001, &removed, &err), 0);
    assert_int_equal(removed, 1);
    assert_int_equal(registered(world, &host, "b"), 0);
}

#define SERIALS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERIALS_TEST(each_refresh_moves_the_line_on),
        SERIALS_TEST(a_lost_answer_may_be_asked_for_again),
        SERIALS_TEST(a_stale_serial_revokes_both_holders),
        SERIALS_TEST(an_instance_nobody_recorded_must_register),
        SERIALS_TEST(a_line_older_than_the_records_goes_on_and_a_second_holder_is_still_found_out),
        SERIALS_TEST(a_line_is_vouched_for_until_it_moves_on),
        SERIALS_TEST(instances_have_lines_of_their_own),
        SERIALS_TEST(records_of_what_has_ended_are_purged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
