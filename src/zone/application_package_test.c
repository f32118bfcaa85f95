#include "zone/application_package.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVICES "<services version='1.0'><container id='web' version='1.0'/></services>"

/* One test's zip in the making: files are added, then the package is read. */
struct draft {
    struct arena *arena;
    struct archive *writer;
    struct buffer zip;
    struct application_package package;
    struct error err;
};

static la_ssize_t keep(struct archive *writer, void *context, const void *bytes, size_t length)
{
    (void)writer;
    buffer_append(context, bytes, length);
    return (la_ssize_t)length;
}

static int begin(void **state)
{
    struct draft *draft = memory_alloc(sizeof *draft);
    draft->arena = arena_new();
    draft->zip = buffer_new(256 << 20);
    draft->writer = archive_write_new();
    archive_write_set_format_zip(draft->writer);
    archive_write_set_bytes_in_last_block(draft->writer, 1);
    archive_write_open(draft->writer, &draft->zip, NULL, keep, NULL);
    *state = draft;
    return 0;
}

static int end(void **state)
{
    struct draft *draft = *state;
    archive_write_free(draft->writer);
    buffer_free(&draft->zip);
    arena_free(&draft->arena);
    free(draft);
    return 0;
}

static void add_bytes(struct draft *draft, const char *path, const void *bytes, size_t length)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)length);
    assert_int_equal(archive_write_header(draft->writer, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(draft->writer, bytes, length), length);
    archive_entry_free(entry);
}

static void add(struct draft *draft, const char *path, const char *text)
{
    add_bytes(draft, path, text, strlen(text));
}

static void add_link(struct draft *draft, const char *path, const char *target)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_perm(entry, 0777);
    archive_entry_set_symlink(entry, target);
    assert_int_equal(archive_write_header(draft->writer, entry), ARCHIVE_OK);
    archive_entry_free(entry);
}

static int read_package(struct draft *draft)
{
    archive_write_close(draft->writer);
    return application_package_read(draft->arena, buffer_string(&draft->zip), draft->zip.length,
                                    &draft->package, &draft->err);
}

/* What it asks for in a zone for development. */
static int resolve_package(struct draft *draft, struct wanted_deployment *wanted)
{
    const struct zone_id zone = {"dev", "aws-us-east-1c"};
    const struct package_target target = {.zone = &zone, .instance = "default", .cloud = "aws"};
    if (read_package(draft) < 0)
        return -1;
    return application_package_resolve(draft->arena, &draft->package, &target, wanted, &draft->err);
}

static void refuses(struct draft *draft, const char *words)
{
    struct wanted_deployment wanted;
    assert_int_equal(resolve_package(draft, &wanted), -1);
    assert_int_equal(draft->err.kind, ERROR_INVALID);
    assert_string_equal(draft->err.code, "INVALID_APPLICATION_PACKAGE");
    if (!strstr(draft->err.message, words))
        fail_msg("'%s' does not say '%s'", draft->err.message, words);
}

static void refuses_services(struct draft *draft, const char *services, const char *words)
{
    add(draft, "services.xml", services);
    refuses(draft, words);
}

static void a_package_is_read_with_its_clusters(void **state)
{
    struct draft *draft = *state;
    add(draft, "services.xml",
        "<services version='1.0'>"
        "<container id='web' version='1.0'><nodes count='2' docker-image='registry.example/vespa:8.1'>"
        "<resources vcpu='4' memory='16Gb' disk='125Gb' architecture='arm64'/></nodes></container>"
        "<content id='albums' version='1.0'><nodes count='[3, 6]'/></content></services>");
    add(draft, "security/clients.pem", "PEM");
    add(draft, "schemas/album.sd", "schema album {}");
    struct wanted_deployment wanted;
    assert_int_equal(resolve_package(draft, &wanted), 0);
    assert_int_equal(wanted.cluster_count, 2);
    assert_string_equal(wanted.clusters[0].image, "registry.example/vespa:8.1");
    assert_string_equal(wanted.clusters[1].id, "albums");
    assert_string_equal(draft->package.clients_pem, "PEM");
    assert_string_equal(application_package_file(&draft->package, "schemas/album.sd")->bytes,
                        "schema album {}");
    assert_null(application_package_file(&draft->package, "schemas"));
}

static void what_is_no_zip_is_refused(void **state)
{
    struct draft *draft = *state;
    const char *text = "<services/>";
    assert_int_equal(application_package_read(draft->arena, text, strlen(text), &draft->package, &draft->err),
                     -1);
    assert_string_equal(draft->err.code, "INVALID_APPLICATION_PACKAGE");
    assert_non_null(strstr(draft->err.message, "not a zip"));
    assert_int_equal(application_package_read(draft->arena, "", 0, &draft->package, &draft->err), -1);
    assert_int_equal(
        application_package_read(draft->arena, "PK\3\4garbage", 11, &draft->package, &draft->err), -1);
}

