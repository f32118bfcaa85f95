/* The log archive against a bucket of its own: an HTTP server here that takes objects, or refuses as S3 does
 * when the bucket's key is disabled. */
#include "base/file.h"
#include "base/text.h"
#include "host/archive.h"
#include "host/ledger.h"
#include "host/node.h"
#include "net/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PREFIX "acme/albums/default/default/h100"

struct bucket {
    struct http_server *server;
    struct arena *arena;
    bool key_disabled;
    int puts;
    const char *key;
    char *bytes;
    size_t length;
};

struct fixture {
    struct arena *arena;
    char directory[40];
    struct agent agent;
    struct bucket bucket;
};

static enum http_answer put_object(struct http_request *request)
{
    struct bucket *bucket = http_request_server_context(request);
    size_t length = 0;
    const char *body = http_request_body(request, &length);
    if (bucket->key_disabled) {
        http_respond_text(
            request, 400, "application/xml",
            "<Error><Code>KMS.DisabledException</Code><Message>the key is disabled</Message></Error>");
        return HTTP_ANSWERED;
    }
    bucket->puts++;
    bucket->key = arena_strdup(bucket->arena, http_request_parameter(request, "key"));
    bucket->bytes = arena_alloc(bucket->arena, length + 1);
    memcpy(bucket->bytes, body, length);
    bucket->length = length;
    http_respond_header(request, "ETag", "\"0\"");
    http_respond_text(request, 200, "application/xml", "");
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    {1, HTTP_PUT, "/archive/{key...}", 1, put_object, 1 << 20, NULL},
};

