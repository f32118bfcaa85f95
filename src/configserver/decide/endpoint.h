/* Endpoints: how clients reach a container cluster. What a load balancer shall be like, by which names it is
 * reached, and which nodes may stand behind it: only those whose certificates have these names, so that a
 * client who verifies them is never disappointed. */
#ifndef CONFIGSERVER_ENDPOINT_H
#define CONFIGSERVER_ENDPOINT_H

#include "configserver/records/repository.h"

/* What the cluster asks for; public and not private when it says nothing. */
struct endpoint_settings endpoint_settings_of(const struct cluster *cluster);
bool endpoint_settings_equal(const struct endpoint_settings *left, const struct endpoint_settings *right);
/* A hash of settings and tags: what load_balancer.applied is compared with. */
char *endpoint_settings_hash(struct arena *arena, const struct endpoint_settings *settings,
                             const struct application *application, const char *cluster);

/* The load balancer's id, and its name in the cloud, of a cluster. */
char *endpoint_id(struct arena *arena, const char *application, const char *cluster);
char *endpoint_cloud_name(struct arena *arena, const char *zone, const char *id);

/* The DNS names clients use: the balancer's own, and for a private endpoint a wildcard that covers every
 * consumer's endpoint of the service ("*.vpce-svc-0ab1.us-east-1.vpce.amazonaws.com"). At most
 * ENDPOINT_NAMES; none before the balancer is there.
 * https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html */
enum { ENDPOINT_NAMES = 2 };
size_t endpoint_names(struct arena *arena, const struct load_balancer *balancer,
                      const char *names[ENDPOINT_NAMES]);

/* Active, of the balancer's cluster, its host known by address, and certified for the balancer's own name. */
bool endpoint_may_have(const struct view *view, const struct load_balancer *balancer,
                       const struct node *node);
/* All that stand behind it are certified for every name: its endpoint service may be announced, too. */
bool endpoint_is_certified(const struct view *view, const struct load_balancer *balancer);

#endif
