/* Scheduled events: what an operator of the region announces for an instance and what is then done to it at
 * its time, as EC2 does when a host is to be maintained or retired. They are shown by DescribeInstanceStatus
 * (eventsSet) and by the metadata service (meta-data/events/maintenance), and stay in the record when they
 * are over. Also the other thing an operator can do to an instance: let the computer under it break.
 *
 * The functions that take a region take its lock themselves. */
#ifndef LOCALAWS_EC2_EVENT_H
#define LOCALAWS_EC2_EVENT_H

#include "localaws/ec2/ec2.h"

/* `code` is EC2's: instance-reboot and system-reboot (it is rebooted), instance-stop (stopped),
 * instance-retirement (stopped, as every root device here is an EBS volume), system-maintenance (nothing is
 * done). Carried out at `not_before_ms`, or at once when that has passed. `description` NULL: EC2's words.
 * ERROR_NOT_FOUND, ERROR_INVALID (the code), ERROR_CONFLICT (the instance is terminated, or has too many). */
int ec2_schedule_event(struct region *region, const char *instance_id, const char *code,
                       int64_t not_before_ms, const char *description, struct error *err);
/* Ends an active event without doing anything; `event_id` NULL: every active one of the instance. It is shown
 * as canceled or completed from then on. ERROR_NOT_FOUND when there is none. */
int ec2_cancel_event(struct region *region, const char *instance_id, const char *event_id, struct error *err);
int ec2_complete_event(struct region *region, const char *instance_id, const char *event_id,
                       struct error *err);

/* The computer under the instance breaks: its processes end at once, without notice. It is then terminated
 * with Server.InternalError, or stopped with Server.ScheduledStop (its volumes outlive the computer).
 * ERROR_NOT_FOUND, ERROR_CONFLICT when it is neither pending nor running. */
enum instance_breakage { INSTANCE_LOST, INSTANCE_HALTED };
int ec2_break_instance(struct region *region, const char *instance_id, enum instance_breakage breakage,
                       struct error *err);

/* Below here: for ec2/, under the region's lock. */

struct instance_event {
    char *id, *code, *description, *state; /* state: active, completed or canceled */
    int64_t not_before_ms, not_after_ms;   /* not_after 0: open */
};
extern const struct record instance_event_record;
enum { EVENTS_MOST = 32 };

/* The filters event.code, event.description, ... of DescribeInstanceStatus. */
bool filter_event_code(const struct resource *resource, const struct wanted *wanted);
bool filter_event_description(const struct resource *resource, const struct wanted *wanted);
bool filter_event_id(const struct resource *resource, const struct wanted *wanted);
bool filter_event_not_before(const struct resource *resource, const struct wanted *wanted);
bool filter_event_not_after(const struct resource *resource, const struct wanted *wanted);
bool filter_system_status(const struct resource *resource, const struct wanted *wanted);
bool filter_instance_status(const struct resource *resource, const struct wanted *wanted);
/* As the metadata service shows them: JSON, the active ones or those that are over. */
char *events_json(struct arena *arena, const struct instance *instance, bool active);
/* What a stopped, terminated or rebooted instance was to go through is behind it. */
void events_fulfilled(struct instance *instance, bool by_reboot);

/* Carries out what is due; gives the time (ms since the epoch) of the next, or INT64_MAX. */
int64_t events_carry_out(struct region *region, int64_t now_ms);

#endif
