#include "zone/test_packages.h"

#include "base/buffer.h"

static void describe_range(struct buffer *text, const char *name, const struct range *range)
{
    if (range->low == range->high)
        buffer_format(text, " %s=%g", name, range->low);
    else
        buffer_format(text, " %s=[%g,%g]", name, range->low, range->high);
}

static void describe_cluster(struct buffer *text, const struct wanted_cluster *cluster)
{
    const struct wanted_resources *resources = &cluster->resources;
    buffer_format(text, "; %s", cluster->id);
    describe_range(text, "count", &cluster->count);
    if (cluster->type == CLUSTER_CONTENT) {
        describe_range(text, "groups", &cluster->groups);
        buffer_format(text, " copies=%lld", (long long)cluster->redundancy);
    }
    describe_range(text, "vcpu", &resources->vcpu);
    describe_range(text, "memory", &resources->memory_gb);
    describe_range(text, "disk", &resources->disk_gb);
    if (!text_equal(resources->disk_speed, "fast") || !text_equal(resources->storage_type, "any") ||
        !text_equal(resources->architecture, "any"))
        buffer_format(text, " %s %s %s", resources->disk_speed, resources->storage_type,
                      resources->architecture);
    if (resources->max_cost_factor > 0)
        buffer_format(text, " cost<=%g", resources->max_cost_factor);
    if (cluster->image)
        buffer_format(text, " image=%s", cluster->image);
    if (!cluster->endpoint.is_public)
        buffer_format(text, " not public");
    if (cluster->endpoint.is_private)
        buffer_format(text, " private");
    for (size_t i = 0; i < cluster->endpoint.allowed_arn_count; i++)
        buffer_format(text, " allows %s", cluster->endpoint.allowed_arns[i]);
}

static const char *describe(struct arena *arena, const struct wanted_deployment *wanted)
{
    cleanup(buffer_free) struct buffer text = buffer_new(1 << 20);
    buffer_format(&text, "%s", wanted->account ? wanted->account : "no account");
    if (wanted->empty_host_ttl_ms)
        buffer_format(&text, " ttl=%lld", (long long)wanted->empty_host_ttl_ms);
    for (size_t i = 0; i < wanted->tag_count; i++)
        buffer_format(&text, " %s=%s", wanted->tags[i].key, wanted->tags[i].value);
    for (size_t i = 0; i < wanted->cluster_count; i++)
        describe_cluster(&text, &wanted->clusters[i]);
    return arena_strdup(arena, buffer_string(&text));
}

static void add_file(struct application_package *package, const char *path, const char *text)
{
    if (text)
        package->files[package->file_count++] = (struct package_file){path, text, strlen(text)};
}

/* What becomes of the package: its description, or the refusal. */
static const char *outcome(struct arena *arena, const struct package_case *each)
{
    struct package_file files[8];
    struct application_package package = {.files = files, .clients_pem = "PEM\n"};
    add_file(&package, "deployment.xml", each->deployment ? each->deployment : DEPLOYMENT);
    add_file(&package, "security/a.pem", "A");
    add_file(&package, "security/b.pem", "B\n");
    add_file(&package, "security/clients.pem", "PEM\n");
    add_file(&package, "services.xml", each->services);
    add_file(&package, "validation-overrides.xml", each->overrides);
    struct zone_id zone;
    struct error err = {0};
    struct wanted_deployment wanted;
    assert_int_equal(zone_parse(each->zone ? each->zone : "prod.aws-us-east-1c", &zone, NULL), 0);
    const struct package_target target = {&zone, "main", "aws", "albums", NOW_MS};
    if (package_read_deployment(arena, &package, &err) < 0 ||
        application_package_resolve(arena, &package, &target, &wanted, &err) < 0) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.code, "INVALID_APPLICATION_PACKAGE");
        return arena_strdup(arena, err.message);
    }
    return describe(arena, &wanted);
}

void check_cases(const struct package_case *cases, size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        const char *got = outcome(arena, &cases[i]);
        if (text_equal(got, cases[i].expected))
            continue;
        print_error("row %zu\n services: %s\n deployment: %s\n expected: %s\n got:      %s\n", i,
                    cases[i].services, cases[i].deployment ? cases[i].deployment : DEPLOYMENT,
                    cases[i].expected, got);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}
