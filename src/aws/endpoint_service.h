/* Endpoint services: what lets consumers in other accounts reach a Network Load Balancer through PrivateLink.
 * The calls a zone needs to make one, say who may connect, find those it made, and take one away together
 * with whoever is connected. https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html
 */
#ifndef AWS_ENDPOINT_SERVICE_H
#define AWS_ENDPOINT_SERVICE_H

#include "aws/ec2.h"

struct endpoint_service {
    const char *id, *name,
        *state; /* "vpce-svc-0ab1", "com.amazonaws.vpce.us-east-1.vpce-svc-0ab1", "Available" */
    const char *load_balancer_arn; /* the first; NULL when it has none */
    struct aws_tag *tags;
    size_t tag_count;
};

/* Connections are accepted by who is allowed, not one by one; by IPv4 and IPv6. The same token is the same
 * service. */
int endpoint_service_create(struct aws_client *client, struct arena *arena, const char *load_balancer_arn,
                            const char *client_token, const struct aws_tag *tags, size_t tag_count,
                            struct endpoint_service *service, struct error *err);
/* Those that the filters ("tag:owner") let through. */
int endpoint_service_list(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                          size_t filter_count, struct endpoint_service **services, size_t *count,
                          struct error *err);
/* Exactly these principals' ARNs may connect from now on. */
int endpoint_service_allow(struct aws_client *client, const char *service_id, const char *const *arns,
                           size_t count, struct error *err);
/* ERROR_CONFLICT while connections that it has just rejected are still ending: call again. */
int endpoint_service_delete(struct aws_client *client, const char *service_id, struct error *err);

#endif
