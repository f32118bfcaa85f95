/* What each kind of fault does when it strikes; the table of kinds is in faults.c. */
#ifndef SIMULATOR_FAULTS_STRIKES_H
#define SIMULATOR_FAULTS_STRIKES_H

#include "configserver/simulator/faults.h"

enum { FAULT_KINDS_MOST = 32 };

struct faults {
    struct world *world;
    struct chance chance;
    bool has[FAULT_KINDS_MOST];
    int64_t focus; /* the kind that strikes much more often than usual; -1: none */
};

typedef void strike(struct faults *faults);
strike kill_server, kill_often, depose_leader, freeze_server, lose_writes, lose_store; /* faults_servers.c */
strike cut_account, throttle_account, lose_answers, lack_types, lack_zone, disable_key,
    take_down; /* faults_accounts.c */
strike end_instance, stop_instance, cut_host, cut_hosts, hang_host, break_service, fail_hard, announce_event,
    maintain_host, command_host, delete_balancer, drop_targets; /* faults_hosts.c */

#endif
