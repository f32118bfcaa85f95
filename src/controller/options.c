#include "controller/options.h"

#include "base/text.h"
#include "zone/names.h"

#include <getopt.h>

const char *options_help(void)
{
    return "usage: enclave-controller [OPTION...]\n"
           "The vendor's front: tenants, their API keys and AWS accounts, deployments to zones.\n\n"
           "  --config FILE        its configuration (JSON); else the instance's user data\n"
           "  --state DIR          where everything lives (/var/lib/enclave/controller)\n"
           "  --listen ADDRESS     an address to serve on, may be repeated (:: and 0.0.0.0)\n"
           "  --port PORT          (4443)\n"
           "  --log-level LEVEL    debug, info, warning, error (info)\n"
           "  --log FORM           text or json (text)\n"
           "  --help               this\n";
}

static int take_option(int option, struct options *options, struct error *err)
{
    int64_t port;
    switch (option) {
    case 'c': options->config_path = optarg; return 0;
    case 's': options->state = optarg; return 0;
    case 'l': options->log_level = optarg; return 0;
    case 'f': options->log_form = optarg; return 0;
    case 'h': options->help = true; return 0;
    case 'a':
        if (options->address_count == LISTEN_MOST)
            return error_set(err, ERROR_INVALID, "more than %d addresses to listen on", LISTEN_MOST);
        options->addresses[options->address_count++] = optarg;
        return 0;
    case 'p':
        if (text_number(optarg, 1, UINT16_MAX, "--port", &port, err) < 0)
            return -1;
        options->port = (uint16_t)port;
        return 0;
    default: return error_set(err, ERROR_INVALID, "unknown option; see --help");
    }
}

int options_parse(int argc, char **argv, struct options *options, struct error *err)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"state", required_argument, NULL, 's'},
        {"listen", required_argument, NULL, 'a'}, {"port", required_argument, NULL, 'p'},
        {"log-level", required_argument, NULL, 'l'}, {"log", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    *options = (struct options){.state = "/var/lib/enclave/controller",
                                .port = CONTROLLER_PORT,
                                .log_level = "info",
                                .log_form = "text"};
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (take_option(option, options, err) < 0)
            return -1;
    if (optind < argc)
        return error_set(err, ERROR_INVALID, "'%s' is no option; see --help", argv[optind]);
    if (options->address_count == 0) {
        options->addresses[options->address_count++] = "::";
        options->addresses[options->address_count++] = "0.0.0.0";
    }
    return 0;
}
