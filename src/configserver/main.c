/* enclave-configserver: runs a zone. */
#include "base/log.h"
#include "configserver/program.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: enclave-configserver [--config FILE] [--state DIR] [--log text|json] [--log-level LEVEL]\n"
    "\n"
    "Runs a zone: node repository, provisioning, instance provider, and the vendor's end of the hosts' "
    "tunnels.\n"
    "\n"
    "  --config FILE      configuration; the EC2 instance's user data without it\n"
    "  --state DIR        where everything is kept (/var/lib/enclave/configserver)\n"
    "  --log FORM         text (default) or json, one event a line, on standard error\n"
    "  --log-level LEVEL  debug, info (default), warning or error\n";

enum { SHOW_HELP = 1, SHOW_VERSION, BAD_USAGE };

struct arguments {
    struct program_options options;
    const char *log_form, *log_level;
};

static int parse(int argc, char **argv, struct arguments *arguments)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},
        {"state", required_argument, NULL, 's'},
        {"log", required_argument, NULL, 'l'},
        {"log-level", required_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (option) {
        case 'c':
            arguments->options.config_path = optarg;
            break;
        case 's':
            arguments->options.state_directory = optarg;
            break;
        case 'l':
            arguments->log_form = optarg;
            break;
        case 'L':
            arguments->log_level = optarg;
            break;
        case 'h':
            return SHOW_HELP;
        case 'v':
            return SHOW_VERSION;
        default:
            return BAD_USAGE;
        }
    return optind == argc ? 0 : BAD_USAGE;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct arguments arguments = {
        .options = {.state_directory = "/var/lib/enclave/configserver",
                    .port = CONFIGSERVER_PORT,
                    .provider_port = CONFIGSERVER_PORT + 1,
                    .peers_port = CONFIGSERVER_PORT + 2},
        .log_form = "text",
        .log_level = "info",
    };
    switch (parse(argc, argv, &arguments)) {
    case SHOW_HELP:
        fputs(help, stdout);
        return 0;
    case SHOW_VERSION:
        puts("enclave-configserver " ENCLAVE_VERSION);
        return 0;
    case BAD_USAGE:
        fputs(help, stderr);
        return 2;
    default:
        break;
    }
    if (log_open_named("configserver", arguments.log_level, arguments.log_form, &err) < 0 ||
        program_run(&arguments.options, &err) < 0) {
        log_error("stopped", "error", err.message, NULL);
        return 1;
    }
    return 0;
}
