/* services.xml, deployment.xml and validation-overrides.xml themselves, without the zip around them that a
 * fuzzer would have to guess, resolved for a zone: the first byte says which file and which zone, the others
 * are what they always are. What is resolved keeps what whoever allocates relies on. */
#include "base/text.h"
#include "zone/package_parts.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct zone_id zones[] = {{"dev", "aws-us-east-1c"},
                                       {"prod", "aws-us-east-1c"},
                                       {"staging", "aws-us-east-1c"},
                                       {"perf", "aws-us-east-1c"}};

static struct package_file file_of(const char *path, const char *text)
{
    return (struct package_file){path, text, strlen(text)};
}

static void check_range(const struct range *range)
{
    assert(range->low > 0 && range->low <= range->high);
}

static void check_cluster(const struct wanted_cluster *cluster)
{
    check_range(&cluster->count);
    check_range(&cluster->groups);
    check_range(&cluster->resources.vcpu);
    check_range(&cluster->resources.memory_gb);
    check_range(&cluster->resources.disk_gb);
    assert((int)cluster->count.low % (int)cluster->groups.low == 0);
    assert((int)cluster->count.high % (int)cluster->groups.high == 0);
    assert(cluster_is_valid(cluster->id) && cluster->count.high <= 1000);
    assert(cluster->type == CLUSTER_CONTAINER || cluster->redundancy >= (int64_t)cluster->groups.low);
    assert(cluster->redundancy <= (int64_t)cluster->count.low);
}

static void check_wanted(struct arena *arena, const struct wanted_deployment *wanted)
{
    const struct application_id application = {"acme", "albums", "main"};
    const struct tag_names names = {&application, &zones[0], "web", "container"};
    assert(!wanted->account || account_is_valid(wanted->account));
    for (size_t i = 0; i < wanted->cluster_count; i++)
        check_cluster(&wanted->clusters[i]);
    for (size_t i = 0; i < wanted->tag_count; i++)
        assert(strlen(resource_tag_value(arena, &wanted->tags[i], &names)) <= 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)bytes + 1, length - 1);
    unsigned which = bytes[0] % 3;
    struct package_file files[] = {
        file_of("deployment.xml", "<deployment version='1.0' cloud-account='aws:210987654321'/>"),
        file_of("security/clients.pem", "PEM"),
        file_of("services.xml", "<services><container id='web'><nodes count='2'/></container></services>"),
        file_of("validation-overrides.xml", "<validation-overrides/>")};
    static const size_t places[] = {0, 2, 3};
    files[places[which]] = (struct package_file){files[places[which]].path, text, strlen(text)};
    struct application_package package = {.files = files, .file_count = 4, .clients_pem = "PEM"};
    const struct package_target target = {&zones[bytes[0] / 3 % COUNT_OF(zones)], "main", "aws", "albums",
                                          1769904000000};
    struct wanted_deployment wanted;
    application_package_allows(&package, "minimum-node-count", target.now_ms);
    if (package_read_deployment(arena, &package, NULL) == 0 &&
        application_package_resolve(arena, &package, &target, &wanted, NULL) == 0)
        check_wanted(arena, &wanted);
    return 0;
}
