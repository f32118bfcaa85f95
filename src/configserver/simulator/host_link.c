#include "configserver/simulator/host_link.h"

#include "base/text.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/hosts/spec.h"
#include "configserver/hosts/suspension.h"

#include <string.h>

/* What the route table asks of every call: a host we launched and have not given up, by its instance. */
static const struct host *caller(struct process *process, const struct view *view,
                                 const struct sim_instance *instance, struct error *err)
{
    const struct host *host = view_host_of_instance(view, instance->id);
    if (process->dead)
        error_set(err, ERROR_UNAVAILABLE, "the server is gone");
    else if (!host || host->state == HOST_WANTED || host->state >= HOST_TERMINATING ||
             !text_equal(host->hostname, instance->hostname))
        error_set(err, ERROR_FORBIDDEN, "no host of this zone");
    else
        return host;
    return NULL;
}

/* The tunnel lets in whom its peers name. */
static int check_tunnel(const struct process *process, const char *key, struct error *err)
{
    for (size_t i = 0; i < process->key_count; i++)
        if (text_equal(process->keys[i], key))
            return 0;
    return error_set(err, ERROR_UNAVAILABLE, "no answer through the tunnel");
}

/* Who calls through the tunnel, and by that is heard. */
static const struct host *heard(struct process *process, const struct view *view,
                                const struct sim_instance *instance, const char *key, struct error *err)
{
    const struct host *host = caller(process, view, instance, err);
    if (!host || check_tunnel(process, key, err) < 0)
        return NULL;
    host_heard(process->zone, host->hostname);
    return host;
}

/* A change that a dying server made may have been written; its caller does not know. */
static int answer(struct process *process, int result, struct error *err)
{
    if (!process->dead)
        driver_ring(process); /* hearing it may have made something due */
    return process->dead ? error_set(err, ERROR_UNAVAILABLE, "the answer is lost") : result;
}

int host_link_publish_key(struct process *process, const struct sim_instance *instance, const char *key,
                          struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = caller(process, view, instance, err);
    if (!host)
        return -1;
    return answer(process, host_admit_key(process->zone, host->hostname, key, err), err);
}

int host_link_ready(struct process *process, const struct sim_instance *instance, const char *key,
                    struct error *err)
{
    enum host_state state;
    VIEW(view, process->zone->repository);
    const struct host *host = caller(process, view, instance, err);
    if (!host || check_tunnel(process, key, err) < 0)
        return -1;
    return answer(process, host_ready(process->zone, host->hostname, &state, err), err);
}

int host_link_heartbeat(struct process *process, const struct sim_instance *instance, const char *key,
                        struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = heard(process, view, instance, key, err);
    if (!host)
        return -1;
    return 0;
}

int host_link_spec(struct process *process, const struct sim_instance *instance, const char *key,
                   struct arena *arena, const struct view **view, struct host_spec *spec, struct error *err)
{
    int64_t sequence = repository_sequence(process->zone->repository); /* not newer than the view */
    *view = repository_view(process->zone->repository);
    const struct host *host = heard(process, *view, instance, key, err);
    if (!host)
        return -1;
    spec_make(process->zone, *view, host, arena, spec);
    spec->sequence = sequence;
    return 0;
}

int host_link_suspend(struct process *process, const struct sim_instance *instance, const char *key,
                      const char *hostname, struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = heard(process, view, instance, key, err);
    if (!host)
        return -1;
    return answer(process, suspend(process->zone, &hostname, 1, AGENT_HOST, err), err);
}

int host_link_resume(struct process *process, const struct sim_instance *instance, const char *key,
                     const char *hostname, struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = heard(process, view, instance, key, err);
    if (!host)
        return -1;
    return answer(process, resume(process->zone, hostname, AGENT_HOST, err), err);
}

int host_link_report(struct process *process, const struct sim_instance *instance, const char *key,
                     const char *hostname, const struct node_report *report, struct error *err)
{
    VIEW(view, process->zone->repository);
    const struct host *host = caller(process, view, instance, err);
    if (!host || check_tunnel(process, key, err) < 0)
        return -1;
    int result = text_equal(hostname, host->hostname) ? host_report(process->zone, hostname, report, err)
                                                      : node_report(process->zone, hostname, report, err);
    return answer(process, result, err);
}
