#include "configserver/simulator/seeds.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "configserver/simulator/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES_SHOWN = 60, LOG_SHOWN = 12, JOBS_MOST = 64, HANGS_AFTER_S = 1200 };

static struct world *running; /* for whoever dies in the middle of it */

static void show_host(const struct view *view, const struct host *host)
{
    const struct node *node = view_of(view, NODE_OF_HOST, host->hostname, 0);
    printf("  %-12.*s %-14s %s%s%s%s%s", (int)strcspn(host->hostname, "."), host->hostname,
           host_state_names[host->state], host->instance_id ? host->instance_id : "-",
           host->want_to_retire ? " to retire" : "", host->want_to_fail ? " to fail" : "",
           host->down_since ? " silent" : "", host->suspended_since ? " suspended" : "");
    if (node)
        printf("; %s/%lld.%lld %s %s%s%s%s%s%s", node->cluster, (long long)node->group,
               (long long)node->index, node_state_names[node->state],
               node->service_status ? node->service_status : "-", node->retired ? " retired" : "",
               node->down_since ? " down" : "", node->data_moved ? " moved" : "",
               node->suspended_since ? " may be down" : "",
               text_equal(node->image, node->current_image) ? "" : " of another image");
    printf("%s%s\n", host->wish_reason ? "; " : "", host->wish_reason ? host->wish_reason : "");
}

static void show_application(const struct world *world, const struct view *view,
                             const struct application *application)
{
    char time[32];
    printf("%s, generation %lld, converged %lld%s:", application->id, (long long)application->generation,
           (long long)application->converged_generation, application->deleting ? ", deleting" : "");
    for (size_t i = 0; i < application->cluster_count; i++)
        printf(" %s x%lld", application->clusters[i].id, (long long)application->clusters[i].count);
    printf("\n");
    view_each_of(view, HOSTS_OF_APPLICATION, application->id, struct host, host)
        show_host(view, host);
    view_each_of(view, LOAD_BALANCERS_OF_APPLICATION, application->id, struct load_balancer, balancer)
        printf("  balancer %s %s, %lld healthy%s%s%s\n", balancer->cluster,
               load_balancer_state_names[balancer->state], (long long)balancer->healthy,
               balancer->announced ? ", announced" : "", balancer->trouble ? ": " : "",
               balancer->trouble ? balancer->trouble : "");
    for (size_t i = application->log_count > LOG_SHOWN ? application->log_count - LOG_SHOWN : 0;
         i < application->log_count; i++) {
        trace_time(&world->trace, application->log[i].at, time);
        printf("  %s %s: %s\n", time, application->log[i].level, application->log[i].message);
    }
}

static void show_records(struct world *world)
{
    const struct process *leader = servers_leader(world);
    if (!leader)
        return;
    VIEW(view, leader->zone->repository);
    view_each(view, RECORD_APPLICATION, struct application, application)
        show_application(world, view, application);
}

static void show_end(const struct world *world, const char *what)
{
    char time[32];
    trace_time(&world->trace, world_now(world), time);
    printf("--- seed %llu: the last of its story\n", (unsigned long long)world->seed);
    trace_print_last(&world->trace, LINES_SHOWN);
    printf("FAILED seed %llu at %s: %s\n", (unsigned long long)world->seed, time, what);
    printf("again: enclave-sim --seed %llu --days %lld --trace\n", (unsigned long long)world->seed,
           (long long)((world->calm_ms - world->started_ms) / DAY_MS + 1));
    fflush(stdout);
}

/* An assertion of the program under test, or a body that waits for itself. Nothing is safe here but nothing
 * else is to be done either. */
static void died(int number)
{
    signal(number, SIG_DFL);
    if (running)
        show_end(running,
                 number == SIGALRM ? "it hangs: a lock held across a call, or a loop" : strsignal(number));
    raise(number);
}

