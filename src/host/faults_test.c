#include "host/faults.h"

#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_disk_that_can_be_written_is_no_fault(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    char directory[] = "/tmp/faults-test-XXXXXX";
    struct faults faults = {0};
    assert_non_null(mkdtemp(directory));
    assert_int_equal(json_object_size(faults_look(&faults, arena, directory)), 0);
    assert_int_equal(faults.error, 0);
    unlink(arena_format(arena, "%s/disk-probe", directory));
    rmdir(directory);
}

static void a_broken_disk_is_hard_and_a_full_one_is_not(void **state)
{
    (void)state;
    static const struct {
        int error;
        const char *report, *type;
    } rows[] = {{EROFS, "disk", "HARD_FAIL"},
                {EIO, "disk", "HARD_FAIL"},
                {ENOSPC, "disk-full", "SOFT_FAIL"},
                {ENOENT, NULL, NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct faults faults = {.error = rows[i].error, .since_ms = 7};
        json_t *said = faults_said(&faults, "/var/lib/enclave");
        const json_t *report = rows[i].report ? json_object_get(said, rows[i].report) : NULL;
        assert_int_equal(json_object_size(said), rows[i].report ? 1 : 0);
        if (report)
            assert_string_equal(json_member_text(report, "type"), rows[i].type);
        json_decref(said);
    }
}

static void what_is_found_is_found_since_then(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct faults faults = {.error = EROFS, .since_ms = 7, .looked_ms = INT64_MAX / 2};
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(faults_look(&faults, arena, "/nowhere"), "disk"), "createdMillis")),
                     7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_can_be_written_is_no_fault),
        cmocka_unit_test(a_broken_disk_is_hard_and_a_full_one_is_not),
        cmocka_unit_test(what_is_found_is_found_since_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
