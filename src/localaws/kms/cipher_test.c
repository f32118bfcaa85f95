#include "localaws/kms/kms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char key[KMS_KEY_BYTES] = {1, 2, 3}, other[KMS_KEY_BYTES] = {3, 2, 1};

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

static void only_the_same_key_context_and_bytes_open_it(void **state)
{
    unsigned char *sealed, *plain;
    size_t length, plain_length;
    assert_int_equal(cipher_seal(*state, key, "{\"a\":\"1\"}", "secret", 6, &sealed, &length, NULL), 0);
    assert_int_equal(cipher_open(*state, key, "{\"a\":\"1\"}", sealed, length, &plain, &plain_length, NULL),
                     0);
    assert_int_equal(plain_length, 6);
    assert_memory_equal(plain, "secret", 6);
    assert_int_equal(cipher_open(*state, other, "{\"a\":\"1\"}", sealed, length, &plain, &plain_length, NULL),
                     -1);
    assert_int_equal(cipher_open(*state, key, "{}", sealed, length, &plain, &plain_length, NULL), -1);
    for (size_t i = 0; i < length; i++) {
        sealed[i] ^= 1;
        assert_int_equal(
            cipher_open(*state, key, "{\"a\":\"1\"}", sealed, length, &plain, &plain_length, NULL), -1);
        sealed[i] ^= 1;
        assert_int_equal(cipher_open(*state, key, "{\"a\":\"1\"}", sealed, i, &plain, &plain_length, NULL),
                         -1);
    }
}

static void the_same_text_is_never_sealed_the_same_way(void **state)
{
    unsigned char *one, *two;
    size_t length;
    assert_int_equal(cipher_seal(*state, key, "", "secret", 6, &one, &length, NULL), 0);
    assert_int_equal(cipher_seal(*state, key, "", "secret", 6, &two, &length, NULL), 0);
    assert_memory_not_equal(one, two, length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_same_key_context_and_bytes_open_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_text_is_never_sealed_the_same_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
