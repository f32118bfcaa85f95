#include "configserver/test_callers.h"

#include "base/file.h"
#include "identity/athenz.h"

#include <string.h>

void check(int result, const struct error *err)
{
    if (result < 0)
        fail_msg("%s", err->message);
}

static const char *trust_of(const struct test_zone *test)
{
    return arena_format(test->arena, "%s/ca.pem", test->directory);
}

static void make_authority(struct test_callers *callers, struct test_zone *test)
{
    struct error err;
    char *pem;
    cleanup(key_free) struct key *key = NULL;
    check(authority_create(test->arena, "Test CA", 1, &key, &pem, &err), &err);
    check(authority_open(pem, key, &callers->authority, &err), &err);
    check(file_write(trust_of(test), pem, strlen(pem), 0644, &err), &err);
}

static struct tls_files issue(const struct test_callers *callers, struct test_zone *test, size_t number,
                              const struct test_caller *name)
{
    struct error err;
    struct names subject = {0};
    char *pem;
    cleanup(key_free) struct key *key = NULL;
    const char *base = arena_format(test->arena, "%s/caller%zu", test->directory, number);
    const struct tls_files files = {arena_format(test->arena, "%s.pem", base),
                                    arena_format(test->arena, "%s.key", base), trust_of(test)};
    athenz_service_names(test->arena, name->domain, name->service, name->provider, name->instance_id,
                         &subject);
    check(key_generate(&key, &err), &err);
    check(authority_issue(callers->authority, test->arena, key_public_pem(test->arena, key), &subject,
                          3600000, &pem, &err),
          &err);
    check(key_save(key, files.key, &err), &err);
    check(file_write(files.certificate, pem, strlen(pem), 0600, &err), &err);
    return files;
}

static int anyone(void *context, const gnutls_datum_t *certificate, struct error *err)
{
    (void)context;
    (void)certificate;
    (void)err;
    return 0;
}

void test_callers_begin(struct test_callers *callers, struct test_zone *test, const struct test_caller *names,
                        size_t count)
{
    struct error err;
    assert_true(count <= TEST_CALLERS_MOST);
    *callers = (struct test_callers){.count = count};
    make_authority(callers, test);
    for (size_t i = 0; i < count; i++) {
        bool named = names[i].domain;
        const struct tls_files files =
            named ? issue(callers, test, i, &names[i]) : (struct tls_files){NULL, NULL, trust_of(test)};
        check(tls_context_new(&files, named ? TLS_CLIENT_ALLOWED : TLS_CLIENT_NONE, &callers->tls[i], &err),
              &err);
        const struct http_client_options options = {
            .tls = callers->tls[i], .check_peer = anyone, .no_proxy = true};
        check(http_client_new(&options, &callers->clients[i], &err), &err);
    }
}

void test_callers_end(struct test_callers *callers)
{
    for (size_t i = 0; i < callers->count; i++) {
        http_client_free(&callers->clients[i]);
        tls_context_free(&callers->tls[i]);
    }
    authority_close(&callers->authority);
}
