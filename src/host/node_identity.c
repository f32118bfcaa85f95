/* A node's own identity: registered by its host, kept by its host, shown to the container as a copy it can
 * read. The registered original stays the host's alone, so that a container can never stand in the way of its
 * renewal. */
#include "host/node.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "sia/sia.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PEM_LARGEST = 256 * 1024 };

static int attest(void *context, struct arena *arena, const char *key_hash, char **attestation,
                  struct error *err)
{
    (void)key_hash; /* the host's own certificate vouches, and zts tells the provider of it */
    (void)err;
    const struct node_pass *pass = context;
    struct node_attestation whole = {
        .hostname = pass->spec->hostname,
        .parent_hostname = pass->host->hostname,
    };
    *attestation = record_text(&node_attestation_record, arena, &whole);
    return 0;
}

static int copy_file(struct node_pass *pass, const char *from, const char *to, mode_t mode, struct error *err)
{
    char *text = NULL;
    size_t length = 0;
    if (file_read(pass->arena, from, PEM_LARGEST, &text, &length, err) < 0)
        return -1;
    int result = file_write(to, text, length, mode, err);
    explicit_bzero(text, length);
    if (result == 0 && chown(to, CONTAINER_FIRST_ID, CONTAINER_FIRST_ID) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "give %s to the container", to);
    return result;
}

/* The generation's name is the registered one's, so that it is known whether the copy is current. */
static char *generation_of(struct node_pass *pass, const char *directory)
{
    char target[256];
    ssize_t length = readlink(arena_format(pass->arena, "%s/current", directory), target, sizeof target - 1);
    if (length <= 0)
        return NULL;
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    return arena_strdup(pass->arena, slash ? slash + 1 : target);
}

static void remove_other_generations(const char *directory, const char *kept)
{
    DIR *stream = opendir(directory);
    cleanup(arena_free) struct arena *arena = arena_new();
    for (struct dirent *entry; stream && (entry = readdir(stream));)
        if (entry->d_name[0] != '.' && !text_equal(entry->d_name, "current") &&
            !text_equal(entry->d_name, kept))
            tree_remove(arena_format(arena, "%s/%s", directory, entry->d_name), NULL);
    if (stream)
        closedir(stream);
}

static int publish(struct node_pass *pass, struct error *err)
{
    const char *generation = generation_of(pass, pass->paths.sia);
    if (!generation)
        return error_set(err, ERROR_INTERNAL, "%s has no current generation", pass->paths.sia);
    if (text_equal(generation, generation_of(pass, pass->paths.identity)))
        return 0;

    const char *target = arena_format(pass->arena, "%s/%s", pass->paths.identity, generation);
    const char *next = arena_format(pass->arena, "%s/.next", pass->paths.identity);
    const char *current = arena_format(pass->arena, "%s/current", pass->paths.identity);
    if (directory_make(target, 0755, err) < 0 ||
        copy_file(pass, sia_key_path(pass->arena, pass->paths.sia),
                  arena_format(pass->arena, "%s/key.pem", target), 0400, err) < 0 ||
        copy_file(pass, sia_certificate_path(pass->arena, pass->paths.sia),
                  arena_format(pass->arena, "%s/cert.pem", target), 0444, err) < 0 ||
        copy_file(pass, sia_trust_path(pass->arena, pass->paths.sia),
                  arena_format(pass->arena, "%s/ca.pem", target), 0444, err) < 0)
        return -1;
    if ((unlink(next) < 0 && errno != ENOENT) || symlink(generation, next) < 0 || rename(next, current) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make %s current", target);
    remove_other_generations(pass->paths.identity, generation);
    log_info("node identity is new", "node", pass->spec->hostname, NULL);
    return 0;
}

int node_identity_ensure(struct node_pass *pass, struct error *err)
{
    struct agent *agent = pass->agent;
    bool have = file_exists(sia_certificate_path(pass->arena, pass->paths.identity));
    if (!agent_has(agent, FACT_IDENTITY))
        return have ? 0 : error_set(err, ERROR_UNAVAILABLE, "the host has no identity yet");

    struct sia_options options = {
        .directory = pass->paths.sia,
        .zts_url = agent->config.zts_url,
        .trust_path = agent_path(agent, pass->arena, "ca.pem"),
        .domain = pass->spec->athenz_domain,
        .service = pass->spec->athenz_service,
        .provider = agent->config.athenz_provider,
        .instance_id = pass->spec->instance_id,
        .dns = {pass->spec->hostname},
        .address = {pass->spec->address},
        .attest = attest,
        .context = pass,
        .registrar = agent->tls,
    };
    for (size_t i = 0; i < pass->spec->certificate_name_count && i + 1 < COUNT_OF(options.dns); i++)
        options.dns[i + 1] = pass->spec->certificate_names[i];
    if (sia_ensure(&options, err) == SIA_FAILED) {
        if (!have)
            return error_context(err, "identity of %s", pass->spec->hostname);
        /* It serves until it ends; the control plane may be away. */
        log_warning("node identity not renewed", "node", pass->spec->hostname, "error", err->message, NULL);
        return 0;
    }
    return publish(pass, err);
}
