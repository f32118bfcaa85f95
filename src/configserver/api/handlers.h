/* The handlers behind the route table (routes.c), by the file they are in. Each finds its zone in the
 * server's context; who calls was decided before it runs. */
#ifndef CONFIGSERVER_HANDLERS_H
#define CONFIGSERVER_HANDLERS_H

#include "configserver/zone.h"
#include "net/http_server.h"

/* handle_host.c: a host, of itself */
http_handler issue_challenge, publish_key, set_ready, take_report, take_metrics;
/* handle_provider.c: zts */
http_handler confirm_instance, confirm_refresh;
/* handle_application.c: the controller */
http_handler prepare_and_activate, get_application, delete_application, check_account;
/* handle_maintenance.c: hosts and operators ask for suspension; what else operators want */
http_handler suspend_one, resume_one, suspend_many, get_suspension, set_state, command_nodes;
http_handler patch_node; /* a host's report or an operator's wish, by who sent it */
/* Operators, and the controller. handle_nodes.c: hosts and nodes */
http_handler list_nodes, get_node, list_states, list_in_state;
/* handle_overview.c: the zone as a whole */
http_handler list_applications, get_node_application, get_stats, get_wireguard;
/* handle_acl.c: who may reach them, and where their logs go */
http_handler get_acl, list_archives;
/* handle_reads.c */
http_handler list_load_balancers, get_metrics, get_health;

/* The caller's host; NULL when the caller is none of this zone's, or not any more. */
const struct host *calling_host(struct http_request *request, const struct view *view);

/* The config servers whose tunnel key is known; a host asks again for the others. handle_host.c */
struct wireguard_peers;
int list_config_servers(const struct zone *zone, struct arena *arena, struct wireguard_peers *peers,
                        struct error *err);

/* Reads the body as the record. */
int read_body(struct http_request *request, const struct record *record, void *object, struct error *err);
enum http_answer respond_record(struct http_request *request, const struct record *record,
                                const void *object);

/* The application's state, as GET answers it; handle_application.c, application_state.c. */
json_t *application_state(const struct zone *zone, const struct view *view,
                          const struct application *application);

#endif
