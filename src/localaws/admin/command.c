/* localaws fault ... and localaws event ...: the admin API (admin.h) of a region that runs, from a shell. A
 * program of its own, which localaws becomes, so that no region carries an HTTP client. The exit status is 0,
 * 1, or 2 for a wrong command line. */
#include "base/record.h"
#include "base/text.h"
#include "net/http_client.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A command line on its way to a call. */
struct order {
    struct arena *arena;
    const char *directory;
    bool json;
    const char *word; /* what is not an option: a kind, an id; NULL: none */
    json_t *body;
};

enum { FOR_FAULT = 1, FOR_SCHEDULE = 2, FOR_END = 4 };

/* An option that becomes a member of the body. */
static const struct setting {
    const char *name, *value, *member;
    enum { TEXT, INTEGER, NUMBER, RANGE } form;
    unsigned use;
    const char *help;
} settings[] = {
    {"account", "PATTERN", "account", TEXT, FOR_FAULT, "of callers in these accounts"},
    {"service", "PATTERN", "service", TEXT, FOR_FAULT,
     "ec2, s3, iam, sts, kms, elasticloadbalancing, ssm, cloudtrail"},
    {"action", "PATTERN", "action", TEXT, FOR_FAULT, "RunInstances, Describe*"},
    {"principal", "PATTERN", "principal", TEXT, FOR_FAULT, "ARN of the caller, its session's or its role's"},
    {"resource", "PATTERN", "resource", TEXT, FOR_FAULT,
     "some value of the call; of a launch its image, subnet or a tag"},
    {"instance-type", "PATTERN", "instanceType", TEXT, FOR_FAULT, "of a launch: m7g.*"},
    {"zone", "PATTERN", "zone", TEXT, FOR_FAULT, "of a launch: us-east-1a"},
    {"probability", "NUMBER", "probability", NUMBER, FOR_FAULT, "from 0 to 1 (1)"},
    {"after", "NUMBER", "after", INTEGER, FOR_FAULT, "lets so many matches pass first (0)"},
    {"count", "NUMBER", "count", INTEGER, FOR_FAULT, "fires so often at most (no end)"},
    {"seed", "NUMBER", "seed", INTEGER, FOR_FAULT,
     "of its chances (1): the same seed and calls, the same decisions"},
    {"ms", "NUMBER[-NUMBER]", "ms", RANGE, FOR_FAULT, "latency, slow-boot: how long"},
    {"code", "CODE", "code", TEXT, FOR_FAULT | FOR_SCHEDULE,
     "error: AWS's code. event: instance-retirement, "
     "instance-stop, instance-reboot, system-reboot, system-maintenance"},
    {"status", "NUMBER", "status", INTEGER, FOR_FAULT, "error: HTTP status"},
    {"message", "TEXT", "message", TEXT, FOR_FAULT, "error: in words"},
    {"bucket", "NUMBER", "bucket", NUMBER, FOR_FAULT, "token-bucket: its size (EC2's for RunInstances: 5)"},
    {"refill", "NUMBER", "refill", NUMBER, FOR_FAULT,
     "token-bucket: tokens a second (EC2's for RunInstances: 2)"},
    {"from", "PARTY", "from", TEXT, FOR_FAULT,
     "network-cut: an instance's id, a balancer's name, a CIDR block or internet"},
    {"to", "PARTY", "to", TEXT, FOR_FAULT, "network-cut: the other side"},
    {"in", "SECONDS", "inSeconds", INTEGER, FOR_SCHEDULE, "when (at once)"},
    {"description", "TEXT", "description", TEXT, FOR_SCHEDULE, "in words"},
    {"event", "ID", "event", TEXT, FOR_END, "one event (all of the instance)"},
};

static int print_answer(struct order *order, const json_t *answer);
static int print_faults(struct order *order, const json_t *answer);
static int print_added(struct order *order, const json_t *answer);

static const struct command {
    const char *noun, *verb, *word, *summary;
    enum http_method method;
    const char *path; /* with the word in it, where it has one */
    unsigned use;
    const char *word_member, *fixed_body; /* where the word goes when it is not in the path */
    int (*print)(struct order *order, const json_t *answer);
} commands[] = {
    {"fault", "add", "KIND",
     "throttle, token-bucket, latency, error, lost-response, insufficient-capacity, never-boots, "
     "slow-boot or network-cut",
     HTTP_POST, "/faults", FOR_FAULT, "kind", NULL, print_added},
    {"fault", "list", NULL, "the faults there are, and how often each fired", HTTP_GET, "/faults", 0, NULL,
     NULL, print_faults},
    {"fault", "remove", "ID", "takes one back", HTTP_DELETE, "/faults/%s", 0, NULL, NULL, print_answer},
    {"fault", "clear", NULL, "takes all back", HTTP_DELETE, "/faults", 0, NULL, NULL, print_answer},
    {"event", "schedule", "INSTANCE", "announces a scheduled event and carries it out in time", HTTP_POST,
     "/instances/%s/events", FOR_SCHEDULE, NULL, NULL, print_answer},
    {"event", "cancel", "INSTANCE", "ends scheduled events without doing anything", HTTP_POST,
     "/instances/%s/events/cancel", FOR_END, NULL, NULL, print_answer},
    {"event", "complete", "INSTANCE", "the same, and they are shown as completed", HTTP_POST,
     "/instances/%s/events/complete", FOR_END, NULL, NULL, print_answer},
    {"event", "terminate", "INSTANCE", "the computer under an instance is lost: it is terminated", HTTP_POST,
     "/instances/%s/break", 0, NULL, "{\"how\":\"terminate\"}", print_answer},
    {"event", "stop", "INSTANCE", "the computer under an instance fails: it is stopped", HTTP_POST,
     "/instances/%s/break", 0, NULL, "{\"how\":\"stop\"}", print_answer},
};