static void a_zip_cut_short_is_refused(void **state)
{
    struct draft *draft = *state;
    add(draft, "services.xml", SERVICES);
    archive_write_close(draft->writer);
    for (size_t length = 0; length < draft->zip.length - 22; length += 7)
        assert_int_equal(application_package_read(draft->arena, buffer_string(&draft->zip), length,
                                                  &draft->package, &draft->err),
                         -1);
}

static void a_package_without_services_is_refused(void **state)
{
    add(*state, "app/services.xml", SERVICES);
    refuses(*state, "no services.xml");
}

static void path_traversal_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "schemas/../../etc/passwd", "x");
    refuses(*state, "schemas/../../etc/passwd");
}

static void an_absolute_path_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "/etc/passwd", "x");
    refuses(*state, "absolute");
}

static void a_name_with_a_control_character_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "a\nb", "x");
    refuses(*state, "control character");
}

static void backslashes_are_no_way_around_it(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "..\\b", "x");
    refuses(*state, "with '.', '..'");
}

static void a_link_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add_link(*state, "schemas", "/etc");
    refuses(*state, "schemas: a link");
}

static void a_path_given_twice_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "services.xml", SERVICES);
    refuses(*state, "services.xml: twice");
}

static void a_file_that_is_also_a_directory_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "a", "x");
    add(*state, "a-b", "x");
    add(*state, "a/b/c", "x");
    refuses(*state, "both a file and a directory");
}

static void a_bomb_is_refused(void **state)
{
    struct draft *draft = *state;
    add(draft, "services.xml", SERVICES);
    enum { PIECE = 32 << 20 };
    cleanup(memory_free) char *zeros = memory_alloc(PIECE);
    for (int i = 0; i < 9; i++) {
        char path[16];
        snprintf(path, sizeof path, "zeros%d", i);
        add_bytes(draft, path, zeros, PIECE);
    }
    assert_true(draft->zip.length < PACKAGE_LARGEST);
    refuses(draft, "unpacks to more than 256 MiB");
}

static void too_many_files_are_refused(void **state)
{
    for (int i = 0; i <= PACKAGE_MOST_FILES; i++) {
        char path[16];
        snprintf(path, sizeof path, "f%d", i);
        add(*state, path, "");
    }
    refuses(*state, "more than 10000 files");
}

static void a_document_type_in_services_is_refused(void **state)
{
    refuses_services(*state, "<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><services>&x;</services>",
                     "services.xml");
}

static void broken_xml_is_refused(void **state)
{
    refuses_services(*state, "<services><container></services>", "services.xml");
}

static void another_root_is_refused(void **state)
{
    refuses_services(*state, "<service/>", "must be <services>");
}

static const char *account_of(struct draft *draft, const char *deployment, const char *zone_name,
                              const char *instance)
{
    add(draft, "services.xml", SERVICES);
    add(draft, "deployment.xml", deployment);
    struct zone_id zone;
    const char *account;
    assert_int_equal(zone_parse(zone_name, &zone, NULL), 0);
    if (read_package(draft) < 0)
        fail_msg("%s", draft->err.message);
    assert_int_equal(
        application_package_account(draft->arena, &draft->package, &zone, instance, &account, NULL), 0);
    return account;
}

#define TREE                                                                                               \
    "<deployment version='1.0' cloud-account='aws:100000000000'><dev cloud-account='200000000000'/>"       \
    "<instance id='main, second' cloud-account='aws:300000000000'><staging/>"                              \
    "<prod cloud-account='aws:400000000000'><parallel><region "                                            \
    "cloud-account='aws:500000000000'>aws-us-east-1c"                                                      \
    "</region></parallel><region>aws-us-west-2a</region></prod></instance>"                                \
    "<instance id='third'><prod><region cloud-account='default'>aws-us-east-1c</region></prod></instance>" \
    "</deployment>"

static void dev_takes_its_own_account(void **state)
{
    assert_string_equal(account_of(*state, TREE, "dev.aws-us-east-1c", "main"), "200000000000");
}

static void dev_without_its_own_takes_the_roots(void **state)
{
    const char *text = "<deployment cloud-account='aws:100000000000'><instance id='main' "
                       "cloud-account='aws:300000000000'/></deployment>";
    assert_string_equal(account_of(*state, text, "dev.aws-us-east-1c", "main"), "100000000000");
}

static void a_region_wins_over_its_ancestors(void **state)
{
    assert_string_equal(account_of(*state, TREE, "prod.aws-us-east-1c", "second"), "500000000000");
}

static void a_region_without_an_account_takes_prods(void **state)
{
    assert_string_equal(account_of(*state, TREE, "prod.aws-us-west-2a", "main"), "400000000000");
}