bool seed_run(const struct world_options *options, bool summary)
{
    static const int deaths[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM};
    struct world *world = running = world_new(options);
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++)
        signal(deaths[i], died);
    alarm(HANGS_AFTER_S);
    bool held = world_run(world);
    alarm(0);
    if (!held)
        show_records(world);
    if (!held)
        show_end(world, world->broken);
    if (summary) {
        int64_t launched = 0, calls = 0;
        for (size_t i = 0; i < world->region->account_count; i++) {
            launched += world->region->accounts[i].launched;
            calls += world->region->accounts[i].calls;
        }
        printf("seed %llu: %s, story %016llx of %llu lines, %lld deaths, %lld writes, %lld calls, %lld "
               "launches\n",
               (unsigned long long)world->seed, held ? "holds" : "FAILED",
               (unsigned long long)world->trace.hash, (unsigned long long)world->trace.count,
               (long long)world->servers->deaths, (long long)world->servers->writes, (long long)calls,
               (long long)launched);
    }
    running = NULL;
    world_free(&world);
    return held;
}

/* A process and the seed it runs; its output goes to a file, shown when it failed. */
struct job {
    pid_t pid;
    uint64_t seed;
    FILE *output;
};

static void start_job(const struct seeds *seeds, struct job *job, uint64_t seed)
{
    fflush(stdout);
    *job = (struct job){.seed = seed, .output = tmpfile()};
    if (!job->output || (job->pid = fork()) < 0) {
        perror("enclave-sim");
        exit(2);
    }
    if (job->pid > 0)
        return;
    struct world_options options = seeds->options;
    options.seed = seed;
    dup2(fileno(job->output), STDOUT_FILENO);
    dup2(fileno(job->output), STDERR_FILENO);
    bool held = seed_run(&options, false);
    fflush(stdout);
    _exit(held ? 0 : 1);
}

static void show_output(FILE *output)
{
    char line[1024];
    rewind(output);
    while (fgets(line, sizeof line, output))
        fputs(line, stdout);
    fflush(stdout);
}

static struct job *wait_for_job(struct job *jobs, int *status)
{
    pid_t ended = wait(status);
    for (size_t i = 0; i < JOBS_MOST; i++)
        if (jobs[i].pid == ended)
            return &jobs[i];
    return NULL;
}

static int end_job(struct job *jobs)
{
    int status;
    struct job *job = wait_for_job(jobs, &status);
    if (!job)
        return 0;
    bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (failed)
        show_output(job->output);
    fclose(job->output);
    job->pid = 0;
    return failed;
}

static struct job *free_job(struct job *jobs, int count)
{
    for (int i = 0; i < count; i++)
        if (jobs[i].pid == 0)
            return &jobs[i];
    return NULL;
}

int seeds_run(const struct seeds *seeds)
{
    struct job jobs[JOBS_MOST] = {0};
    int failed = 0, running_jobs = 0, most = seeds->jobs < JOBS_MOST ? seeds->jobs : JOBS_MOST;
    int64_t began = clock_monotonic_ms();
    uint64_t count = seeds->to - seeds->from + 1;
    for (uint64_t seed = seeds->from; seed <= seeds->to; seed++) {
        if (running_jobs == most) {
            failed += end_job(jobs);
            running_jobs--;
        }
        start_job(seeds, free_job(jobs, most), seed);
        running_jobs++;
        if ((seed - seeds->from + 1) % 100 == 0)
            printf("%llu of %llu seeds begun, %d failed, %lld s\n",
                   (unsigned long long)(seed - seeds->from + 1), (unsigned long long)count, failed,
                   (long long)(clock_monotonic_ms() - began) / 1000);
    }
    while (running_jobs-- > 0)
        failed += end_job(jobs);
    double seconds = (double)(clock_monotonic_ms() - began) / 1000;
    printf("%llu seeds of %lld days: %llu hold, %d failed, %.1f s, %.1f simulated days/s\n",
           (unsigned long long)count, (long long)seeds->options.days,
           (unsigned long long)(count - (uint64_t)failed), failed, seconds,
           (double)count * (double)seeds->options.days / (seconds > 0 ? seconds : 1));
    return failed;
}
