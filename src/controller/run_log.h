/* A run's log: bounded, numbered from 1, shown to the tenant. */
#ifndef CONTROLLER_RUN_LOG_H
#define CONTROLLER_RUN_LOG_H

#include "controller/records.h"

/* In the arena. When the log is full the oldest entries go. */
void run_log_add(struct arena *arena, struct run *run, enum run_step step, const char *type, int64_t at_ms,
                 const char *message);
/* Copies a zone's log ([{`time_member`, level, message}]) from where the last copy ended. */
void run_log_copy(struct arena *arena, struct run *run, enum run_step step, json_t *log, const char *time_member);

/* The run as Vespa shows it: active, status, log (entries after `after`), lastId, steps. A new reference. */
json_t *run_view(const struct run *run, int64_t after);
/* As listed among the job's runs; `url` is the run's. */
json_t *run_summary(const struct run *run, const char *url);

#endif
