#include "configserver/simulator/package.h"

#include "base/memory.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

static la_ssize_t keep(struct archive *writer, void *context, const void *bytes, size_t length)
{
    (void)writer;
    buffer_append(context, bytes, length);
    return (la_ssize_t)length;
}

static void add_file(struct archive *writer, const char *path, const struct buffer *text)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)text->length);
    archive_write_header(writer, entry);
    archive_write_data(writer, buffer_string((struct buffer *)text), text->length);
    archive_entry_free(entry);
}

static void write_nodes(struct buffer *text, const struct sim_package *package,
                        const struct sim_cluster *cluster)
{
    buffer_format(text, "<nodes count='%lld' docker-image='registry.example/vespa:%lld'",
                  (long long)cluster->count, (long long)package->image);
    if (cluster->groups > 1)
        buffer_format(text, " groups='%lld'", (long long)cluster->groups);
    buffer_format(text, "><resources vcpu='%lld' memory='%lldGb' disk='%lldGb'/></nodes>",
                  (long long)cluster->vcpu, (long long)cluster->vcpu * 4, (long long)cluster->disk_gb);
}

static void write_services(struct buffer *text, const struct sim_package *package)
{
    buffer_format(text, "<?xml version='1.0'?><!-- %lld --><services version='1.0'>",
                  (long long)package->version);
    for (size_t i = 0; i < PACKAGE_CLUSTERS; i++) {
        const struct sim_cluster *cluster = &package->clusters[i];
        const char *element = cluster->is_content ? "content" : "container";
        if (!cluster->exists)
            continue;
        buffer_format(text, "<%s id='c%zu' version='1.0'>", element, i);
        if (cluster->is_content)
            buffer_format(text, "<redundancy>%d</redundancy><documents/>",
                          cluster->count / cluster->groups > 1 ? 2 : 1);
        write_nodes(text, package, cluster);
        buffer_format(text, "</%s>", element);
    }
    buffer_format(text, "</services>");
}

static void write_endpoints(struct buffer *text, const struct sim_package *package)
{
    buffer_format(text, "<endpoints>");
    for (size_t i = 0; i < PACKAGE_CLUSTERS; i++) {
        const struct sim_cluster *cluster = &package->clusters[i];
        if (!cluster->exists || !cluster->is_private)
            continue;
        buffer_format(text, "<endpoint type='private' container-id='c%zu'>", i);
        for (int64_t j = 0; j < cluster->allowed; j++)
            buffer_format(text, "<allow with='aws-private-link' arn='arn:aws:iam::%012lld:root'/>",
                          (long long)(123456789012 + j));
        buffer_format(text, "</endpoint>");
    }
    buffer_format(text, "</endpoints>");
}

static void write_deployment(struct buffer *text, const struct sim_package *package)
{
    buffer_format(text, "<deployment version='1.0' cloud-account='aws:%s'", package->account);
    if (package->ttl_hours)
        buffer_format(text, " empty-host-ttl='%lldh'", (long long)package->ttl_hours);
    buffer_format(text, "><prod><region>aws-us-east-1c</region></prod>");
    write_endpoints(text, package);
    buffer_format(text, "</deployment>");
}

static void write_overrides(struct buffer *text, const struct sim_package *package)
{
    static const char *const allowed[] = {"content-cluster-removal", "cluster-size-reduction",
                                          "resources-reduction",     "redundancy-one",
                                          "minimum-node-count",      "zone-endpoint-change"};
    buffer_format(text, "<validation-overrides>");
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        buffer_format(text, "<allow until='%s'>%s</allow>", package->today, allowed[i]);
    buffer_format(text, "</validation-overrides>");
}

void package_zip(const struct sim_package *package, struct buffer *zip)
{
    cleanup(buffer_free) struct buffer services = buffer_new(1 << 20), deployment = buffer_new(1 << 20),
                                       clients = buffer_new(1 << 10), overrides = buffer_new(1 << 12);
    struct archive *writer = archive_write_new();
    archive_write_set_format_zip(writer);
    archive_write_set_bytes_in_last_block(writer, 1);
    archive_write_open(writer, zip, NULL, keep, NULL);
    write_services(&services, package);
    add_file(writer, "services.xml", &services);
    write_deployment(&deployment, package);
    add_file(writer, "deployment.xml", &deployment);
    buffer_format(&clients, "PEM of clients");
    add_file(writer, "security/clients.pem", &clients);
    if (package->today) {
        write_overrides(&overrides, package);
        add_file(writer, "validation-overrides.xml", &overrides);
    }
    archive_write_free(writer);
}
