/* Reading and writing the controller's records. What reads to write again holds the controller's lock throughout. */
#ifndef CONTROLLER_STATE_H
#define CONTROLLER_STATE_H

#include "controller/controller.h"
#include "controller/records.h"

int state_prepare(struct store *store, struct error *err); /* makes the tree's branches */

/* ERROR_NOT_FOUND when there is none of that name. */
int tenant_load(struct controller *controller, struct arena *arena, const char *name, struct tenant *tenant,
                struct error *err);
int tenant_create(struct controller *controller, struct arena *arena, const struct tenant *tenant, struct error *err);
int tenant_save(struct controller *controller, struct arena *arena, const struct tenant *tenant, struct error *err);
int tenant_names(struct controller *controller, struct arena *arena, char ***names, size_t *count, struct error *err);

/* The tenant an account is registered to; NULL when none. */
int account_owner(struct controller *controller, struct arena *arena, const char *account, const char **tenant,
                  struct error *err);
/* Account and tenant in one transaction. */
int account_register(struct controller *controller, struct arena *arena, const char *tenant, const char *account,
                     struct error *err);

/* The name of a deployment in the store: "tenant:application:instance:zone". */
char *deployment_name(struct arena *arena, const struct deployment *deployment);
int deployment_load(struct controller *controller, struct arena *arena, const char *name,
                    struct deployment *deployment, struct error *err);
/* Those whose name begins with `prefix`. */
int deployment_names(struct controller *controller, struct arena *arena, const char *prefix, char ***names,
                     size_t *count, struct error *err);
/* Marks it to be gone; the runner sees to it. */
int deployment_mark_deleting(struct controller *controller, struct arena *arena, struct deployment *deployment,
                             struct error *err);
int deployment_forget(struct controller *controller, const char *name, struct error *err);

/* Numbers `run` and writes it with its deployment, unfinished, in one transaction. */
int run_create(struct controller *controller, struct arena *arena, struct deployment *deployment, struct run *run,
               struct error *err);
int run_load(struct controller *controller, struct arena *arena, const char *deployment, int64_t number,
             struct run *run, struct error *err);
int run_save(struct controller *controller, struct arena *arena, const char *deployment, const struct run *run,
             struct error *err);
int run_numbers(struct controller *controller, struct arena *arena, const char *deployment, int64_t **numbers,
                size_t *count, struct error *err); /* rising */
/* The next run's number, for what has to be there before the run is. */
int run_next_number(struct controller *controller, struct arena *arena, const char *deployment, int64_t *number,
                    struct error *err);

int unfinished_names(struct controller *controller, struct arena *arena, char ***names, size_t *count,
                     struct error *err);
int unfinished_clear(struct controller *controller, const char *name, struct error *err);

#endif
