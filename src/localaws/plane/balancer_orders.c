/* The plane's side of load balancing. A load balancer's namespace comes before its network pass and its
 * sockets after it, so what is wanted waits here in between. */
#include "localaws/plane/balance.h"
#include "localaws/plane/namespace.h"

#include "base/log.h"
#include "base/text.h"

#include <fcntl.h>

/* The router sends what is answered to clients' addresses back here (reach.c), whichever way it came. Many
 * connections go to one target from one address: ports are used again at once. */
static const struct namespace_setting balancer_settings[] = {
    {"ipv4/conf/all/rp_filter", "0"},
    {"ipv4/conf/default/rp_filter", "0"},
    {"ipv4/tcp_tw_reuse", "1"},
    {"ipv4/ip_local_port_range", "1024 65535"},
    {NULL},
};

static void queue(struct plane *plane, struct order *order)
{
    *plane->last_balancer_order = order;
    plane->last_balancer_order = &order->next;
}

/* Whatever comes in by a link is for the load balancer, whatever address it is for. */
static const char takes_everything[] = "route add local 0.0.0.0/0 dev lo table 900\n"
                                       "route add local ::/0 dev lo table 900\n"
                                       "rule add pref 10 not iif lo lookup 900\n";

static int make_owner(struct plane *plane, const char *id, struct owner **owner, struct error *err)
{
    char short_form[16];
    short_name("lb-", id, short_form);
    cleanup(memory_free) char *name = memory_format("%s-%s", plane->label, short_form);
    cleanup(buffer_free) struct buffer commands = buffer_new(sizeof takes_everything);
    buffer_text(&commands, takes_everything);
    if (owner_add(plane, id, name, true, owner, err) < 0)
        return -1;
    if (namespace_set((*owner)->namespace, balancer_settings, err) < 0 ||
        namespace_ip((*owner)->namespace, &commands, err) < 0)
        return -1;
    return 0;
}

static struct owner *settle_owner(struct plane *plane, const char *id)
{
    struct owner *owner = owner_find(plane, id);
    struct error err = {0};
    if (owner || make_owner(plane, id, &owner, &err) == 0)
        return owner;
    log_error("load balancer not made", "balancer", id, "reason", err.message, NULL);
    owner_remove(plane, id);
    return NULL;
}

static void want(struct plane *plane, struct job *job, const char *id, const char *vpc_id, struct order order)
{
    struct owner *owner = settle_owner(plane, id);
    if (!owner)
        return;
    network_changed(plane, vpc_id);
    struct order *kept = memory_alloc(sizeof *kept);
    *kept = order;
    kept->arena = take(&job->arena);
    kept->namespace = fcntl(owner->namespace, F_DUPFD_CLOEXEC, 0);
    queue(plane, kept);
}

void balancer_want(struct plane *plane, struct job *job)
{
    const struct plane_balancer *wanted = job->wanted;
    want(plane, job, wanted->name, wanted->vpc_id, (struct order){.wanted = wanted});
}

void link_want(struct plane *plane, struct job *job)
{
    const struct plane_link *wanted = job->wanted;
    want(plane, job, wanted->id, wanted->vpc_id, (struct order){.link = wanted});
}

void balancer_unwant(struct plane *plane, struct job *job)
{
    struct order *order = memory_alloc(sizeof *order);
    order->remove = memory_strdup(job->wanted);
    order->namespace = -1;
    queue(plane, order);
    owner_remove(plane, job->wanted);
    for (struct network *network = plane->networks; network; network = network->next)
        for (struct link *link = network->links; link; link = link->next)
            network->changed |= text_equal(link->owner, job->wanted);
}

void balancing_apply(struct plane *plane)
{
    while (plane->balancer_orders) {
        struct order *order = plane->balancer_orders;
        plane->balancer_orders = order->next;
        order->next = NULL;
        balancing_give(plane->balancing, order);
    }
    plane->last_balancer_order = &plane->balancer_orders;
}

static const struct target *find_target(const struct balancing *balancing, const char *arn,
                                        const char *address, int port)
{
    for (const struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        for (size_t i = 0; i < balancer->group_count; i++)
            for (size_t j = 0; j < balancer->groups[i].target_count; j++) {
                const struct target *target = balancer->groups[i].targets[j];
                if (text_equal(balancer->groups[i].wanted->arn, arn) &&
                    text_equal(target->address, address) && target->port == port)
                    return target;
            }
    return NULL;
}

const char *plane_target_health(struct plane *plane, const char *group_arn, const char *address, int port)
{
    static const char *const names[] = {"initial", "healthy", "unhealthy"};
    struct balancing *balancing = plane->balancing;
    pthread_mutex_lock(&balancing->lock);
    const struct target *target = find_target(balancing, group_arn, address, port);
    const char *name = !target ? "unused" : target->draining_until_ms ? "draining" : names[target->health];
    pthread_mutex_unlock(&balancing->lock);
    return name;
}
