/* What every command of `enclave` shares: its options, the configuration it runs with, and how it prints. A command is a
 * row of a table (main.c); a command with a second word (tenant create) is a row with that name. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"
#include "base/memory.h"
#include "cli/settings.h"

#include <jansson.h>
#include <stdbool.h>

struct cli {
    struct arena *arena;
    struct settings settings;
    bool json;           /* -o json */
    bool terminal;       /* standard output is one */
    const char **words;  /* arguments that are no options */
    int word_count;
};

/* An option of a command: --name VALUE (or none, then `on` is set). */
struct flag {
    const char *name, *value, *help;
    const char **text;
    bool *on;
};

struct command {
    const char *name;      /* "tenant create" */
    const char *arguments; /* "NAME" */
    const char *summary;
    int (*run)(struct cli *cli, struct error *err);
    const struct flag *flags; /* ended by a NULL name; may be NULL */
    int least_words, most_words;
};

extern const struct command account_commands[], audit_commands[], auth_commands[], data_commands[], deploy_commands[], logs_commands[],
    maintenance_commands[], node_commands[], ssh_commands[], tenant_commands[], zone_commands[];

/* A JSON value, pretty. */
void print_json(struct cli *cli, const json_t *value);
/* A table: cells row by row, columns aligned, the first row is the heading. */
void print_table(const char *const *cells, size_t columns, size_t rows);
const char *or_dash(const char *text);
/* "3 s ago", "2 h ago". */
const char *ago(struct cli *cli, int64_t ms);

#endif
