/* What a simulated host asks of a config server: the calls of src/zone/host_spec.h, made to the functions
 * behind the routes. Each fails as a request would: ERROR_UNAVAILABLE when the server is gone or its answer
 * is lost. */
#ifndef SIMULATOR_HOST_LINK_H
#define SIMULATOR_HOST_LINK_H

#include "configserver/simulator/server.h"
#include "zone/host_spec.h"

int host_link_publish_key(struct process *process, const struct sim_instance *instance, const char *key,
                          struct error *err);
int host_link_ready(struct process *process, const struct sim_instance *instance, const char *key,
                    struct error *err);
int host_link_heartbeat(struct process *process, const struct sim_instance *instance, const char *key,
                        struct error *err);
/* In the arena, and of the view, which is to be released after it. */
int host_link_spec(struct process *process, const struct sim_instance *instance, const char *key,
                   struct arena *arena, const struct view **view, struct host_spec *spec, struct error *err);
/* May it, or its node, be down now; it is back. */
int host_link_suspend(struct process *process, const struct sim_instance *instance, const char *key,
                      const char *hostname, struct error *err);
int host_link_resume(struct process *process, const struct sim_instance *instance, const char *key,
                     const char *hostname, struct error *err);
/* Of the host itself or of its node, by hostname. */
int host_link_report(struct process *process, const struct sim_instance *instance, const char *key,
                     const char *hostname, const struct node_report *report, struct error *err);

#endif
