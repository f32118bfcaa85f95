/* Thousands of simulated hosts of one config server, from one thread; commands on standard input, one JSON
 * object a line in answer.
 *
 *     bench_agents identities DIRECTORY ZONE
 *     bench_agents run DIRECTORY ZONE PUBLIC_ADDRESS TUNNEL_ADDRESS PORT HOSTS.json
 *
 * HOSTS.json: [{"hostname","id","tenant","node","image"}]. Commands: `stats`: how many are connected, ready,
 * polled since; `polled MS`: how many were answered a poll after that time; `spec HOSTNAME`: when its spec
 * changed last; `quit`. */
#include "agents.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/record.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HOSTS_LARGEST = 64 << 20, EVENTS = 512, CONNECTING_MOST = 200, ARRIVING_MOST = 500 };

struct agents {
    struct agent *items;
    size_t count, next;
    int epoll;
    struct server_address server;
    struct tally tally;
};

static void read_hosts(struct agents *agents, struct arena *arena, const char *path, struct issuer *issuer)
{
    struct error err = {0};
    char *text;
    size_t length;
    json_t *list;
    if (file_read(arena, path, HOSTS_LARGEST, &text, &length, &err) < 0 ||
        json_parse(arena, text, length, &list, &err) < 0) {
        fprintf(stderr, "bench_agents: %s\n", err.message);
        exit(1);
    }
    agents->count = json_array_size(list);
    agents->items = arena_alloc(arena, agents->count * sizeof *agents->items);
    for (size_t i = 0; i < agents->count; i++) {
        const json_t *host = json_array_get(list, i);
        struct agent *agent = &agents->items[i];
        *agent = (struct agent){.hostname = json_member_text(host, "hostname"),
                                .instance_id = json_member_text(host, "id"),
                                .node = json_member_text(host, "node"),
                                .image = json_member_text(host, "image"),
                                .socket = -1,
                                .generation = 0};
        agent->pushed_ms = clock_monotonic_ms() - random() % METRICS_EVERY_MS;
        issuer_issue(issuer, json_member_text(host, "tenant"), agent->instance_id, &agent->credentials);
    }
}

static void watch(struct agents *agents, struct agent *agent, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = agent};
    if (epoll_ctl(agents->epoll, operation, agent->socket, &event) < 0 && operation == EPOLL_CTL_MOD)
        epoll_ctl(agents->epoll, EPOLL_CTL_ADD, agent->socket, &event); /* it has a new connection */
}

/* Machines that have just booted come one after the other, however many were launched at once. */
static size_t count_arriving(const struct agents *agents)
{
    size_t count = 0;
    for (size_t i = 0; i < agents->count; i++)
        count += !agents->items[i].admitted && agents->items[i].step != AGENT_ABSENT;
    return count;
}

/* A few of those that wait for their retry, round and round, so that a thousand do not come at once. */
static void connect_some(struct agents *agents)
{
    size_t begun = 0, arriving = count_arriving(agents);
    int64_t now = clock_monotonic_ms();
    for (size_t i = 0; i < agents->count && begun < CONNECTING_MOST; i++) {
        struct agent *agent = &agents->items[agents->next++ % agents->count];
        if (agent->step != AGENT_ABSENT || agent->retry_ms > now ||
            (!agent->admitted && arriving >= ARRIVING_MOST))
            continue;
        begun++;
        arriving += !agent->admitted;
        if (agent_connect(agent, &agents->server, &agents->tally) == 0)
            watch(agents, agent, EPOLL_CTL_ADD, EPOLLOUT);
    }
}

static void answer_stats(const struct agents *agents)
{
    size_t connected = 0, ready = 0, reported = 0;
    for (size_t i = 0; i < agents->count; i++) {
        connected += agents->items[i].step > AGENT_HANDSHAKING;
        ready += agents->items[i].ready;
        reported += agents->items[i].reported;
    }
    printf(
        "{\"agents\":%zu,\"connected\":%zu,\"ready\":%zu,\"reported\":%zu,\"requests\":%llu,\"refused\":%llu,"
        "\"connects\":%llu,\"failures\":%llu}\n",
        agents->count, connected, ready, reported, (unsigned long long)agents->tally.requests,
        (unsigned long long)agents->tally.refused, (unsigned long long)agents->tally.connects,
        (unsigned long long)agents->tally.failures);
}

static void answer_polled(const struct agents *agents, int64_t since)
{
    size_t count = 0;
    int64_t last = 0;
    for (size_t i = 0; i < agents->count; i++) {
        count += agents->items[i].polled_ms > since;
        last = agents->items[i].polled_ms > last ? agents->items[i].polled_ms : last;
    }
    printf("{\"polled\":%zu,\"last\":%lld}\n", count, (long long)last);
}

static void answer_spec(const struct agents *agents, const char *hostname)
{
    int64_t changed = 0;
    for (size_t i = 0; i < agents->count; i++)
        if (text_equal(agents->items[i].hostname, hostname))
            changed = agents->items[i].changed_ms;
    printf("{\"changed\":%lld}\n", (long long)changed);
}

/* False: to end. */
static bool obey(struct agents *agents)
{
    char line[512];
    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (text_equal(line, "quit"))
        return false;
    if (text_equal(line, "stats"))
        answer_stats(agents);
    else if (strncmp(line, "polled ", 7) == 0)
        answer_polled(agents, strtoll(line + 7, NULL, 10));
    else if (strncmp(line, "spec ", 5) == 0)
        answer_spec(agents, line + 5);
    fflush(stdout);
    return true;
}

static void run(struct agents *agents)
{
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    setvbuf(stdin, NULL, _IONBF, 0); /* what it held back, epoll would not tell */
    epoll_ctl(agents->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(agents->epoll, events, EVENTS, 50);
        for (int i = 0; i < ready; i++) {
            struct agent *agent = events[i].data.ptr;
            if (!agent && !obey(agents))
                return;
            unsigned wanted = agent ? agent_go_on(agent, &agents->server, &agents->tally) : 0;
            if (wanted)
                watch(agents, agent, EPOLL_CTL_MOD, wanted);
        }
        connect_some(agents);
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && text_equal(argv[1], "identities"))
        return identities_make(argv[2], argv[3]);
    if (argc != 8 || !text_equal(argv[1], "run")) {
        fprintf(stderr, "usage: bench_agents identities DIRECTORY ZONE\n"
                        "       bench_agents run DIRECTORY ZONE PUBLIC TUNNEL PORT HOSTS.json\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct agents agents = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                            .server = {argv[4], argv[5], atoi(argv[6])}};
    read_hosts(&agents, arena, argv[7], issuer_open(argv[2], argv[3]));
    run(&agents);
    return 0;
}
