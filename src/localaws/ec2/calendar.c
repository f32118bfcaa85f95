#include "localaws/ec2/calendar.h"

#include "base/clock.h"
#include "localaws/ec2/event.h"
#include "localaws/ec2/instance.h"

#include <time.h>

enum { LONGEST_SLEEP_MS = 60 * 1000, SHORTEST_SLEEP_MS = 5 };

struct calendar {
    pthread_t thread;
    pthread_mutex_t lock; /* protects the two below; taken inside the region's lock, never around it */
    pthread_cond_t woken;
    bool changed, stopping;
};

/* Everything that is due; how long nothing will be, in ms. */
static int64_t do_what_is_due(struct region *region)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    int64_t now_ms = clock_now_ms(), next_ms = events_carry_out(locked, now_ms);
    for (struct account *account = locked->accounts; account; account = account->next) {
        instances_forget_old(locked, account);
        nat_gateways_forget_old(locked, account);
    }
    int64_t wait_ms = next_ms - clock_now_ms();
    return wait_ms > LONGEST_SLEEP_MS    ? LONGEST_SLEEP_MS
           : wait_ms < SHORTEST_SLEEP_MS ? SHORTEST_SLEEP_MS
                                         : wait_ms;
}

/* False when it is time to end. */
static bool sleep_for(struct calendar *calendar, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&calendar->lock);
    while (!calendar->changed && !calendar->stopping &&
           pthread_cond_timedwait(&calendar->woken, &calendar->lock, &until) == 0)
        ;
    calendar->changed = false;
    bool more = !calendar->stopping;
    pthread_mutex_unlock(&calendar->lock);
    return more;
}

static void *keep_time(void *context)
{
    struct region *region = context;
    pthread_setname_np(pthread_self(), "calendar");
    do {
        kms_carry_out(region);
        s3_carry_out(region);
    } while (sleep_for(region->calendar, do_what_is_due(region)));
    return NULL;
}

int calendar_start(struct region *region, struct error *err)
{
    struct calendar *calendar = memory_alloc(sizeof *calendar);
    pthread_mutex_init(&calendar->lock, NULL);
    pthread_cond_init(&calendar->woken, NULL);
    region->calendar = calendar;
    if (pthread_create(&calendar->thread, NULL, keep_time, region) == 0)
        return 0;
    region->calendar = NULL;
    free(calendar);
    return error_set(err, ERROR_UNAVAILABLE, "no thread for the region's calendar");
}

static void wake(struct calendar *calendar, bool stopping)
{
    pthread_mutex_lock(&calendar->lock);
    calendar->changed = true;
    calendar->stopping |= stopping;
    pthread_cond_signal(&calendar->woken);
    pthread_mutex_unlock(&calendar->lock);
}

void calendar_changed(struct region *region)
{
    if (region->calendar)
        wake(region->calendar, false);
}

void calendar_stop(struct region *region)
{
    struct calendar *calendar = region->calendar;
    if (!calendar)
        return;
    wake(calendar, true);
    pthread_join(calendar->thread, NULL);
    region->calendar = NULL;
    pthread_mutex_destroy(&calendar->lock);
    pthread_cond_destroy(&calendar->woken);
    free(calendar);
}
