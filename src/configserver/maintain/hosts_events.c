/* What AWS announces of instances, and what becomes of their hosts. A machine that AWS will stop or take away
 * is replaced first. One that AWS will only reboot, or whose network it will work on, comes back by itself:
 * it is suspended when its time is near, so that nobody replaces it for the minutes it is away. One that
 * fails AWS's status checks is replaced; before it ever came to us it is given up at once, as it never will.
 * A wish ends with what announced it. */
#include "base/clock.h"
#include "base/text.h"
#include "configserver/maintain/hosts.h"

#include <string.h>

/* How wishes of ours begin, so that they are told from an operator's. */
#define ANNOUNCED "AWS announces: "
#define IMPAIRED  "AWS finds it impaired: "

typedef void heed_event(struct account_pass *pass, struct transaction *transaction, const struct host *host,
                        const struct instance_event *event);

static void write_wish(struct account_pass *pass, struct transaction *transaction, const struct host *host,
                       enum host_event wish, const char *reason)
{
    struct host next = *host;
    const struct cause cause = zone_cause(pass->zone, transaction, AGENT_CLOUD, "%s", reason);
    if (host_apply(&next, wish, &cause, NULL) < 0)
        return;
    if (wish == HOST_LOST)
        next.trouble = cause.reason;
    transaction_put(transaction, RECORD_HOST, &next);
    static const char *const told[] = {
        [HOST_LOST] = "launching another instance",
        [HOST_WISH_RETIRE] = "replacing it",
        [HOST_SUSPEND] = "it will be back",
    };
    application_tell(pass->zone, transaction, host->application, "warning", "Host %s (%s): %s; %s",
                     host->hostname, host->instance_id, cause.reason, told[wish]);
}

static char *explain(struct transaction *transaction, const struct instance_event *event)
{
    struct arena *arena = transaction_arena(transaction);
    const char *when = event->not_before_ms
                           ? arena_format(arena, " from %s on", clock_rfc3339(arena, event->not_before_ms))
                           : "";
    return arena_format(arena, ANNOUNCED "%s%s: %s", event->code, when, event->description);
}

static void replace(struct account_pass *pass, struct transaction *transaction, const struct host *host,
                    const struct instance_event *event)
{
    if (!host->want_to_retire && !host->want_to_fail)
        write_wish(pass, transaction, host, HOST_WISH_RETIRE, explain(transaction, event));
}

static void bear(struct account_pass *pass, struct transaction *transaction, const struct host *host,
                 const struct instance_event *event)
{
    if (!host->suspended_since &&
        event->not_before_ms - zone_now_ms(pass->zone) < pass->zone->limits->event_near)
        write_wish(pass, transaction, host, HOST_SUSPEND, explain(transaction, event));
}

static bool may_replace_impaired(struct account_pass *pass, struct transaction *transaction)
{
    int64_t wished = 0;
    view_each_of(transaction_view(transaction), HOSTS_OF_ACCOUNT, pass->account->id, struct host, host)
        wished += host->want_to_retire && host->wish_reason && text_starts(host->wish_reason, IMPAIRED);
    return wished < pass->zone->limits->wishes_for_impaired;
}

static void replace_impaired(struct account_pass *pass, struct transaction *transaction,
                             const struct host *host, const struct instance_event *event)
{
    const char *reason = arena_format(transaction_arena(transaction), IMPAIRED "%s", event->description);
    if (host->state == HOST_PROVISIONED)
        write_wish(pass, transaction, host, HOST_LOST, reason);
    else if (!host->want_to_retire && !host->want_to_fail && may_replace_impaired(pass, transaction))
        write_wish(pass, transaction, host, HOST_WISH_RETIRE, reason);
}

/* Source: EC2 User Guide, "Scheduled events for your instances". */
static const struct {
    const char *code;
    heed_event *heed;
} codes[] = {
    {"instance-retirement", replace}, {"instance-stop", replace},   {"instance-reboot", bear},
    {"system-reboot", bear},          {"system-maintenance", bear}, {"impaired", replace_impaired},
};

static void heed(struct account_pass *pass, struct transaction *transaction,
                 const struct instance_event *event)
{
    const struct host *host = view_of(transaction_view(transaction), HOST_OF_INSTANCE, event->instance_id, 0);
    if (!host || !text_equal(host->account, pass->account->id)) /* another program's in this account */
        return;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (text_equal(codes[i].code, event->code))
            codes[i].heed(pass, transaction, host, event);
}

static bool is_announced(const struct instance_event *events, size_t count, const struct host *host)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(events[i].instance_id, host->instance_id))
            return true;
    return false;
}

static bool has_wish_of_ours(const struct host *host)
{
    return host->want_to_retire && !host->want_to_fail && host->wish_reason &&
           (text_starts(host->wish_reason, ANNOUNCED) || text_starts(host->wish_reason, IMPAIRED));
}

/* Its last suspension was for an event, not asked for by the host. */
static bool is_suspended_by_us(const struct host *host)
{
    for (size_t i = host->history_count; host->suspended_since && i > 0; i--)
        if (text_equal(host->history[i - 1].event, "suspended"))
            return text_equal(host->history[i - 1].agent, agent_names[AGENT_CLOUD]);
    return false;
}

static bool is_over(const struct instance_event *events, size_t count, const struct host *host)
{
    return (has_wish_of_ours(host) || is_suspended_by_us(host)) && !is_announced(events, count, host);
}

static void end_wish(struct account_pass *pass, struct transaction *transaction, const struct host *host)
{
    struct host next = *host;
    const struct cause cause =
        zone_cause(pass->zone, transaction, AGENT_CLOUD, "AWS announces nothing of it any more");
    enum host_event end = has_wish_of_ours(host) ? HOST_UNWISH : HOST_RESUME;
    if (host_apply(&next, end, &cause, NULL) < 0)
        return;
    transaction_put(transaction, RECORD_HOST, &next);
    application_tell(pass->zone, transaction, host->application, "info", "Host %s: %s", host->hostname,
                     cause.reason);
}

/* Most of the time there is nothing to write. */
static bool is_any_news(const struct account_pass *pass, const struct view *view,
                        const struct instance_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_of(view, HOST_OF_INSTANCE, events[i].instance_id, 0))
            return true;
    view_each_of(view, HOSTS_OF_ACCOUNT, pass->account->id, struct host, host)
        if (is_over(events, count, host))
            return true;
    return false;
}

int watch_events(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    const struct cloud *cloud = pass->zone->cloud;
    struct instance_event *events;
    size_t count, ended = 0;
    if (cloud->events(cloud->context, pass->account, zone_counters(view)->repository_id, pass->arena, &events,
                      &count, err) < 0)
        return -1;
    if (!is_any_news(pass, view, events, count))
        return 0;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    for (size_t i = 0; i < count && i < WRITES_MOST; i++)
        heed(pass, transaction, &events[i]);
    view_each_of(transaction_view(transaction), HOSTS_OF_ACCOUNT, pass->account->id, struct host, host)
        if (ended < WRITES_MOST && is_over(events, count, host)) {
            end_wish(pass, transaction, host);
            ended++;
        }
    return transaction_commit(&transaction, err);
}

/* A host that boots may be one that never will. */
bool events_to_watch(const struct view *view, const char *account, int64_t now_ms)
{
    enum { BOOTS_USUALLY_MS = 20 * 1000 };
    view_each_of(view, HOSTS_OF_ACCOUNT, account, struct host, host)
        if (host->state == HOST_PROVISIONED && now_ms - host->state_since > BOOTS_USUALLY_MS)
            return true;
    return false;
}
