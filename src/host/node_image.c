/* A node's image: there already, from an archive shipped with the host (references under localhost/), or
 * pulled. */
#include "host/node.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <string.h>

enum { EXISTS_TIMEOUT_MS = 60 * 1000, LOAD_TIMEOUT_MS = 10 * 60 * 1000, PULL_TIMEOUT_MS = 30 * 60 * 1000 };

/* "localhost/enclave/album-search:1" -> "<images>/album-search.oci.tar"; its grammar was checked. */
static char *archive_path(struct node_pass *pass, const char *reference)
{
    const char *slash = strrchr(reference, '/');
    const char *name = slash ? slash + 1 : reference;
    return arena_format(pass->arena, "%s/%.*s.oci.tar", pass->agent->settings.image_directory,
                        (int)strcspn(name, ":@"), name);
}

int node_image_ensure(struct node_pass *pass, struct error *err)
{
    const char *image = pass->spec->image;
    if (text_equal(pass->node->image, image))
        return 0;
    if (podman(pass->agent, pass->arena, PODMAN_ARGUMENTS("image", "exists", image), EXISTS_TIMEOUT_MS, NULL,
               NULL) < 0) {
        int fetched = text_starts(image, "localhost/")
                          ? podman(pass->agent, pass->arena,
                                   PODMAN_ARGUMENTS("load", "--quiet", "--input", archive_path(pass, image)),
                                   LOAD_TIMEOUT_MS, NULL, err)
                          : podman(pass->agent, pass->arena, PODMAN_ARGUMENTS("pull", "--quiet", image),
                                   PULL_TIMEOUT_MS, NULL, err);
        if (fetched < 0)
            return error_context(err, "image %s", image);
        log_info("image fetched", "node", pass->spec->hostname, "image", image, NULL);
    }
    free(pass->node->image);
    pass->node->image = memory_strdup(image);
    return 0;
}
