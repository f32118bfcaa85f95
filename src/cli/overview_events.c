/* events */
#include "cli/overview.h"

#include "base/clock.h"
#include "cli/controller.h"

#include <stdlib.h>

static const char *at_cell(struct cli *cli, json_t *event)
{
    return clock_rfc3339(cli->arena, number_of(event, "at"));
}
static const char *of_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "of");
}
static const char *event_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "event");
}
static const char *agent_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "agent");
}
static const char *reason_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "reason");
}

static const struct column event_columns[] = {
    {"AT", at_cell, false},    {"OF", of_cell, false},         {"EVENT", event_cell, false},
    {"BY", agent_cell, false}, {"REASON", reason_cell, false}, {NULL},
};

static bool has_event(json_t *events, json_t *event)
{
    size_t index;
    json_t *other;
    json_array_foreach(events, index, other)
        if (json_equal(event, other))
            return true;
    return false;
}

static void add_event(json_t *events, json_t *event, json_t *of)
{
    json_t *named = json_copy(event);
    json_object_set(named, "of", of);
    json_array_append_new(events, named);
}

/* The history has the last event of each kind, the log the last of any: most are in both. */
static void add_histories(json_t *events, json_t *items, const char *name)
{
    size_t index, at;
    json_t *item, *event;
    json_array_foreach(items, index, item) {
        json_t *log = json_object_get(item, "log"), *of = json_object_get(item, name);
        json_array_foreach(json_object_get(item, "history"), at, event)
            if (!has_event(log, event))
                add_event(events, event, of);
        json_array_foreach(log, at, event)
            add_event(events, event, of);
    }
}

/* The deployment's own story stands among them. */
static int add_story(struct cli *cli, json_t *events, struct error *err)
{
    json_t *deployment, *line;
    size_t index;
    char *path = deployment_path(cli, err);
    if (!path || controller_get(cli, &deployment, err, "%s", path) < 0)
        return -1;
    json_array_foreach(json_object_get(deployment, "log"), index, line)
        json_array_append_new(events,
                              json_pack("{s:I,s:s,s:s?,s:s?}", "at", (json_int_t)number_of(line, "at"), "of",
                                        "the deployment", "event", member(line, "level"), "reason",
                                        member(line, "message")));
    return 0;
}

static int by_time(const void *a, const void *b)
{
    int64_t left = number_of(*(json_t *const *)a, "at"), right = number_of(*(json_t *const *)b, "at");
    return left < right ? -1 : left > right;
}

/* The last `most` of them, oldest first; a new reference. */
static json_t *last_of(struct cli *cli, json_t *events, size_t most)
{
    size_t count = json_array_size(events);
    json_t **sorted = arena_alloc(cli->arena, (count + 1) * sizeof *sorted), *chosen = json_array();
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(events, i);
    qsort(sorted, count, sizeof *sorted, by_time);
    for (size_t i = count > most ? count - most : 0; i < count; i++)
        json_array_append(chosen, sorted[i]);
    return chosen;
}

static int gather_events(struct cli *cli, json_t *events, struct error *err)
{
    json_t *nodes, *balancers;
    if (ask_nodes(cli, &nodes, err) < 0 || ask_load_balancers(cli, &balancers, err) < 0)
        return -1;
    add_histories(events, nodes, "hostname");
    add_histories(events, balancers, "id");
    return overview_of_zone ? 0 : add_story(cli, events, err);
}

int show_events(struct cli *cli, struct error *err)
{
    int64_t most = 50;
    if (overview_last && text_number(overview_last, 1, 1000000, "--last", &most, err) < 0)
        return -1;
    json_t *events = json_array();
    int result = gather_events(cli, events, err);
    if (result == 0) {
        json_t *answer = json_pack("{s:o}", "events", last_of(cli, events, (size_t)most));
        if (cli->json)
            print_json(cli, answer);
        else
            print_items(cli, event_columns, json_object_get(answer, "events"));
        json_decref(answer);
    }
    json_decref(events);
    return result;
}
