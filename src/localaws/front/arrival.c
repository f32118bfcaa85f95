#include "localaws/front/arrival.h"
#include "localaws/ec2/endpoint.h"
#include "localaws/plane/plane.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* The service whose own address the connection came to; NULL: every service's. */
static const struct endpoint_service *service_at(int connection)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    char address[INET_ADDRSTRLEN];
    if (getsockname(connection, (struct sockaddr *)&own, &length) < 0 || own.ss_family != AF_INET)
        return NULL;
    inet_ntop(AF_INET, &((struct sockaddr_in *)&own)->sin_addr, address, sizeof address);
    for (const struct endpoint_service *service = endpoint_services; service->word; service++)
        if (text_equal(service->addresses[0], address))
            return service;
    return NULL;
}

int call_arrived(struct call *call, struct error *err)
{
    if (!call->region->plane)
        return 0;
    int connection = http_request_connection_socket(call->request);
    const struct endpoint_service *service = service_at(connection);
    call->endpoint_id = plane_house_of(call->region->plane, call->arena, connection);
    if (call->endpoint_id) {
        region_lock(call->region);
        cleanup(region_unlock) struct region *locked = call->region;
        const struct resource *endpoint = resource_anywhere(locked, &endpoint_kind, call->endpoint_id);
        if (!endpoint)
            return call_fail(call, err, 503, "ServiceUnavailable", "The endpoint %s is gone",
                             call->endpoint_id);
        service = endpoint_service_of((const struct endpoint *)(const void *)endpoint);
    }
    if (service && !text_equal(service->own, call->service))
        return call_fail(call, err, 403, "SignatureDoesNotMatch",
                         "Credential should be scoped to correct service: '%s'.", service->word);
    return 0;
}
