/* hosts, nodes, loadbalancers, events: what there is, what is wanted, and why it waits; of one's own
 * deployment, or of the whole zone for operators. What these four commands share: whom they ask, how they
 * print, and how they say why something waits. */
#ifndef CLI_OVERVIEW_H
#define CLI_OVERVIEW_H

#include "base/text.h"
#include "cli/cli.h"

#include <stdbool.h>
#include <stdint.h>

extern bool overview_of_zone;      /* --all: everybody's */
extern const char *overview_last;  /* --last, of events */
extern json_t *overview_everybody; /* hosts and nodes, as they were asked for; NULL: not asked yet */

int show_hosts(struct cli *cli, struct error *err);
int show_nodes(struct cli *cli, struct error *err);
int show_balancers(struct cli *cli, struct error *err);
int show_events(struct cli *cli, struct error *err);

/* The lists are the answers' own. */
int ask_nodes(struct cli *cli, json_t **list, struct error *err);
int ask_load_balancers(struct cli *cli, json_t **list, struct error *err);

struct column {
    const char *heading; /* NULL ends the table */
    const char *(*cell)(struct cli *cli, json_t *item);
    bool of_zone; /* says whose it is: only when it is everybody's */
};
void print_items(struct cli *cli, const struct column *columns, json_t *items);

int64_t number_of(json_t *object, const char *name);
bool is_set(json_t *object, const char *name);
const char *member(json_t *item, const char *name);
const char *hostname_cell(struct cli *cli, json_t *item);
const char *state_cell(struct cli *cli, json_t *item);
const char *since_cell(struct cli *cli, json_t *item);
const char *account_cell(struct cli *cli, json_t *item);
const char *address_cell(struct cli *cli, json_t *item);

/* overview_waits.c: why it is not as it shall be; NULL when it is. */
const char *host_waits_cell(struct cli *cli, json_t *host);
const char *node_waits_cell(struct cli *cli, json_t *node);
const char *balancer_waits_cell(struct cli *cli, json_t *balancer);

#endif
