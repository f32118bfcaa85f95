/* The command line of enclave-controller. */
#ifndef CONTROLLER_OPTIONS_H
#define CONTROLLER_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { LISTEN_MOST = 4 };

struct options {
    const char *config_path; /* NULL: user data */
    const char *state;
    const char *addresses[LISTEN_MOST]; /* to listen on */
    int address_count;
    uint16_t port;
    const char *log_level, *log_form;
    bool help;
};

int options_parse(int argc, char **argv, struct options *options, struct error *err);
const char *options_help(void);

#endif
