/* The config server as a whole: its parts, opened in the order in which they need each other and closed in
 * the reverse. Everything it must not forget is in the store; killed at any moment, it goes on from there. */
#ifndef CONFIGSERVER_PROGRAM_H
#define CONFIGSERVER_PROGRAM_H

#include "configserver/config.h"

struct program_options {
    const char *config_path; /* NULL: user data */
    const char *state_directory;
    uint16_t port, provider_port; /* of the public side, and the provider's */
    uint16_t peers_port;          /* where the zone's config servers tell each other their keys */
};

/* Runs until SIGTERM or SIGINT. */
int program_run(const struct program_options *options, struct error *err);

#endif
