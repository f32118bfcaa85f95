#include "base/buffer.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/test_zone.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

static la_ssize_t keep(struct archive *writer, void *context, const void *bytes, size_t length)
{
    (void)writer;
    buffer_append(context, bytes, length);
    return (la_ssize_t)length;
}

static void add_file(struct archive *writer, const char *path, const char *text)
{
    if (!text)
        return;
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)strlen(text));
    archive_write_header(writer, entry);
    archive_write_data(writer, text, strlen(text));
    archive_entry_free(entry);
}

int test_deploy_package(struct test_zone *test, const struct test_package *package, struct deployed *deployed,
                        struct error *err)
{
    cleanup(buffer_free) struct buffer zip = buffer_new(1 << 20);
    const char *account = package->account ? package->account : TEST_ACCOUNT;
    struct archive *writer = archive_write_new();
    archive_write_set_format_zip(writer);
    archive_write_set_bytes_in_last_block(writer, 1);
    archive_write_open(writer, &zip, NULL, keep, NULL);
    add_file(writer, "services.xml", package->services ? package->services : TEST_SERVICES);
    add_file(writer, "deployment.xml",
             package->deployment
                 ? package->deployment
                 : arena_format(test->arena, "<deployment version='1.0' cloud-account='aws:%s'/>", account));
    add_file(writer, "validation-overrides.xml", package->overrides);
    add_file(writer, "security/clients.pem", "PEM of clients");
    archive_write_free(writer);
    const struct deployment deployment = {{"acme", "search", "default"}, account,    "external",
                                          buffer_string(&zip),           zip.length, package->dry_run};
    return deploy(test->zone, test->arena, &deployment, deployed, err);
}

int test_deploy(struct test_zone *test, const char *services, const char *account, struct deployed *deployed,
                struct error *err)
{
    const struct test_package package = {.services = services, .account = account};
    return test_deploy_package(test, &package, deployed, err);
}

void test_must_deploy(struct test_zone *test, const char *services)
{
    struct error err;
    struct deployed deployed;
    if (test_deploy(test, services, TEST_ACCOUNT, &deployed, &err) < 0)
        fail_msg("%s", err.message);
}

void test_refuses(struct test_zone *test, const struct test_package *package, const char *words)
{
    struct error err = {0};
    struct deployed deployed;
    assert_int_equal(test_deploy_package(test, package, &deployed, &err), -1);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not say '%s'", err.message, words);
}

void test_settle(struct test_zone *test)
{
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    test_nodes_report(test, "up");
    test_zone_run(test, 4);
}

void test_bring_up(struct test_zone *test)
{
    test_must_deploy(test, TEST_SERVICES);
    test_settle(test);
}

const char *test_status(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    if (!application)
        return "gone";
    json_t *state = application_state(test->zone, view, application);
    const char *status = arena_strdup(test->arena, json_member_text(state, "status"));
    json_decref(state);
    return status;
}
