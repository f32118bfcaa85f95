/* SSH keys, judged by ssh-keygen where it is there. */
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "localaws/ec2/ssh_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Of the right form. */
static const char known[] =
    "ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIHUKMiRHmtTTp2Jn3nQW3lGSQvLKbdnDbPvUCbBXeQW8 someone@somewhere\n";

static void a_made_key_can_be_imported(void **state)
{
    (void)state;
    for (int ed25519 = 0; ed25519 <= 1; ed25519++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct ssh_key made, read;
        char *pem;
        struct error err = {0};
        assert_int_equal(ssh_key_make(arena, ed25519, &made, &pem, &err), 0);
        assert_int_equal(ssh_key_parse(arena, made.line, &read, &err), 0);
        assert_string_equal(read.line, made.line);
        assert_string_equal(read.type, made.type);
        assert_int_equal(strlen(made.fingerprint), ed25519 ? 44 : 59); /* SHA-256 in base64, SHA-1 in hex */
        assert_int_equal(strlen(read.fingerprint), ed25519 ? 44 : 47); /* and MD5 */
    }
}

static void openssh_finds_the_public_half_in_the_private_one(void **state)
{
    (void)state;
    if (access("/usr/bin/ssh-keygen", X_OK) != 0)
        skip();
    for (int ed25519 = 0; ed25519 <= 1; ed25519++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct ssh_key made;
        char *pem, *shown, path[] = "/tmp/ssh_key_test.XXXXXX";
        struct error err = {0};
        assert_int_equal(ssh_key_make(arena, ed25519, &made, &pem, &err), 0);
        cleanup(file_close) int file = mkstemp(path);
        assert_int_equal(file_write_all(file, pem, strlen(pem), &err), 0);
        struct process keygen = {.argv = (const char *const[]){"ssh-keygen", "-y", "-f", path, NULL}};
        int result = process_run(&keygen, arena, &shown, &err);
        unlink(path);
        assert_int_equal(result, 0);
        assert_memory_equal(shown, made.line, strlen(made.line));
    }
}

static void a_comment_is_left_out(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct ssh_key key;
    struct error err = {0};
    assert_int_equal(ssh_key_parse(arena, known, &key, &err), 0);
    assert_string_equal(key.type, "ed25519");
    assert_null(strstr(key.line, "someone"));
}

static void what_is_no_public_key_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "ssh-rsa",
        "ssh-rsa AAAA",
        "ssh-dss AAAAB3NzaC1kc3M=",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIHUKMiRHmtTTp2Jn3nQW3lGSQvLKbdnDbPvUCbBXeQW8",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAH3UKMiRHmtTTp2Jn3nQW3lGSQvLKbdnDbPvUCbBXeQ==",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5/////3UKMiRHmtTTp2Jn3nQW3lGSQvLKbdnDbPvUCbBXeQW8",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct ssh_key key;
        struct error err = {0};
        assert_int_equal(ssh_key_parse(arena, others[i], &key, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_key_can_be_imported),
        cmocka_unit_test(openssh_finds_the_public_half_in_the_private_one),
        cmocka_unit_test(a_comment_is_left_out),
        cmocka_unit_test(what_is_no_public_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