static void an_environment_without_an_account_takes_the_instances(void **state)
{
    assert_string_equal(account_of(*state, TREE, "staging.aws-us-east-1c", "main"), "300000000000");
}

static void default_goes_back_to_no_account(void **state)
{
    assert_null(account_of(*state, TREE, "prod.aws-us-east-1c", "third"));
}

static void every_account_is_collected_once(void **state)
{
    struct draft *draft = *state;
    account_of(draft, TREE, "dev.aws-us-east-1c", "main");
    assert_int_equal(draft->package.cloud_account_count, 5);
    assert_string_equal(draft->package.cloud_accounts[0], "100000000000");
}

static void a_package_without_deployment_has_no_account(void **state)
{
    struct draft *draft = *state;
    add(draft, "services.xml", SERVICES);
    assert_int_equal(read_package(draft), 0);
    struct zone_id zone;
    const char *account = "";
    assert_int_equal(zone_parse("dev.aws-us-east-1c", &zone, NULL), 0);
    assert_int_equal(application_package_account(draft->arena, &draft->package, &zone, "a", &account, NULL),
                     0);
    assert_null(account);
}

static void an_account_that_is_none_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "deployment.xml", "<deployment cloud-account='aws:12'/>");
    refuses(*state, "cloud-account='aws:12'");
}

static void an_account_on_an_element_that_has_none_is_refused(void **state)
{
    add(*state, "services.xml", SERVICES);
    add(*state, "deployment.xml",
        "<deployment><prod><delay cloud-account='aws:100000000000'/></prod></deployment>");
    refuses(*state, "<delay>");
}

static void a_directory_zipped_is_a_package(void **state)
{
    struct draft *draft = *state;
    char directory[] = "/tmp/package-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    const char *schemas = arena_format(draft->arena, "%s/schemas", directory);
    assert_int_equal(mkdir(schemas, 0700), 0);
    const char *services = arena_format(draft->arena, "%s/services.xml", directory);
    const char *hidden = arena_format(draft->arena, "%s/.secret", directory);
    const char *schema = arena_format(draft->arena, "%s/schemas/a.sd", directory);
    const char *link = arena_format(draft->arena, "%s/link", directory);
    assert_int_equal(file_write(services, SERVICES, strlen(SERVICES), 0600, NULL), 0);
    assert_int_equal(file_write(hidden, "x", 1, 0600, NULL), 0);
    assert_int_equal(file_write(schema, "schema", 6, 0600, NULL), 0);
    cleanup(memory_free) char *zip = NULL, *again = NULL;
    size_t length, length_again;
    assert_int_equal(application_package_zip(directory, &zip, &length, &draft->err), 0);
    assert_int_equal(application_package_zip(directory, &again, &length_again, &draft->err), 0);
    assert_int_equal(length, length_again);
    assert_memory_equal(zip, again, length);
    assert_int_equal(application_package_read(draft->arena, zip, length, &draft->package, &draft->err), 0);
    assert_int_equal(draft->package.file_count, 2);
    assert_string_equal(application_package_file(&draft->package, "schemas/a.sd")->bytes, "schema");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    cleanup(memory_free) char *refused = NULL;
    assert_int_equal(application_package_zip(directory, &refused, &length, &draft->err), -1);
    assert_non_null(strstr(draft->err.message, "link"));
    tree_remove(directory, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_package_is_read_with_its_clusters),
        TEST(what_is_no_zip_is_refused),
        TEST(a_zip_cut_short_is_refused),
        TEST(a_package_without_services_is_refused),
        TEST(path_traversal_is_refused),
        TEST(an_absolute_path_is_refused),
        TEST(a_name_with_a_control_character_is_refused),
        TEST(backslashes_are_no_way_around_it),
        TEST(a_link_is_refused),
        TEST(a_path_given_twice_is_refused),
        TEST(a_file_that_is_also_a_directory_is_refused),
        TEST(a_bomb_is_refused),
        TEST(too_many_files_are_refused),
        TEST(a_document_type_in_services_is_refused),
        TEST(broken_xml_is_refused),
        TEST(another_root_is_refused),
        TEST(dev_takes_its_own_account),
        TEST(dev_without_its_own_takes_the_roots),
        TEST(a_region_wins_over_its_ancestors),
        TEST(a_region_without_an_account_takes_prods),
        TEST(an_environment_without_an_account_takes_the_instances),
        TEST(default_goes_back_to_no_account),
        TEST(every_account_is_collected_once),
        TEST(a_package_without_deployment_has_no_account),
        TEST(an_account_that_is_none_is_refused),
        TEST(an_account_on_an_element_that_has_none_is_refused),
        TEST(a_directory_zipped_is_a_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