/* Of one command, of all with this noun, or (NULL) of all. */
static void print_help(FILE *to, const char *noun, const struct command *one)
{
    fprintf(to, "What happens to a region that runs (docs/localaws.md, Faults).\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (one ? one == &commands[i] : !noun || text_equal(commands[i].noun, noun))
            fprintf(to, "localaws %s %s %s\n    %s\n", commands[i].noun, commands[i].verb,
                    commands[i].word ? commands[i].word : "", commands[i].summary);
    fprintf(to, "\n  --directory DIR, --state DIR  the region's state directory (required)\n"
                "  -o, --output FORMAT           text or json\n");
    for (size_t i = 0; one && i < COUNT_OF(settings); i++)
        if (settings[i].use & one->use) {
            char option[64];
            snprintf(option, sizeof option, "--%s %s", settings[i].name, settings[i].value);
            fprintf(to, "  %-29s %s\n", option, settings[i].help);
        }
}

static void print_line(const char *id, const char *kind, const char *fired, const char *matched,
                       const char *what)
{
    printf("%-6s  %-22s  %7s  %7s  %s\n", id, kind, fired, matched, what);
}

/* Every member but those that have a column. */
static const char *describe(struct arena *arena, const json_t *fault)
{
    static const char *const columns[] = {"id", "kind", "fired", "matched"};
    const char *name, *text = "";
    json_t *value;
    json_object_foreach((json_t *)fault, name, value) {
        bool is_column = false;
        for (size_t i = 0; i < COUNT_OF(columns); i++)
            is_column |= text_equal(columns[i], name);
        bool is_default =
            (text_equal(name, "probability") || text_equal(name, "seed")) && json_number_value(value) == 1;
        if (is_column || is_default || (json_is_number(value) && json_number_value(value) == 0))
            continue;
        const char *shown = json_is_string(value) ? json_string_value(value)
                                                  : arena_format(arena, "%g", json_number_value(value));
        text = arena_format(arena, "%s%s%s=%s", text, *text ? " " : "", name, shown);
    }
    return text;
}

static int print_faults(struct order *order, const json_t *answer)
{
    size_t index;
    json_t *fault;
    print_line("ID", "KIND", "FIRED", "MATCHED", "WHERE AND HOW");
    json_array_foreach(json_object_get(answer, "faults"), index, fault) {
        const char *fired =
            arena_format(order->arena, "%lld", json_integer_value(json_object_get(fault, "fired")));
        const char *matched =
            arena_format(order->arena, "%lld", json_integer_value(json_object_get(fault, "matched")));
        print_line(json_member_text(fault, "id"), json_member_text(fault, "kind"), fired, matched,
                   describe(order->arena, fault));
    }
    return 0;
}

static int print_added(struct order *order, const json_t *answer)
{
    (void)order;
    printf("%s\n", json_member_text(answer, "id"));
    return 0;
}

static int print_answer(struct order *order, const json_t *answer)
{
    (void)order, (void)answer;
    return 0;
}

static int number_of(const char *text, const struct setting *setting, json_t **number, struct error *err)
{
    char *end;
    double value = strtod(text, &end);
    if (!*text || *end || !(value >= 0 && value < 9e15))
        return error_set(err, ERROR_INVALID, "--%s wants %s, not \"%s\"", setting->name, setting->value,
                         text);
    *number = setting->form == NUMBER ? json_real(value) : json_integer((json_int_t)value);
    return 0;
}

static int set(struct order *order, const struct setting *setting, const char *value, struct error *err)
{
    json_t *member, *most = NULL;
    const char *dash = setting->form == RANGE ? strchr(value, '-') : NULL;
    if (setting->form == TEXT) {
        json_object_set_new(order->body, setting->member, json_string(value));
        return 0;
    }
    if (dash && number_of(dash + 1, setting, &most, err) < 0)
        return -1;
    if (most)
        json_object_set_new(order->body, "mostMs", most);
    if (number_of(dash ? arena_strndup(order->arena, value, (size_t)(dash - value)) : value, setting, &member,
                  err) < 0)
        return -1;
    json_object_set_new(order->body, setting->member, member);
    return 0;
}

enum { FIRST_SETTING = 256, COMMON_OPTIONS = 4 };

/* The options of every command, then the settings of this one. */
static void list_options(const struct command *command,
                         struct option options[COUNT_OF(settings) + COMMON_OPTIONS + 1])
{
    static const struct option common[COMMON_OPTIONS] = {{"help", no_argument, NULL, 'h'},
                                                         {"output", required_argument, NULL, 'o'},
                                                         {"directory", required_argument, NULL, 'd'},
                                                         {"state", required_argument, NULL, 'd'}};
    size_t count = COMMON_OPTIONS;
    memcpy(options, common, sizeof common);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (settings[i].use & command->use)
            options[count++] =
                (struct option){settings[i].name, required_argument, NULL, (int)(FIRST_SETTING + i)};
    options[count] = (struct option){0};
}

static int take_option(struct order *order, const struct command *command, int found, struct error *err)
{
    if (found >= FIRST_SETTING)
        return set(order, &settings[found - FIRST_SETTING], optarg, err);
    if (found == 'd' || found == 's')
        order->directory = optarg;
    else if (found == 'o' && (text_equal(optarg, "json") || text_equal(optarg, "text")))
        order->json = text_equal(optarg, "json");
    else
        return error_set(err, ERROR_INVALID, "see: localaws %s %s --help", command->noun, command->verb);
    return 0;
}

/* 1: help was asked for and printed. */
static int read_options(struct order *order, const struct command *command, int argc, char **argv,
                        struct error *err)
{
    struct option options[COUNT_OF(settings) + COMMON_OPTIONS + 1];
    list_options(command, options);
    for (int found; (found = getopt_long(argc, argv, "ho:d:s:", options, NULL)) != -1;) {
        if (found == 'h') {
            print_help(stdout, command->noun, command);
            return 1;
        }
        if (take_option(order, command, found, err) < 0)
            return -1;
    }
    order->word = argv[optind];
    if (argc - optind != (command->word ? 1 : 0) || !order->directory)
        return error_set(err, ERROR_INVALID, "usage: localaws %s %s %s --directory DIR; see --help",
                         command->noun, command->verb, command->word ? command->word : "");
    return 0;
}

/* A socket's path is short; by the directory's descriptor it always is. */
static int open_client(const char *directory, int *fd, struct http_client **client, struct error *err)
{
    char path[64];
    *fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, ERROR_NOT_FOUND, "%s", directory);
    snprintf(path, sizeof path, "/proc/self/fd/%d/admin.sock", *fd);
    const struct http_client_options options = {.local_path = path, .no_proxy = true};
    return http_client_new(&options, client, err);
}

