/* What the files hosts_*.c share: hosts as instances in a tenant's account. A host's instance is known by its
 * id once that is written down, and until then by the token and index of its launch, which are written down
 * before the cloud is asked. Private to these files. */
#ifndef CONFIGSERVER_HOSTS_H
#define CONFIGSERVER_HOSTS_H

#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"

enum { WRITES_MOST = 100 }; /* records changed by one transaction: its size in the store has a limit */

/* Hosts to be launched by one call. All is in the pass's arena. */
struct batch {
    const char *token;
    const char **hostnames; /* by launch index; NULL where the host is forgotten */
    size_t count;
    const char *application, *tenant, *cluster, *type, *availability_zone;
    int disk_gb;
    int64_t refusals;
    bool whole; /* no hostname is missing */
};

/* hosts_batch.c: the next hosts of a cluster to be launched together, written down as such; those of a launch
 * whose outcome is unknown come first. 1: there are some, 0: none now, -1: not written. At most `room`. */
int batch_take(struct account_pass *pass, const struct place *place, const char *application,
               const char *cluster, size_t room, struct batch *batch, struct error *err);

/* hosts_outcome.c: what became of it. Instances are by launch index, without an id where there is none. */
int batch_launched(struct account_pass *pass, const struct batch *batch, const struct instance *instances,
                   struct error *err);
/* Where there was no capacity the next type or zone will be tried; told to the application. */
int batch_refused(struct account_pass *pass, const struct place *place, const struct batch *batch,
                  const struct error *refusal, struct error *err);
/* `over`: it was not launched for sure, and will be another launch. */
int batch_troubled(struct account_pass *pass, const struct batch *batch, const struct error *trouble,
                   bool over, struct error *err);

/* hosts_watch.c */
int list_instances(struct account_pass *pass, struct instance **instances, size_t *count, struct error *err);
/* Takes what is known of an instance into the host it was launched for; false when it is no news. */
bool host_take_instance(struct account_pass *pass, struct transaction *transaction, struct host *host,
                        const struct instance *instance);
bool is_instance_of(const struct host *host, const struct instance *instance);

#endif
