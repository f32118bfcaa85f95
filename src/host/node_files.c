/* A node's directories and the files it is told things by. */
#include "host/node.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/archive.h"
#include "zone/names.h"
#include "zone/node_config.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_LARGEST = 1 << 20 };

/* Owned by the container's root, which is nobody to the machine. */
static int make_for_container(const char *path, struct error *err)
{
    if (directory_make(path, 0750, err) < 0)
        return -1;
    if (chown(path, CONTAINER_FIRST_ID, CONTAINER_FIRST_ID) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "give %s to the container", path);
    return 0;
}

/* Only when it differs: readers look at the time of change. */
static int write_if_new(struct arena *arena, const char *path, const char *text, struct error *err)
{
    char *old = NULL;
    size_t length = 0;
    if (file_read(arena, path, FILE_LARGEST, &old, &length, NULL) == 0 && text_equal(old, text))
        return 0;
    return file_write(path, text, strlen(text), 0644, err);
}

/* Where the node's logs go must outlive the spec that said it: the last are archived after the node left. */
static const char *archive_prefix(const struct node_pass *pass)
{
    const struct node_spec *spec = pass->spec;
    return arena_format(pass->arena, "%s/%s/%s/%s/%s", spec->tenant, spec->application, spec->instance,
                        spec->cluster_id, pass->agent->label);
}

int node_directories_make(struct node_pass *pass, struct error *err)
{
    const struct node_paths *paths = &pass->paths;
    if (directory_make(paths->base, 0711, err) < 0 || directory_make(paths->sia, 0700, err) < 0 ||
        directory_make(paths->identity, 0755, err) < 0 || directory_make(paths->etc, 0755, err) < 0 ||
        make_for_container(paths->data, err) < 0 || make_for_container(paths->logs, err) < 0)
        return -1;
    for (size_t i = 0; i < LOG_TYPES; i++)
        if (make_for_container(arena_format(pass->arena, "%s/%s", paths->logs, log_types[i]), err) < 0)
            return -1;
    archive_expect(pass->agent->archive, paths->label);
    return write_if_new(pass->arena, paths->archive_prefix, archive_prefix(pass), err);
}

int node_directories_remove(struct node_pass *pass, struct error *err)
{
    if (!file_exists(pass->paths.base))
        return 0;
    log_info("node's data removed", "node", pass->node->hostname, NULL);
    return tree_remove(pass->paths.base, err);
}

static char *config_text(struct node_pass *pass)
{
    const struct node_spec *spec = pass->spec;
    struct node_identity_files identity = {
        .certificate = NODE_IDENTITY_DIRECTORY "/current/cert.pem",
        .key = NODE_IDENTITY_DIRECTORY "/current/key.pem",
        .trust = NODE_IDENTITY_DIRECTORY "/current/ca.pem",
    };
    struct node_config config = {
        .hostname = spec->hostname,
        .cluster_type = spec->cluster_type,
        .cluster_id = spec->cluster_id,
        .index = spec->index,
        .tenant = spec->tenant,
        .application = spec->application,
        .instance = spec->instance,
        .content = spec->content,
        .content_count = spec->content_count,
        .checksum = spec->config_checksum,
        .retired = spec->retired,
        .identity = &identity,
        .clients_pem = NODE_CONFIG_DIRECTORY "/clients.pem",
        .port = NODE_PORT,
        .peer_principal = arena_format(pass->arena, "%s.%s", spec->athenz_domain, spec->athenz_service),
    };
    return record_text(&node_config_record, pass->arena, &config);
}

int node_files_write(struct node_pass *pass, struct error *err)
{
    const char *clients = pass->spec->clients_pem ? pass->spec->clients_pem : "";
    if (write_if_new(pass->arena, arena_format(pass->arena, "%s/clients.pem", pass->paths.etc), clients,
                     err) < 0)
        return -1;
    return write_if_new(pass->arena, arena_format(pass->arena, "%s/config.json", pass->paths.etc),
                        config_text(pass), err);
}