static int set_up(void **state)
{
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    struct error err = {0};
    struct http_listener listener = {.side = 1};
    fixture->arena = fixture->bucket.arena = arena_new();
    strcpy(fixture->directory, "/tmp/archive-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    struct http_server_options options = {.name = "bucket",
                                          .routes = routes,
                                          .route_count = 1,
                                          .context = &fixture->bucket,
                                          .worker_threads = 1};
    assert_int_equal(http_listen("127.0.0.1", 0, &listener.socket, &err), 0);
    int port = http_socket_port(listener.socket);
    assert_int_equal(http_server_start(&options, &listener, 1, &fixture->bucket.server, &err), 0);
    setenv("AWS_ENDPOINT_URL", arena_format(fixture->arena, "http://127.0.0.1:%d", port), 1);

    struct aws_keys keys = {.access_key_id = "AKIDEXAMPLE", .secret_access_key = "secret"};
    struct agent *agent = &fixture->agent;
    agent->settings =
        (struct settings){.state = fixture->directory, .rotate_ms = 3600 * 1000, .rotate_bytes = 1000};
    agent->config = (struct host_config){.hostname = "h100.example", .archive_bucket = "archive"};
    agent->credentials = aws_credentials_static(&keys);
    assert_int_equal(aws_client_new(agent->credentials, "us-east-1", &agent->aws, &err), 0);
    assert_int_equal(archive_new(agent, &agent->archive, &err), 0);
    for (int i = 0; i < LOG_TYPES; i++)
        assert_int_equal(
            directory_make(agent_path(agent, fixture->arena, "nodes/h100a/logs/%s", log_types[i]), 0755,
                           &err),
            0);
    assert_int_equal(file_write(agent_path(agent, fixture->arena, "nodes/h100a/archive-prefix"), PREFIX,
                                strlen(PREFIX), 0644, &err),
                     0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    http_server_stop(&fixture->bucket.server);
    archive_close(&fixture->agent.archive);
    aws_client_free(&fixture->agent.aws);
    aws_credentials_free(&fixture->agent.credentials);
    tree_remove(fixture->directory, NULL);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static void put_log(struct fixture *fixture, const char *name, const char *text)
{
    const char *path = agent_path(&fixture->agent, fixture->arena, "nodes/h100a/logs/%s", name);
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static bool log_there(struct fixture *fixture, const char *name)
{
    return file_exists(agent_path(&fixture->agent, fixture->arena, "nodes/h100a/logs/%s", name));
}

static int sweep(struct fixture *fixture)
{
    struct error err = {0};
    return archive_sweep(fixture->agent.archive, &err);
}

static void a_rotated_log_arrives_compressed_under_its_applications_name_and_leaves_the_disk(void **state)
{
    struct fixture *fixture = *state;
    put_log(fixture, "vespa/vespa.log-2026-01-02.03-04-05", "one line\n");
    put_log(fixture, "vespa/vespa.log", "a live one\n");
    assert_int_equal(sweep(fixture), 0);
    assert_int_equal(fixture->bucket.puts, 1);
    assert_string_equal(fixture->bucket.key, PREFIX "/logs/vespa/vespa.log-2026-01-02.03-04-05.zst");
    char text[100] = "";
    assert_int_equal(ZSTD_decompress(text, sizeof text, fixture->bucket.bytes, fixture->bucket.length), 9);
    assert_string_equal(text, "one line\n");
    assert_false(log_there(fixture, "vespa/vespa.log-2026-01-02.03-04-05"));
    assert_true(log_there(fixture, "vespa/vespa.log"));
    assert_int_equal(archive_counts(fixture->agent.archive, "h100a").files, 1);
}

static void a_log_that_was_just_renamed_waits_for_its_writers_last_lines(void **state)
{
    struct fixture *fixture = *state;
    fixture->agent.settings.settle_ms = 2000;
    put_log(fixture, "access/access.log-2026-01-02.03-04-05", "x\n");
    assert_int_equal(sweep(fixture), 0);
    assert_int_equal(fixture->bucket.puts, 0);
    assert_int_equal(archive_counts(fixture->agent.archive, "h100a").pending_files, 1);
}

static void a_large_log_is_rotated_though_it_is_young(void **state)
{
    struct fixture *fixture = *state;
    char line[1002];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    put_log(fixture, "access/access.log", line);
    assert_int_equal(sweep(fixture), 0);
    assert_false(log_there(fixture, "access/access.log"));
    assert_int_equal(fixture->bucket.puts, 1);
    assert_true(text_starts(fixture->bucket.key, PREFIX "/logs/access/access.log-20"));
}

static void with_the_buckets_key_disabled_logs_stay_and_arrive_once_it_is_enabled(void **state)
{
    struct fixture *fixture = *state;
    put_log(fixture, "vespa/vespa.log-2026-01-02.03-04-05", "one line\n");
    fixture->bucket.key_disabled = true;
    assert_int_equal(sweep(fixture), -1);
    assert_int_equal(sweep(fixture), -1);
    assert_true(log_there(fixture, "vespa/vespa.log-2026-01-02.03-04-05"));
    assert_int_equal(archive_counts(fixture->agent.archive, "h100a").failures, 2);
    assert_int_equal(archive_counts(fixture->agent.archive, "h100a").pending_files, 1);
    fixture->bucket.key_disabled = false;
    assert_int_equal(sweep(fixture), 0);
    assert_int_equal(sweep(fixture), 0);
    assert_int_equal(fixture->bucket.puts, 1);
    assert_int_equal(archive_counts(fixture->agent.archive, "h100a").pending_files, 0);
}

static void a_crash_after_the_upload_uploads_nothing_twice(void **state)
{
    struct fixture *fixture = *state;
    struct ledger *ledger = NULL;
    put_log(fixture, "vespa/vespa.log-2026-01-02.03-04-05", "one line\n");
    const char *path = agent_path(&fixture->agent, fixture->arena, "archive/ledger.json");
    assert_int_equal(ledger_open(path, &ledger, NULL), 0);
    assert_int_equal(ledger_add(ledger, PREFIX "/logs/vespa/vespa.log-2026-01-02.03-04-05.zst", 9, 1, NULL),
                     0);
    ledger_close(&ledger);
    archive_close(&fixture->agent.archive);
    assert_int_equal(archive_new(&fixture->agent, &fixture->agent.archive, NULL), 0); /* the next life */
    assert_int_equal(sweep(fixture), 0);
    assert_int_equal(fixture->bucket.puts, 0);
    assert_false(log_there(fixture, "vespa/vespa.log-2026-01-02.03-04-05"));
}

static void when_the_writer_is_gone_everything_is_archived_before_it_counts_as_finished(void **state)
{
    struct fixture *fixture = *state;
    struct archive *archive = fixture->agent.archive;
    struct archive_counts counts;
    put_log(fixture, "vespa/vespa.log", "last words\n");
    put_log(fixture, "connection/connection.log", "");
    assert_int_equal(sweep(fixture), 0);
    assert_false(archive_finish(archive, "h100a", &counts));
    fixture->bucket.key_disabled = true;
    assert_int_equal(sweep(fixture), -1);
    assert_false(archive_finish(archive, "h100a", &counts));
    fixture->bucket.key_disabled = false;
    assert_int_equal(sweep(fixture), 0);
    assert_true(archive_finish(archive, "h100a", &counts));
    assert_int_equal(fixture->bucket.puts, 1);
    archive_expect(archive, "h100a"); /* it is started again */
    assert_false(archive_finish(archive, "h100a", &counts));
}

static void nothing_outside_a_nodes_own_log_directory_is_ever_archived(void **state)
{
    struct fixture *fixture = *state;
    const char *elsewhere = agent_path(&fixture->agent, fixture->arena, "elsewhere");
    const char *type = agent_path(&fixture->agent, fixture->arena, "nodes/h100a/logs/vespa");
    assert_int_equal(directory_make(elsewhere, 0755, NULL), 0);
    assert_int_equal(
        file_write(arena_format(fixture->arena, "%s/vespa.log-1", elsewhere), "secret", 6, 0644, NULL), 0);
    assert_int_equal(rmdir(type), 0);
    assert_int_equal(symlink(elsewhere, type), 0);
    assert_int_equal(symlink("/etc/passwd", agent_path(&fixture->agent, fixture->arena,
                                                       "nodes/h100a/logs/access/access.log-1")),
                     0);
    struct archive_counts counts;
    archive_finish(fixture->agent.archive, "h100a", &counts);
    assert_int_equal(sweep(fixture), 0);
    assert_int_equal(fixture->bucket.puts, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rotated_log_arrives_compressed_under_its_applications_name_and_leaves_the_disk),
        TEST(a_log_that_was_just_renamed_waits_for_its_writers_last_lines),
        TEST(a_large_log_is_rotated_though_it_is_young),
        TEST(with_the_buckets_key_disabled_logs_stay_and_arrive_once_it_is_enabled),
        TEST(a_crash_after_the_upload_uploads_nothing_twice),
        TEST(when_the_writer_is_gone_everything_is_archived_before_it_counts_as_finished),
        TEST(nothing_outside_a_nodes_own_log_directory_is_ever_archived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
