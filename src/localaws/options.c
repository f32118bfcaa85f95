#include "localaws/options.h"

#include "base/memory.h"
#include "base/text.h"

#include "localaws/trail/trail.h"

#include <argp.h>
#include <string.h>

const char *argp_program_version = "localaws " ENCLAVE_VERSION;

enum { ROLE_SESSION = 256, REMEMBER, ROOTLESS };

/* clang-format off */
static const char purpose[] =
    "An AWS region on this machine: EC2, ELB, S3, KMS, IAM, STS and SSM on one endpoint, with real networks, "
    "machines and encryption behind them.\v"
    "When it answers it prints 'ready https://ADDRESS:PORT'. In DIR are then: credentials (the accounts' root keys, "
    "for AWS_SHARED_CREDENTIALS_FILE), ca.pem (for AWS_CA_BUNDLE), identity-document.pem (verifies instance identity "
    "documents), trail (the audit trail) and ready, which is gone when it stops. 'localaws fault --help' and 'localaws "
    "event --help' say what an operator can do to a region that runs. Networks and machines need root, or --rootless; "
    "without either, or with --no-plane, instances are records only.";

static const struct argp_option known[] = {
    {"state",     's', "DIR",          0, "where the region keeps everything (required)", 0},
    {"account",   'a', "ID=PROFILE",   0, "an account and the name of its credentials profile; repeatable; the first owns the machine images", 0},
    {"listen",    'l', "ADDRESS:PORT", 0, "the API endpoint (127.0.0.1:4566)", 0},
    {"proxy",     'p', "ADDRESS:PORT", 0, "the HTTPS proxy into the region's internet (127.0.0.1:4567)", 0},
    {"region",    'r', "NAME",         0, "its name (us-east-1)", 0},
    {"images",    'i', "FILE",         0, "the machine images, a JSON list", 0},
    {"label",     'L', "LABEL",        0, "makes the names of its namespaces unique on this machine (localaws)", 0},
    {"pid-file",  'P', "FILE",         0, "where to write the process id", 0},
    {"trail-mb",  't', "MEGABYTES",    0, "how much of each account's audit trail is kept (256); 0 keeps none", 0},
    {"no-plane",  'n', NULL,           0, "records only: no networks, no machines", 0},
    {"rootless",  ROOTLESS, NULL,     0, "networks and machines without root, in a user namespace: encrypted volumes need gocryptfs and /dev/fuse, data volumes are refused", 0},
    {"role-session", ROLE_SESSION, "SECONDS", 0, "how long the keys of an instance's role last (21600)", 0},
    {"remember",  REMEMBER, "SECONDS", 0, "how long a terminated instance is still shown (3600)", 0},
    {"log-level", 'v', "LEVEL",        0, "debug, info, warning or error (info)", 0},
    {0},
};

/* Those whose value is kept as it is. */
static const struct {
    int key;
    size_t offset;
} texts[] = {
    {'s', offsetof(struct options, state)},  {'r', offsetof(struct options, region)},
    {'i', offsetof(struct options, images)}, {'L', offsetof(struct options, label)},
    {'P', offsetof(struct options, pid_file)}, {'v', offsetof(struct options, log_level)},
};
/* clang-format on */

/* Those that are numbers. */
static const struct {
    int key;
    const char *unit;
    int64_t least, most;
    size_t offset;
} numbers[] = {
    {ROLE_SESSION, "seconds", 2, 43200, offsetof(struct options, role_session_s)},
    {REMEMBER, "seconds", 1, 86400 * 365, offsetof(struct options, remember_s)},
    {'t', "megabytes", 0, 1 << 20, offsetof(struct options, trail_mb)},
};

/* "127.0.0.1:4566" or "[::1]:4566". */
static int parse_endpoint(const char *text, char **address, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    int64_t number;
    if (!colon || colon == text || text_number(colon + 1, 0, 65535, "port", &number, NULL) < 0)
        return -1;
    bool brackets = *text == '[' && colon[-1] == ']';
    free(*address);
    *address = strndup(text + brackets, (size_t)(colon - text) - 2 * brackets);
    *port = (uint16_t)number;
    return *address ? 0 : -1;
}

static void parse_account(char *text, struct options *options, struct argp_state *state)
{
    char *equals = strchr(text, '=');
    if (!equals || equals - text != 12 || strspn(text, "0123456789") != 12 || !equals[1] ||
        !text_only(equals + 1, "A-Za-z0-9_.-"))
        argp_error(state, "an account is 12 digits, '=' and a profile's name: %s", text);
    if (options->account_count == ACCOUNTS_MOST)
        argp_error(state, "more than %d accounts", ACCOUNTS_MOST);
    *equals = '\0';
    for (size_t i = 0; i < options->account_count; i++)
        if (text_equal(options->accounts[2 * i], text) ||
            text_equal(options->accounts[2 * i + 1], equals + 1))
            argp_error(state, "the same account or profile twice: %s=%s", text, equals + 1);
    options->accounts[2 * options->account_count] = text;
    options->accounts[2 * options->account_count + 1] = equals + 1;
    options->account_count++;
}

static void check_complete(const struct options *options, struct argp_state *state)
{
    if (!options->state)
        argp_error(state, "--state DIR is required");
    if (options->no_plane && options->rootless)
        argp_error(state, "--rootless makes what --no-plane leaves out: one of them");
    if (!options->account_count)
        argp_error(state, "at least one --account ID=PROFILE is required");
}

static bool parse_text(int key, char *value, struct options *options)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].key == key) {
            *(const char **)(void *)((char *)options + texts[i].offset) = value;
            return true;
        }
    return false;
}

static bool parse_number(int key, const char *value, struct options *options, struct argp_state *state)
{
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (numbers[i].key == key) {
            int64_t *number = (int64_t *)(void *)((char *)options + numbers[i].offset);
            if (text_number(value, numbers[i].least, numbers[i].most, "option", number, NULL) < 0)
                argp_error(state, "%s is not a number of %s from %d to %d", value, numbers[i].unit,
                           (int)numbers[i].least, (int)numbers[i].most);
            return true;
        }
    return false;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'l':
        if (parse_endpoint(value, &options->listen_address, &options->listen_port) < 0)
            argp_error(state, "--listen wants ADDRESS:PORT");
        return 0;
    case 'p':
        if (parse_endpoint(value, &options->proxy_address, &options->proxy_port) < 0)
            argp_error(state, "--proxy wants ADDRESS:PORT");
        return 0;
    case 'a':
        parse_account(value, options, state);
        return 0;
    case 'n':
        options->no_plane = true;
        return 0;
    case ROOTLESS:
        options->rootless = true;
        return 0;
    case ARGP_KEY_END:
        check_complete(options, state);
        return 0;
    default:
        return parse_text(key, value, options) || parse_number(key, value, options, state) ? 0
                                                                                           : ARGP_ERR_UNKNOWN;
    }
}

void options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){
        .region = "us-east-1",
        .label = "localaws",
        .log_level = "info",
        .role_session_s = 6 * 3600,
        .remember_s = 3600,
        .trail_mb = TRAIL_KEEP_MB,
        .listen_address = memory_strdup("127.0.0.1"),
        .listen_port = 4566,
        .proxy_address = memory_strdup("127.0.0.1"),
        .proxy_port = 4567,
    };
    static const struct argp parser = {.options = known, .parser = parse_option, .doc = purpose};
    argp_parse(&parser, argc, argv, 0, NULL, options);
}
