/* enclave: the command line of tenants and operators. main is the table of commands and what is common to them. */
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command *const tables[] = {zone_commands,  auth_commands, tenant_commands, account_commands,
                                               deploy_commands, node_commands, data_commands, logs_commands, audit_commands,
                                               ssh_commands, maintenance_commands};

static void print_usage(FILE *to)
{
    fprintf(to, "enclave: run Vespa applications in a customer's own AWS account\n\nCommands:\n");
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const struct command *command = tables[i]; command->name; command++)
            fprintf(to, "  %-18s %s\n", command->name, command->summary);
    fprintf(to, "\nEvery command takes --help and -o json. ENCLAVE_HOME (default ~/.config/enclave) holds config.json.\n");
}

static void print_help(const struct command *command)
{
    printf("enclave %s %s\n\n%s\n\n", command->name, command->arguments, command->summary);
    printf("  -o, --output FORMAT    text or json\n      --verbose          log what is done\n");
    for (const struct flag *flag = command->flags; flag && flag->name; flag++) {
        char option[64];
        snprintf(option, sizeof option, "--%s %s", flag->name, flag->value ? flag->value : "");
        printf("      %-18s %s\n", option, flag->help);
    }
}

/* The command whose words begin argv: two words are tried before one. */
static const struct command *find_command(int argc, char **argv, int *used)
{
    for (int words = 2; words >= 1; words--) {
        if (argc <= words)
            continue;
        char name[128];
        snprintf(name, sizeof name, words == 2 ? "%s %s" : "%s", argv[1], words == 2 ? argv[2] : "");
        for (size_t i = 0; i < COUNT_OF(tables); i++)
            for (const struct command *command = tables[i]; command->name; command++)
                if (text_equal(command->name, name)) {
                    *used = words;
                    return command;
                }
    }
    return NULL;
}

enum { MOST_FLAGS = 16, FIRST_FLAG = 256 };

/* 1: --help was asked for and printed. */
static int parse(struct cli *cli, const struct command *command, int argc, char **argv, struct error *err)
{
    struct option options[MOST_FLAGS + 4] = {{"help", no_argument, NULL, 'h'},
                                             {"output", required_argument, NULL, 'o'},
                                             {"verbose", no_argument, NULL, 'v'}};
    for (int i = 0; command->flags && command->flags[i].name; i++)
        options[i + 3] = (struct option){command->flags[i].name,
                                         command->flags[i].value ? required_argument : no_argument, NULL,
                                         FIRST_FLAG + i};
    for (int found; (found = getopt_long(argc, argv, "ho:v", options, NULL)) != -1;) {
        if (found == 'h') {
            print_help(command);
            return 1;
        } else if (found == 'v') {
            log_open("enclave", LOG_LEVEL_DEBUG, false);
        } else if (found == 'o') {
            if (!text_equal(optarg, "json") && !text_equal(optarg, "text"))
                return error_set(err, ERROR_INVALID, "--output is text or json, not \"%s\"", optarg);
            cli->json = text_equal(optarg, "json");
        } else if (found >= FIRST_FLAG) {
            const struct flag *flag = &command->flags[found - FIRST_FLAG];
            if (flag->value)
                *flag->text = optarg;
            else
                *flag->on = true;
        } else {
            return error_set(err, ERROR_INVALID, "see: enclave %s --help", command->name);
        }
    }
    cli->words = (const char **)argv + optind;
    cli->word_count = argc - optind;
    if (cli->word_count < command->least_words || cli->word_count > command->most_words)
        return error_set(err, ERROR_INVALID, "usage: enclave %s %s", command->name, command->arguments);
    return 0;
}

/* Exit codes, by the kind of trouble: 2 wrong use, 3 not allowed, 4 not there, 5 try again, 1 anything else. */
static int exit_code(const struct error *err)
{
    switch (err->kind) {
    case ERROR_INVALID:
    case ERROR_CONFLICT:
        return 2;
    case ERROR_UNAUTHENTICATED:
    case ERROR_FORBIDDEN:
        return 3;
    case ERROR_NOT_FOUND:
        return 4;
    case ERROR_THROTTLED:
    case ERROR_UNAVAILABLE:
        return 5;
    default:
        return 1;
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    log_open("enclave", LOG_LEVEL_WARNING, false);
    if (argc < 2 || text_equal(argv[1], "--help") || text_equal(argv[1], "help")) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (text_equal(argv[1], "--version")) {
        printf("enclave %s\n", ENCLAVE_VERSION);
        return 0;
    }
    int used = 0;
    const struct command *command = find_command(argc, argv, &used);
    if (!command) {
        fprintf(stderr, "enclave: there is no command \"%s\"; see: enclave --help\n", argv[1]);
        return 2;
    }
    cleanup(arena_free) struct arena *arena = arena_new();
    struct cli cli = {.arena = arena, .terminal = isatty(STDOUT_FILENO)};
    struct error err = {0};
    int result = parse(&cli, command, argc - used, argv + used, &err);
    if (result == 1)
        return 0;
    if (result < 0 || settings_load(arena, &cli.settings, &err) < 0 || command->run(&cli, &err) < 0) {
        fprintf(stderr, "enclave: %s\n", err.message);
        return exit_code(&err);
    }
    return 0;
}
