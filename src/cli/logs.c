/* logs: the log archive in the tenant's own bucket, read with the tenant's own AWS credentials. The vendor cannot. */
#include "aws/ec2.h"
#include "aws/s3.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *bucket_given, *type;
static bool show;

/* The bucket of the zone is the one its VPC names. */
static int find_bucket(struct cli *cli, struct aws_client *aws, const char **bucket, struct error *err)
{
    const char *zone = settings_need(cli->settings.zone, "zone", err);
    struct ec2_vpc *vpcs;
    size_t count;
    *bucket = bucket_given;
    if (bucket_given)
        return 0;
    if (!zone)
        return -1;
    const struct ec2_filter filters[] = {{"tag:managedby", {"vespa-cloud"}}, {"tag:zone", {zone}}};
    if (ec2_describe_vpcs(aws, cli->arena, filters, COUNT_OF(filters), &vpcs, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count && !*bucket; i++)
        *bucket = aws_tag_value(vpcs[i].tags, vpcs[i].tag_count, "archive_bucket");
    return *bucket ? 0
                   : error_set(err, ERROR_NOT_FOUND, "no VPC of %s with a log archive in this AWS account: is AWS_PROFILE "
                                                     "the tenant's?", zone);
}

static char *prefix(struct cli *cli)
{
    const struct settings *settings = &cli->settings;
    if (!settings->tenant)
        return "";
    return settings->application ? arena_format(cli->arena, "%s/%s/%s/", settings->tenant, settings->application,
                                                settings->instance)
                                 : arena_format(cli->arena, "%s/", settings->tenant);
}

static bool wanted(const struct s3_object *object)
{
    cleanup(memory_free) char *part = memory_format("/logs/%s/", type ? type : "");
    return !type || strstr(object->key, part);
}

/* zstd is asked to, by its own program: the archive is plain zstd files. */
static int print_object(struct cli *cli, struct aws_client *aws, const char *bucket, const char *key, struct error *err)
{
    char *bytes, *text;
    size_t length;
    if (s3_get(aws, cli->arena, bucket, key, 256 << 20, &bytes, &length, err) < 0)
        return -1;
    const struct process zstd = {.argv = (const char *const[]){"zstd", "-dcq", NULL},
                                 .input = bytes,
                                 .input_length = length,
                                 .output_limit = 256 << 20};
    if (process_run(&zstd, cli->arena, &text, err) < 0)
        return error_context(err, "%s", key);
    return file_write_all(STDOUT_FILENO, text, strlen(text), err);
}

static int print_list(struct cli *cli, const struct s3_object *objects, size_t count)
{
    json_t *list = json_array();
    const char **cells = arena_alloc(cli->arena, 3 * (count + 1) * sizeof *cells);
    size_t rows = 1;
    cells[0] = "SIZE", cells[1] = "ARCHIVED", cells[2] = "KEY";
    for (size_t i = 0; i < count; i++) {
        if (!wanted(&objects[i]))
            continue;
        const char *time = clock_rfc3339(cli->arena, objects[i].modified_ms);
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "key", objects[i].key, "size",
                                              (json_int_t)objects[i].size, "modified", time));
        cells[3 * rows] = arena_format(cli->arena, "%lld", (long long)objects[i].size);
        cells[3 * rows + 1] = time;
        cells[3 * rows++ + 2] = objects[i].key;
    }
    if (cli->json)
        print_json(cli, list);
    else
        print_table(cells, 3, rows);
    json_decref(list);
    return 0;
}

static int logs(struct cli *cli, struct error *err)
{
    cleanup(aws_credentials_free) struct aws_credentials *credentials = aws_credentials_default();
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    const char *bucket;
    struct s3_object *objects;
    size_t count;
    if (aws_client_new(credentials, cli->settings.aws_region, &aws, err) < 0 || find_bucket(cli, aws, &bucket, err) < 0)
        return -1;
    if (cli->word_count)
        return print_object(cli, aws, bucket, cli->words[0], err);
    if (s3_list(aws, cli->arena, bucket, prefix(cli), &objects, &count, err) < 0)
        return -1;
    if (!show)
        return print_list(cli, objects, count);
    for (size_t i = 0; i < count; i++)
        if (wanted(&objects[i]) && print_object(cli, aws, bucket, objects[i].key, err) < 0)
            return -1;
    return 0;
}

static const struct flag logs_flags[] = {
    {"type", "TYPE", "vespa, access or connection", &type, NULL},
    {"bucket", "NAME", "the archive (default: found by the zone's VPC)", &bucket_given, NULL},
    {"show", NULL, "print the contents instead of the list", NULL, &show},
    {NULL},
};

const struct command logs_commands[] = {
    {"logs", "[KEY]", "list the log archive, or print one object (with the tenant's AWS credentials)", logs, logs_flags, 0,
     1},
    {NULL},
};
