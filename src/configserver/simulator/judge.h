/* What must hold in a simulated world, whatever happens. Some of it holds at every moment (the rules of
 * records); the rest must become right within so much time in which nothing is wrong for its account. */
#ifndef SIMULATOR_JUDGE_H
#define SIMULATOR_JUDGE_H

#include "configserver/simulator/server.h"

struct judge;
struct judge *judge_new(struct world *world);
void judge_free(struct judge **judge);

/* judge_latency.c: an account without troubles is served at once, all the time. */
struct latency;
struct latency *latency_new(struct world *world);
void latency_free(struct latency **latency);

/* After something was written: the rules of the records. */
void judge_records(struct world *world);
/* Something is not as it shall be, and may stay so for `most_ms` of the account's good time; `format` names
 * it. To be said again in each round while it lasts. */
void judge_suffers(struct world *world, const struct sim_account *account, const char *invariant,
                   int64_t most_ms, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A call is about to end it. */
void judge_terminates(struct world *world, const struct sim_instance *instance);
/* Targets are about to be added and removed: none that never served, and not the last that is healthy. */
void judge_adds_target(struct world *world, const struct sim_balancer *balancer, const char *address);
void judge_removes_targets(struct world *world, const struct sim_balancer *balancer, size_t healthy_before);
/* A node that serves was just allowed to be down, by this process. */
void judge_suspends(struct world *world, struct process *process, const char *node);
/* The only one of its cluster may be down for its own new image. */
bool judge_may_interrupt(const struct view *view, const struct node *node);
/* After something was written: nobody was taken out who was the last to serve. */
void judge_serving(struct world *world, const struct process *leader, const struct view *view);

/* The rounds, by their file. */
struct round {
    struct world *world;
    struct process *leader;
    const struct view *view;
    const struct limits *limits;
};
void judge_instances(const struct round *round);
void judge_hosts(const struct round *round);
void judge_balancers(const struct round *round);
void judge_applications(const struct round *round);

#endif
