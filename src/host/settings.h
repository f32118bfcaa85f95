/* What the agent is told: options on its command line, and the host's configuration from EC2 user data (or a
 * file). */
#ifndef HOST_SETTINGS_H
#define HOST_SETTINGS_H

#include "base/error.h"
#include "zone/host_config.h"

#include <stdbool.h>
#include <stdint.h>

struct settings {
    const char *config_path;     /* NULL: the instance's user data */
    const char *state;           /* directory on the encrypted volume */
    const char *image_directory; /* archives of images that no registry has */
    int64_t rotate_ms;           /* a log is rotated when it is this old */
    int64_t rotate_bytes;        /* or this large */
    int64_t settle_ms; /* a writer may have its last lines in hand for this long when its file is renamed */
    const char *log_level, *log_form;
    bool help;
};

/* Options and the environment (ENCLAVE_ROTATE_S); everything borrowed from argv. */
int settings_parse(int argc, char **argv, struct settings *settings, struct error *err);
const char *settings_help(void);

/* Reads and checks the host's configuration; ERROR_UNAVAILABLE while the metadata service does not answer. */
int settings_host_config(const struct settings *settings, struct arena *arena, struct host_config *config,
                         struct error *err);

#endif
