/* The cloud of a simulated world: accounts with instances and load balancers, as AWS has them. Launches are
 * idempotent by their token and refused when its parameters differ; lists lag behind; calls take their time,
 * are throttled by a bucket for each account, and may lose their answer after they had their effect. The
 * faults of faults.c switch its troubles on and off. */
#ifndef SIMULATOR_REGION_H
#define SIMULATOR_REGION_H

#include "configserver/cloud/cloud.h"
#include "configserver/simulator/world.h"

enum { REGION_ACCOUNTS = 4, REGION_ZONES = 3, TARGETS_MOST = 64 };

/* Time in which nothing is wrong for an account: what must become right within some time must do so within as
 * much of this. */
struct good_time {
    int troubles; /* that hold now */
    int64_t total_ms;
    int64_t since_ms; /* good since; meaningless while troubles hold */
};

struct sim_account {
    char id[16], tenant[16], external_id[32];
    bool spared; /* never has troubles of its own */
    bool set_up; /* its Terraform was applied */
    /* troubles */
    bool unreachable, throttled, key_disabled;
    double loses;                      /* probability that an answer is lost */
    unsigned lacks_types, lacks_zones; /* bits of region_types, of zones */
    double bucket;
    int64_t bucket_ms;
    struct good_time good;
    /* counted */
    int64_t calls, changes, launched;
    int64_t asked;   /* nodes that deployments asked for */
    int64_t excused; /* troubles, each of which may cost launches */
};

struct machine;
struct sim_instance {
    struct sim_instance *next;
    struct sim_account *account;
    char id[24], hostname[128], type[32], zone[16], token[80], owner[64], application[48];
    bool named;          /* has its hostname as a tag */
    uint64_t parameters; /* hash of what the token stands for */
    int64_t launch_index, launched_ms, visible_ms, ended_ms;
    enum instance_state state;
    char address[2][48];
    const char *reason; /* why it ended */
    const char *event;  /* announced: an event's code */
    int64_t event_at_ms;
    struct machine *machine;  /* what runs on it */
    int64_t drains_since_ms;  /* its host is to archive its logs; 0: not yet */
    int64_t retired_since_ms; /* its node is content, active and retired; 0: it is not */
    bool counted;             /* its node was active and served when something was written last */
    char place[112];          /* then: its node's application and cluster */
};

struct sim_target {
    char address[48];
    int64_t since_ms; /* registered, or its node serves again */
};

struct sim_balancer {
    struct sim_balancer *next;
    struct sim_account *account;
    char name[40], owner[64];
    int incarnation; /* how often it was made */
    bool exists, group_exists;
    bool is_public, is_private; /* as it was made */
    uint64_t allowed;           /* hash of who may connect */
    struct sim_target targets[TARGETS_MOST];
    size_t target_count;
    int64_t made_ms;
};

struct region {
    struct world *world;
    struct chance chance;
    struct sim_account accounts[REGION_ACCOUNTS];
    size_t account_count;
    struct sim_instance *instances, **instances_end; /* in the order of launch; long ended ones are dropped */
    int64_t instance_count;                          /* ever */
    struct sim_balancer *balancers;
    int64_t endpoint_ms; /* until a balancer's name resolves */
};

struct region *region_new(struct world *world);
void region_free(struct region **region);
extern const char *const region_types[]; /* instance types it may lack */
extern const char *const region_zones[REGION_ZONES];

struct sim_account *region_account(struct region *region, const char *id);
struct sim_instance *region_instance(struct region *region, const char *id);
struct sim_instance *region_instance_at(struct region *region, const char *address); /* its node's */
struct sim_balancer *region_balancer(struct region *region, const char *account, const char *name);
void region_end_instance(struct region *region, struct sim_instance *instance, const char *reason);
void region_forget_ended(struct region *region); /* an hour after their end they are in no list */
bool region_balancer_is_as(const struct sim_balancer *balancer, const struct endpoint_settings *settings);
bool region_target_healthy(const struct region *region, const struct sim_target *target);

/* A trouble of the account begins, ends. */
void good_time_stop(struct world *world, struct sim_account *account);
void good_time_go(struct world *world, struct sim_account *account);
int64_t good_time(const struct world *world, const struct sim_account *account);

/* The cloud as one process sees it: its calls fail without effect once it is dead. */
struct process;
struct cloud region_cloud(struct process *process);

/* One call of a process; between begin and end it has its effect. */
struct region_call {
    struct process *process;
    struct region *region;
    struct sim_account *account;
    const char *name;
    bool changes; /* has an effect */
};
int region_call_begin(struct region_call *call, struct process *process, const struct account *account,
                      const char *name, bool changes, struct error *err);
int region_call_end(struct region_call *call, struct error *err);

/* The calls, by their file. */
int region_find_place(void *context, const struct account *account, struct arena *arena, struct place *place,
                      struct error *err);
int region_launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err);
int region_list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err);
int region_name_instance(void *context, const struct account *account, const char *instance_id,
                         const char *hostname, struct error *err);
int region_terminate(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err);
int region_events(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **events, size_t *count, struct error *err);
int region_make_balancer(void *context, const struct account *account, const struct place *place,
                         const struct balancer_plan *plan, struct arena *arena, struct balancer *balancer,
                         struct error *err);
int region_list_balancers(void *context, const struct account *account, const char *owner,
                          struct arena *arena, struct balancer **balancers, size_t *count, struct error *err);
int region_targets(void *context, const struct account *account, const char *group_arn, struct arena *arena,
                   struct balancer_target **targets, size_t *count, struct error *err);
int region_change_targets(void *context, const struct account *account, const char *group_arn,
                          const char *const *added, size_t added_count, const char *const *removed,
                          size_t removed_count, struct error *err);
int region_remove_balancer(void *context, const struct account *account, const char *name, bool *gone,
                           struct error *err);
int region_name_resolves(void *context, const char *name, bool *resolves, struct error *err);

#endif
