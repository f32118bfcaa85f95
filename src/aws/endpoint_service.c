#include "aws/endpoint_service.h"

#include "aws/ec2_read.h"
#include "base/text.h"

#include <string.h>

enum { MOST_PAGES = 1000 };

static int ec2_call(struct aws_client *client, struct arena *arena, const char *action,
                    const struct aws_parameters *parameters, xmlNode **answer, struct error *err)
{
    return aws_query_call(client, "ec2", action, parameters, arena, answer, err);
}

static void read_service(struct arena *arena, xmlNode *item, struct endpoint_service *service)
{
    xmlNode *balancers = xml_first(item, "networkLoadBalancerArnSet");
    *service = (struct endpoint_service){
        .id = xml_child_content(arena, item, "serviceId"),
        .name = xml_child_content(arena, item, "serviceName"),
        .state = xml_child_content(arena, item, "serviceState"),
        .load_balancer_arn = xml_child_content(arena, balancers, "item"),
    };
    ec2_read_tags(arena, item, &service->tags, &service->tag_count);
}

int endpoint_service_create(struct aws_client *client, struct arena *arena, const char *load_balancer_arn,
                            const char *client_token, const struct aws_tag *tags, size_t tag_count,
                            struct endpoint_service *service, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, load_balancer_arn, "NetworkLoadBalancerArn.1");
    aws_parameter(arena, &parameters, "false", "AcceptanceRequired");
    aws_parameter(arena, &parameters, client_token, "ClientToken");
    aws_parameter(arena, &parameters, "ipv4", "SupportedIpAddressType.1");
    aws_parameter(arena, &parameters, "ipv6", "SupportedIpAddressType.2");
    aws_parameter(arena, &parameters, "vpc-endpoint-service", "TagSpecification.1.ResourceType");
    for (size_t i = 0; i < tag_count; i++) {
        aws_parameter(arena, &parameters, tags[i].key, "TagSpecification.1.Tag.%zu.Key", i + 1);
        aws_parameter(arena, &parameters, tags[i].value, "TagSpecification.1.Tag.%zu.Value", i + 1);
    }
    if (ec2_call(client, arena, "CreateVpcEndpointServiceConfiguration", &parameters, &answer, err) < 0)
        return -1;
    read_service(arena, xml_first(answer, "serviceConfiguration"), service);
    return service->id && service->name
               ? 0
               : error_set(err, ERROR_UNAVAILABLE,
                           "CreateVpcEndpointServiceConfiguration: no service in the answer");
}

int endpoint_service_list(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                          size_t filter_count, struct endpoint_service **services, size_t *count,
                          struct error *err)
{
    const char *next = NULL;
    *services = NULL;
    *count = 0;
    for (int page = 0; page == 0 || (!text_empty(next) && page < MOST_PAGES); page++) {
        struct aws_parameters parameters = {0};
        xmlNode *answer;
        for (size_t i = 0; i < filter_count; i++) {
            aws_parameter(arena, &parameters, filters[i].name, "Filter.%zu.Name", i + 1);
            for (size_t j = 0; j < EC2_FILTER_VALUES && filters[i].values[j]; j++)
                aws_parameter(arena, &parameters, filters[i].values[j], "Filter.%zu.Value.%zu", i + 1, j + 1);
        }
        aws_parameter(arena, &parameters, next, "NextToken");
        if (ec2_call(client, arena, "DescribeVpcEndpointServiceConfigurations", &parameters, &answer, err) <
            0)
            return -1;
        xmlNode *set = xml_first(answer, "serviceConfigurationSet");
        struct endpoint_service *grown = arena_alloc(arena, (*count + ec2_count_items(set)) * sizeof *grown);
        for (size_t i = 0; i < *count; i++)
            grown[i] = (*services)[i];
        *services = grown;
        for (xmlNode *item = xml_first(set, "item"); item; item = xml_next(item, "item"))
            read_service(arena, item, &grown[(*count)++]);
        next = xml_child_content(arena, answer, "nextToken");
    }
    return 0;
}