static int send_order(struct order *order, const struct command *command, json_t **answer, struct error *err)
{
    cleanup(http_client_free) struct http_client *client = NULL;
    int directory = -1;
    struct http_reply reply;
    if (open_client(order->directory, &directory, &client, err) < 0)
        return -1;
    if (command->word_member)
        json_object_set_new(order->body, command->word_member, json_string(order->word));
    const char *body = command->fixed_body ? command->fixed_body : json_text(order->arena, order->body);
    bool in_path = strchr(command->path, '%') != NULL;
    const char *word = in_path ? percent_encode(order->arena, order->word, false) : "";
    const char *url =
        in_path ? arena_format(order->arena, "http://localaws%.*s%s%s", (int)strcspn(command->path, "%"),
                               command->path, word, strchr(command->path, '%') + 2)
                : arena_format(order->arena, "http://localaws%s", command->path);
    const struct http_call call = {.method = command->method,
                                   .url = url,
                                   .body = command->method == HTTP_POST ? body : NULL,
                                   .body_length = command->method == HTTP_POST ? strlen(body) : 0};
    int result = http_call(client, &call, order->arena, &reply, err);
    close(directory);
    if (result < 0)
        return error_set(err, ERROR_UNAVAILABLE, "no region answers in %s", order->directory);
    if (http_reply_check(&reply, NULL, err) < 0)
        return -1;
    return json_parse(order->arena, reply.body, reply.length, answer, err);
}

static const struct command *find_command(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < COUNT_OF(commands); i++)
        if (text_equal(commands[i].noun, argv[1]) && text_equal(commands[i].verb, argv[2]))
            return &commands[i];
    return NULL;
}

static int help_instead(int argc, char **argv)
{
    const char *noun = NULL;
    for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
        if (text_equal(commands[i].noun, argv[1]))
            noun = argv[1];
    bool asked = argc > 2 && text_equal(argv[2], "--help");
    print_help(asked ? stdout : stderr, noun, NULL);
    return asked ? 0 : 2;
}

int main(int argc, char **argv)
{
    const struct command *command = find_command(argc, argv);
    if (!command)
        return help_instead(argc, argv);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct order order = {.arena = arena, .body = json_object()};
    struct error err = {0};
    json_t *answer;
    int result = read_options(&order, command, argc - 2, argv + 2, &err);
    if (result == 0)
        result = send_order(&order, command, &answer, &err);
    if (result == 0 && order.json)
        printf("%s\n", json_pretty(arena, answer));
    else if (result == 0)
        command->print(&order, answer);
    json_decref(order.body);
    if (result < 0)
        fprintf(stderr, "localaws: %s\n", err.message);
    return result >= 0 ? 0 : err.kind == ERROR_INVALID ? 2 : 1;
}
