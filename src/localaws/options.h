/* The command line of localaws. */
#ifndef LOCALAWS_OPTIONS_H
#define LOCALAWS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACCOUNTS_MOST = 2000 };

struct options {
    const char *state, *region, *images, *label, *pid_file, *log_level;
    char *listen_address, *proxy_address;
    uint16_t listen_port, proxy_port;
    const char *accounts[2 * ACCOUNTS_MOST + 1]; /* id, profile, id, profile, ..., NULL */
    size_t account_count;
    int64_t role_session_s, remember_s;
    int64_t trail_mb;
    bool no_plane, rootless;
};

/* Exits with a message when the command line is wrong, or after --help. */
void options_parse(int argc, char **argv, struct options *options);

#endif