static bool holds(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(texts[i], text))
            return true;
    return false;
}

static int read_allowed(struct aws_client *client, struct arena *arena, const char *service_id,
                        const char ***arns, size_t *count, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, service_id, "ServiceId");
    if (ec2_call(client, arena, "DescribeVpcEndpointServicePermissions", &parameters, &answer, err) < 0)
        return -1;
    xmlNode *set = xml_first(answer, "allowedPrincipals");
    *arns = arena_alloc(arena, ec2_count_items(set) * sizeof **arns);
    *count = 0;
    for (xmlNode *item = xml_first(set, "item"); item; item = xml_next(item, "item"))
        (*arns)[(*count)++] = xml_child_content(arena, item, "principal");
    return 0;
}

int endpoint_service_allow(struct aws_client *client, const char *service_id, const char *const *arns,
                           size_t count, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    const char **old;
    size_t old_count, added = 0, removed = 0;
    xmlNode *answer;
    if (read_allowed(client, arena, service_id, &old, &old_count, err) < 0)
        return -1;
    aws_parameter(arena, &parameters, service_id, "ServiceId");
    for (size_t i = 0; i < count; i++)
        if (!holds(old, old_count, arns[i]))
            aws_parameter(arena, &parameters, arns[i], "AddAllowedPrincipals.%zu", ++added);
    for (size_t i = 0; i < old_count; i++)
        if (!holds(arns, count, old[i]))
            aws_parameter(arena, &parameters, old[i], "RemoveAllowedPrincipals.%zu", ++removed);
    if (added + removed == 0)
        return 0;
    return ec2_call(client, arena, "ModifyVpcEndpointServicePermissions", &parameters, &answer, err);
}

/* Consumers' endpoints hold a service; AWS deletes none that has some. */
static int reject_connections(struct aws_client *client, struct arena *arena, const char *service_id,
                              struct error *err)
{
    struct aws_parameters parameters = {0}, rejected = {0};
    xmlNode *answer;
    size_t count = 0;
    aws_parameter(arena, &parameters, "service-id", "Filter.1.Name");
    aws_parameter(arena, &parameters, service_id, "Filter.1.Value.1");
    if (ec2_call(client, arena, "DescribeVpcEndpointConnections", &parameters, &answer, err) < 0)
        return -1;
    aws_parameter(arena, &rejected, service_id, "ServiceId");
    xmlNode *set = xml_first(answer, "vpcEndpointConnectionSet");
    for (xmlNode *item = xml_first(set, "item"); item; item = xml_next(item, "item")) {
        const char *state = xml_child_content(arena, item, "vpcEndpointState");
        if (text_equal(state, "available") || text_equal(state, "pendingAcceptance") ||
            text_equal(state, "pending"))
            aws_parameter(arena, &rejected, xml_child_content(arena, item, "vpcEndpointId"),
                          "VpcEndpointId.%zu", ++count);
    }
    return count == 0 ? 0 : ec2_call(client, arena, "RejectVpcEndpointConnections", &rejected, &answer, err);
}

int endpoint_service_delete(struct aws_client *client, const char *service_id, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    if (reject_connections(client, arena, service_id, err) < 0)
        return err && err->kind == ERROR_NOT_FOUND ? 0 : -1;
    aws_parameter(arena, &parameters, service_id, "ServiceId.1");
    if (ec2_call(client, arena, "DeleteVpcEndpointServiceConfigurations", &parameters, &answer, err) < 0)
        return err && err->kind == ERROR_NOT_FOUND ? 0 : -1;
    xmlNode *unsuccessful = xml_first(xml_first(answer, "unsuccessful"), "item");
    if (!unsuccessful)
        return 0;
    xmlNode *why = xml_first(unsuccessful, "error");
    const char *code = xml_child_content(arena, why, "code");
    if (code && strstr(code, "NotFound"))
        return 0;
    return error_code(err, ERROR_CONFLICT, code ? code : "", "endpoint service %s cannot be deleted yet: %s",
                      service_id, xml_child_content(arena, why, "message"));
}
