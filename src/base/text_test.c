#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

static void base64_goes_there_and_back(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}}; /* RFC 4648 section 10 */
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        unsigned char *bytes;
        size_t length;
        assert_string_equal(base64_encode(*state, pairs[i][0], strlen(pairs[i][0])), pairs[i][1]);
        assert_int_equal(base64_decode(*state, pairs[i][1], &bytes, &length, NULL), 0);
        assert_int_equal(length, strlen(pairs[i][0]));
        assert_memory_equal(bytes, pairs[i][0], length);
    }
}

static void base64_that_is_not_strict_is_refused(void **state)
{
    static const char *const bad[] = {"Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9_"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        unsigned char *bytes;
        size_t length;
        struct error err = {0};
        assert_int_equal(base64_decode(*state, bad[i], &bytes, &length, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void percent_encoding_follows_rfc_3986(void **state)
{
    char *decoded;
    assert_string_equal(percent_encode(*state, "a b/c~-_.é", true), "a%20b/c~-_.%C3%A9");
    assert_string_equal(percent_encode(*state, "a/b", false), "a%2Fb");
    assert_int_equal(percent_decode(*state, "a%20b+c", false, &decoded, NULL), 0);
    assert_string_equal(decoded, "a b+c");
    assert_int_equal(percent_decode(*state, "a+b%2B", true, &decoded, NULL), 0);
    assert_string_equal(decoded, "a b+");
    assert_int_equal(percent_decode(*state, "%0", false, &decoded, NULL), -1);
    assert_int_equal(percent_decode(*state, "%00", false, &decoded, NULL), -1);
    assert_int_equal(percent_decode(*state, "%zz", false, &decoded, NULL), -1);
}

static void utf8_that_is_overlong_or_a_surrogate_is_refused(void **state)
{
    (void)state;
    assert_true(text_utf8("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\xb5", 11));
    assert_false(text_utf8("\xc0\xaf", 2));
    assert_false(text_utf8("\xed\xa0\x80", 3));
    assert_false(text_utf8("\xf5\x80\x80\x80", 4));
    assert_false(text_utf8("\xe2\x82", 2));
    assert_false(text_utf8("a\0b", 3));
}

static void numbers_are_whole_and_within_limits(void **state)
{
    (void)state;
    int64_t number;
    assert_int_equal(text_number("42", 0, 100, "n", &number, NULL), 0);
    assert_int_equal(number, 42);
    static const char *const bad[] = {"", " 1", "1x", "101", "-1", "99999999999999999999", NULL};
    for (size_t i = 0; bad[i]; i++)
        assert_int_equal(text_number(bad[i], 0, 100, "n", &number, NULL), -1);
    assert_int_equal(text_number(NULL, 0, 100, "n", &number, NULL), -1);
}

static void grammar_ranges_hold_only_what_they_name(void **state)
{
    (void)state;
    assert_true(text_only("abc-9", "a-z0-9-"));
    assert_false(text_only("abc_", "a-z0-9-"));
    assert_false(text_only("a/b", "a-z0-9-"));
}

static void what_is_cut_is_cut_between_characters(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa9\xe2\x82\xac!"; /* a, e acute, euro */
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6};
    for (size_t most = 0; most < COUNT_OF(cuts); most++)
        assert_int_equal(text_cut(text, most), cuts[most]);
    for (size_t before = 1010; before < 1024; before++) {
        char *long_text = memory_alloc(1100);
        memset(long_text, 'x', before);
        for (size_t i = 0; i < 20; i++)
            memcpy(long_text + before + 3 * i, "\xe2\x82\xac", 4);
        struct error err = {0};
        error_set(&err, ERROR_INTERNAL, "%s", long_text);
        free(long_text);
        assert_true(text_utf8(err.message, strlen(err.message)));
        assert_true(text_ends(err.message, "..."));
        assert_true(strlen(err.message) >= sizeof err.message - 4);
    }
}

static void splitting_keeps_empty_parts(void **state)
{
    char **parts;
    assert_int_equal(text_split(*state, "a,,b,", ',', &parts), 4);
    assert_string_equal(parts[0], "a");
    assert_string_equal(parts[1], "");
    assert_string_equal(parts[3], "");
}

static void hexadecimal_goes_there_and_back(void **state)
{
    unsigned char *bytes;
    size_t length;
    assert_string_equal(hex_encode(*state, "\x01\xfe", 2), "01fe");
    assert_int_equal(hex_decode(*state, "01FE", &bytes, &length, NULL), 0);
    assert_int_equal(length, 2);
    assert_int_equal(bytes[1], 0xfe);
    assert_int_equal(hex_decode(*state, "01f", &bytes, &length, NULL), -1);
    assert_int_equal(hex_decode(*state, "0g", &bytes, &length, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(base64_goes_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(base64_that_is_not_strict_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(percent_encoding_follows_rfc_3986, set_up, tear_down),
        cmocka_unit_test(utf8_that_is_overlong_or_a_surrogate_is_refused),
        cmocka_unit_test(numbers_are_whole_and_within_limits),
        cmocka_unit_test(grammar_ranges_hold_only_what_they_name),
        cmocka_unit_test(what_is_cut_is_cut_between_characters),
        cmocka_unit_test_setup_teardown(splitting_keeps_empty_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hexadecimal_goes_there_and_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
