/* enclave-sim: weeks of a zone's life in seconds, from a seed. */
#include "base/text.h"
#include "configserver/simulator/seeds.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "enclave-sim [OPTIONS]: runs a zone in simulated time against a cloud, hosts and people that misbehave\n"
    "  --seed N          one world, with a summary\n"
    "  --seeds FROM-TO   many, in processes of their own (1-200)\n"
    "  --days D          how long each lives (7); the last 20 hours are calm\n"
    "  --jobs J          at once (one a processor)\n"
    "  --trace           print every line of the story\n"
    "  --stop-at HOURS   of simulated time\n"
    "  --without KINDS   faults that never come, comma-separated: see simulator/faults.c (" SIMULATED_WITHOUT
    ")\n";

static const struct option options[] = {
    {"seed", required_argument, NULL, 's'},
    {"seeds", required_argument, NULL, 'r'},
    {"days", required_argument, NULL, 'd'},
    {"jobs", required_argument, NULL, 'j'},
    {"trace", no_argument, NULL, 't'},
    {"stop-at", required_argument, NULL, 'p'},
    {"without", required_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool read_range(const char *text, struct seeds *seeds)
{
    char *end;
    seeds->from = strtoull(text, &end, 10);
    seeds->to = *end == '-' ? strtoull(end + 1, &end, 10) : seeds->from;
    return *end == '\0' && seeds->to >= seeds->from;
}

static bool take_option(int option, struct seeds *seeds, bool *one)
{
    switch (option) {
    case 's':
        *one = true;
        seeds->options.seed = strtoull(optarg, NULL, 10);
        return true;
    case 'r':
        return read_range(optarg, seeds);
    case 'd':
        seeds->options.days = strtoll(optarg, NULL, 10);
        return seeds->options.days >= 2;
    case 'j':
        seeds->jobs = atoi(optarg);
        return seeds->jobs >= 1;
    case 't':
        seeds->options.prints = true;
        return true;
    case 'p':
        seeds->options.stop_ms = (int64_t)(strtod(optarg, NULL) * HOUR_MS);
        return true;
    case 'w':
        seeds->options.without = optarg;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct seeds seeds = {.from = 1,
                          .to = 200,
                          .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN),
                          .options = {.days = 7, .without = SIMULATED_WITHOUT}};
    bool one = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(option, &seeds, &one)) {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    if (one)
        return seed_run(&seeds.options, true) ? 0 : 1;
    return seeds_run(&seeds) > 0 ? 1 : 0;
}
