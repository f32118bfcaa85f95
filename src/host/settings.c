#include "host/settings.h"

#include "aws/imds.h"
#include "base/file.h"
#include "base/text.h"

#include <getopt.h>
#include <string.h>

enum {
    CONFIG_LARGEST = 64 * 1024,
    ROTATE_DEFAULT_MS = 3600 * 1000,
    ROTATE_DEFAULT_BYTES = 64 << 20,
    SETTLE_DEFAULT_MS = 2000,
};

const char *settings_help(void)
{
    return "usage: enclave-host [OPTION...]\n"
           "The agent of a Vespa host: identity, tunnel, firewall, containers, log archive, metrics.\n\n"
           "  --config FILE        the host's configuration; else the instance's user data\n"
           "  --state DIR          where everything lives (/var/lib/enclave/host)\n"
           "  --images DIR         container images that no registry has (/opt/enclave/images)\n"
           "  --rotate-s SECONDS   rotate logs this old (3600; also ENCLAVE_ROTATE_S)\n"
           "  --rotate-mb SIZE     or this large (64)\n"
           "  --log-level LEVEL    debug, info, warning, error (info)\n"
           "  --log FORM           text or json (text)\n"
           "  --help               this\n";
}

static int parse_seconds(const char *text, struct settings *settings, struct error *err)
{
    int64_t seconds = 0;
    if (text_number(text, 1, 7 * 24 * 3600, "rotate-s", &seconds, err) < 0)
        return -1;
    settings->rotate_ms = seconds * 1000;
    return 0;
}

static int parse_megabytes(const char *text, struct settings *settings, struct error *err)
{
    int64_t megabytes = 0;
    if (text_number(text, 1, 4096, "rotate-mb", &megabytes, err) < 0)
        return -1;
    settings->rotate_bytes = megabytes << 20;
    return 0;
}

static int parse_option(int option, struct settings *settings, struct error *err)
{
    switch (option) {
    case 'c':
        settings->config_path = optarg;
        return 0;
    case 's':
        settings->state = optarg;
        return 0;
    case 'i':
        settings->image_directory = optarg;
        return 0;
    case 'r':
        return parse_seconds(optarg, settings, err);
    case 'm':
        return parse_megabytes(optarg, settings, err);
    case 'l':
        settings->log_level = optarg;
        return 0;
    case 'f':
        settings->log_form = optarg;
        return 0;
    case 'h':
        settings->help = true;
        return 0;
    default:
        return error_set(err, ERROR_INVALID, "unknown option; see --help");
    }
}

int settings_parse(int argc, char **argv, struct settings *settings, struct error *err)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"state", required_argument, NULL, 's'},
        {"images", required_argument, NULL, 'i'},
        {"rotate-s", required_argument, NULL, 'r'},
        {"rotate-mb", required_argument, NULL, 'm'},
        {"log-level", required_argument, NULL, 'l'},
        {"log", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *settings = (struct settings){
        .state = "/var/lib/enclave/host",
        .image_directory = "/opt/enclave/images",
        .rotate_ms = ROTATE_DEFAULT_MS,
        .rotate_bytes = ROTATE_DEFAULT_BYTES,
        .settle_ms = SETTLE_DEFAULT_MS,
        .log_level = "info",
        .log_form = "text",
    };
    const char *seconds = getenv("ENCLAVE_ROTATE_S");
    if (seconds && parse_seconds(seconds, settings, err) < 0)
        return error_context(err, "ENCLAVE_ROTATE_S");

    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (parse_option(option, settings, err) < 0)
            return -1;
    if (optind < argc)
        return error_set(err, ERROR_INVALID, "\"%s\" is not an option; see --help", argv[optind]);
    return 0;
}

/* A host that was launched together with others learns from EC2 which of them it is. */
static int choose_name(struct arena *arena, struct host_config *config, struct error *err)
{
    char *text;
    int64_t index = 0;
    if (!config->hostname && (imds_get(arena, "meta-data/ami-launch-index", &text, err) < 0 ||
                              text_number(text, 0, INT32_MAX, "ami-launch-index", &index, err) < 0))
        return -1;
    return host_config_name(config, index, err);
}

int settings_host_config(const struct settings *settings, struct arena *arena, struct host_config *config,
                         struct error *err)
{
    char *text = NULL;
    size_t length = 0;
    int got = settings->config_path
                  ? file_read(arena, settings->config_path, CONFIG_LARGEST, &text, &length, err)
                  : imds_user_data(arena, &text, &length, err);
    if (got < 0)
        return error_context(err, "the host's configuration");
    if (record_parse(&host_config_record, arena, text, length, config, err) < 0)
        return error_context(err, "the host's configuration (%s)",
                             settings->config_path ? settings->config_path : "user data");
    return choose_name(arena, config, err);
}
