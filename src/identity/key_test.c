#include "identity/key.h"

#include "base/file.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char sec1_pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MHcCAQEEIJ11Ib7YMDL6V/AuTeA8wC0lVaELq48uFEOhCTVft7b/oAoGCCqGSM49\n"
                               "AwEHoUQDQgAEqYIdA0QoM7egyFrScESwxJUANcqLNES6sSCJysJM7yu7l5VaNYHp\n"
                               "fhCj9UHS7jhAoTisarVfU7/wRs6l7NWwdg==\n"
                               "-----END EC PRIVATE KEY-----\n";

static const char p384_pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MIGkAgEBBDDpqK8HsnK9W8MUKKHws77hegUbUU5RX79YmZFnDkHsoQrbY6bcQeTn\n"
                               "ZTkBdqPnasigBwYFK4EEACKhZANiAATHJ0Iu9aGow05qhVS0DrivS/MpaityMRig\n"
                               "hmhd2H6jvL1BZVdGa7JHRksRXbILi0C5oUHG6GvBJMBfYpDb0A4Z6kUyWCGu8R/8\n"
                               "a2j/wmQZeW8gLRQV6JBtkbJwcK8lQDE=\n"
                               "-----END EC PRIVATE KEY-----\n";

static void a_key_survives_being_written_and_read(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(key_free) struct key *key = NULL;
    cleanup(key_free) struct key *again = NULL;
    struct error err = {0};
    char directory[] = "/tmp/key_test.XXXXXX";
    assert_non_null(mkdtemp(directory));
    char *path = arena_format(arena, "%s/key.pem", directory);
    assert_int_equal(key_generate(&key, &err), 0);
    assert_int_equal(key_save(key, path, &err), 0);
    assert_int_equal(key_load(path, &again, &err), 0);
    assert_string_equal(key_public_hash(arena, key), key_public_hash(arena, again));
    assert_true(text_starts(key_pem(arena, key), "-----BEGIN PRIVATE KEY-----\n"));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(tree_remove(directory, &err), 0);
}

static void the_name_of_a_key_is_the_hash_of_its_public_half(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(key_free) struct key *key = NULL;
    struct error err = {0};
    char *hash;
    assert_int_equal(key_generate(&key, &err), 0);
    assert_int_equal(public_key_hash(arena, key_public_pem(arena, key), &hash, &err), 0);
    assert_string_equal(hash, key_public_hash(arena, key));
    assert_int_equal(strlen(hash), 64);
}

static void a_signature_holds_only_over_its_bytes_and_key(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(key_free) struct key *key = NULL;
    cleanup(key_free) struct key *other = NULL;
    struct error err = {0};
    char *signature;
    assert_int_equal(key_generate(&key, &err), 0);
    assert_int_equal(key_generate(&other, &err), 0);
    assert_int_equal(key_sign(arena, key, "hello", 5, &signature, &err), 0);
    assert_int_equal(public_key_verify(key_public_pem(arena, key), "hello", 5, signature, &err), 0);
    assert_int_equal(public_key_verify(key_public_pem(arena, key), "hellO", 5, signature, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    assert_int_equal(public_key_verify(key_public_pem(arena, other), "hello", 5, signature, &err), -1);
    assert_int_equal(public_key_verify(key_public_pem(arena, key), "hello", 5, "AAAA", &err), -1);
}

static void both_pem_forms_of_a_private_key_are_read_and_rubbish_is_not(void **state)
{
    (void)state;
    struct error err = {0};
    cleanup(key_free) struct key *key = NULL;
    assert_int_equal(key_parse(sec1_pem, &key, &err), 0);
    key_free(&key);
    assert_int_equal(key_parse(p384_pem, &key, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(key_parse("", &key, &err), -1);
    assert_null(key);
}

static void digests_are_the_published_ones(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    assert_string_equal(sha256_hex(arena, "abc", 3),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha256_base64(arena, "", 0), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_survives_being_written_and_read),
        cmocka_unit_test(the_name_of_a_key_is_the_hash_of_its_public_half),
        cmocka_unit_test(a_signature_holds_only_over_its_bytes_and_key),
        cmocka_unit_test(both_pem_forms_of_a_private_key_are_read_and_rubbish_is_not),
        cmocka_unit_test(digests_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
