/* Offering a service: making, changing and ending it, who may know of it, and proving its private name. */
#include "localaws/ec2/private_service.h"

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

#include <string.h>

enum { MOST_BALANCERS = 10, MOST_PRINCIPALS = 200, ZONE_FILE_LARGEST = 1 << 20 };

static int check_balancer(struct call *call, const char *arn, struct error *err)
{
    if (resource_find(call->region, call->account, &balancer_kind, arn))
        return 0;
    return call_fail(call, err, 400, "InvalidParameter", "The load balancer %.256s does not exist", arn);
}

static int check_balancers(struct call *call, const char **arns, struct error *err)
{
    if (call_parameter(call, "GatewayLoadBalancerArn.1") ||
        call_parameter(call, "AddGatewayLoadBalancerArn.1"))
        return call_fail(call, err, 400, "UnsupportedOperation", "This region has no gateway load balancers");
    for (; *arns; arns++)
        if (check_balancer(call, *arns, err) < 0)
            return -1;
    return 0;
}

static int check_families(struct call *call, const char **families, struct error *err)
{
    for (; *families; families++)
        if (!text_equal(*families, "ipv4") && !text_equal(*families, "ipv6"))
            return call_fail(call, err, 400, "InvalidParameter", "The IP address type '%.32s' is not valid",
                             *families);
    return 0;
}

/* Links can speak IPv6 when every load balancer does. */
static int check_service(struct call *call, const struct private_service *service, struct error *err)
{
    if (!service->balancer_count)
        return call_fail(call, err, 400, "InvalidParameter",
                         "You must specify at least one network load balancer");
    if (service->balancer_count > MOST_BALANCERS)
        return call_fail(call, err, 400, "InvalidParameter", "A service has at most %d load balancers",
                         MOST_BALANCERS);
    for (size_t i = 0; i < service->balancer_count; i++) {
        const struct balancer *balancer =
            resource_find(call->region, call->account, &balancer_kind, service->balancers[i]);
        if (list_has_text(service->ip_address_types, service->ip_address_type_count, "ipv6") &&
            (!balancer || !text_equal(balancer->ip_address_type, "dualstack")))
            return call_fail(call, err, 400, "InvalidParameter",
                             "All load balancers of a service with IPv6 are dualstack: %s",
                             service->balancers[i]);
    }
    return 0;
}

static bool is_name(const char *name)
{
    return strlen(name) <= 253 && strchr(name, '.') && text_only(name, "a-zA-Z0-9.*-");
}

/* A new name begins unproved. */
static int take_name(struct call *call, char **name, char **state, char **record, char **value,
                     struct error *err)
{
    const char *wanted = call_parameter(call, "PrivateDnsName");
    if (!wanted)
        return 0;
    if (!is_name(wanted))
        return call_fail(call, err, 400, "InvalidParameter", "'%.253s' is not a valid private DNS name",
                         wanted);
    *name = arena_strdup(call->arena, wanted);
    *state = arena_strdup(call->arena, "pendingVerification");
    *record = arena_format(call->arena, "_%s", random_hex(call->arena, 20));
    *value = arena_format(call->arena, "vpce:%s", random_hex(call->arena, 20));
    return 0;
}

static char **texts_of(struct call *call, const char **given, size_t count)
{
    char **texts = arena_alloc(call->arena, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = arena_strdup(call->arena, given[i]);
    return texts;
}

static int answer_service(struct call *call, const struct private_service *service)
{
    put_open(&call->answer, "serviceConfiguration");
    private_service_kind.write(&call->answer, &service->resource);
    put_close(&call->answer, "serviceConfiguration");
    put_text(&call->answer, "clientToken", service->resource.client_token);
    return 0;
}

int private_service_create(struct call *call, struct error *err)
{
    const char *token = call_parameter(call, "ClientToken"),
               *acceptance = call_parameter(call, "AcceptanceRequired");
    struct private_service *present =
        resource_by_token(call->region, call->account, &private_service_kind, token);
    struct private_service draft = {
        .resource.client_token = arena_strdup(call->arena, token),
        .acceptance_required = !acceptance || text_equal(acceptance, "true"),
    };
    if (present)
        return answer_service(call, present);
    const char **arns = call_list(call, "NetworkLoadBalancerArn", &draft.balancer_count);
    const char **families = call_list(call, "SupportedIpAddressType", &draft.ip_address_type_count);
    if (!draft.ip_address_type_count) {
        static const char *ipv4[] = {"ipv4", NULL};
        families = ipv4;
        draft.ip_address_type_count = 1;
    }
    if (check_balancers(call, arns, err) < 0 || check_families(call, families, err) < 0)
        return -1;
    draft.balancers = texts_of(call, arns, draft.balancer_count);
    draft.ip_address_types = texts_of(call, families, draft.ip_address_type_count);
    if (check_service(call, &draft, err) < 0 ||
        take_name(call, &draft.dns_name, &draft.dns_state, &draft.dns_record, &draft.dns_value, err) < 0 ||
        call_tags(call, "vpc-endpoint-service", &draft.resource, err) < 0 ||
        creation_authorize(call, &private_service_kind, &draft.resource, err) < 0)
        return -1;
    return answer_service(call, resource_add(call->region, call->account, &private_service_kind, &draft));
}

static void drop_text(char ***texts, size_t *count, const char *text)
{
    for (size_t i = *count; i-- > 0;)
        if (text_equal((*texts)[i], text))
            list_remove(&text_record, texts, count, i);
}

static void change_texts(struct call *call, const char *what, char ***texts, size_t *count)
{
    for (const char **text = call_list(call, arena_format(call->arena, "Add%s", what), NULL); *text; text++)
        if (!list_has_text(*texts, *count, *text))
            list_add_text(texts, count, *text);
    for (const char **text = call_list(call, arena_format(call->arena, "Remove%s", what), NULL); *text;
         text++)
        drop_text(texts, count, *text);
}

/* The service as the call would have it, checked before anything is changed. */
static int check_change(struct call *call, const struct private_service *service, struct error *err)
{
    const char **added = call_list(call, "AddNetworkLoadBalancerArn", NULL);
    if (check_balancers(call, added, err) < 0 ||
        check_families(call, call_list(call, "AddSupportedIpAddressType", NULL), err) < 0)
        return -1;
    struct private_service then = {0};
    for (size_t i = 0; i < service->balancer_count; i++)
        list_add_text(&then.balancers, &then.balancer_count, service->balancers[i]);
    for (size_t i = 0; i < service->ip_address_type_count; i++)
        list_add_text(&then.ip_address_types, &then.ip_address_type_count, service->ip_address_types[i]);
    change_texts(call, "NetworkLoadBalancerArn", &then.balancers, &then.balancer_count);
    change_texts(call, "SupportedIpAddressType", &then.ip_address_types, &then.ip_address_type_count);
    int result = check_service(call, &then, err);
    list_clear(&text_record, &then.balancers, &then.balancer_count);
    list_clear(&text_record, &then.ip_address_types, &then.ip_address_type_count);
    return result;
}

static void rename_service(struct private_service *service, char *name, char *state, char *record,
                           char *value)
{
    text_replace(&service->dns_name, name);
    text_replace(&service->dns_state, state);
    text_replace(&service->dns_record, record);
    text_replace(&service->dns_value, value);
}

int private_service_modify(struct call *call, struct error *err)
{
    struct private_service *service;
    char *name = NULL, *state = NULL, *record = NULL, *value = NULL;
    if (resource_target(call, &private_service_kind, "ServiceId", &service, err) < 0 ||
        check_change(call, service, err) < 0 || take_name(call, &name, &state, &record, &value, err) < 0)
        return -1;
    change_texts(call, "NetworkLoadBalancerArn", &service->balancers, &service->balancer_count);
    change_texts(call, "SupportedIpAddressType", &service->ip_address_types, &service->ip_address_type_count);
    if (name || call_true(call, "RemovePrivateDnsName"))
        rename_service(service, name, state, record, value);
    if (call_parameter(call, "AcceptanceRequired"))
        service->acceptance_required = call_true(call, "AcceptanceRequired");
    resource_changed(&service->resource);
    private_links_changed(call->region, service);
    put_true(call);
    return 0;
}

static bool has_endpoints(struct region *region, const struct private_service *service)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct endpoint, endpoint, account, &endpoint_kind)
            if (private_service_named(region, endpoint->service) == service &&
                !text_equal(endpoint_state(endpoint), ENDPOINT_REJECTED))
                return true;
    return false;
}

int private_service_delete(struct call *call, struct error *err)
{
    const char **ids = call_list(call, "ServiceId", NULL);
    for (const char **id = ids; *id; id++) {
        struct private_service *service =
            resource_find(call->region, call->account, &private_service_kind, *id);
        if (service && resource_authorize(call, &service->resource, NULL, 0, err) < 0)
            return -1;
    }
    put_open(&call->answer, "unsuccessful");
    for (const char **id = ids; *id; id++) {
        struct private_service *service =
            resource_find(call->region, call->account, &private_service_kind, *id);
        if (!service)
            put_refusal(call, *id, private_service_kind.missing,
                        arena_format(call->arena, "The VpcEndpointService Id '%.64s' does not exist", *id));
        else if (has_endpoints(call->region, service))
            put_refusal(
                call, *id, "ExistingVpcEndpointConnections",
                arena_format(call->arena, "Service %s has existing active VPC Endpoint connections", *id));
        else
            resource_remove(call->region, &service->resource);
    }
    put_close(&call->answer, "unsuccessful");
    return 0;
}

static const char *principal_type(const char *principal)
{
    return text_equal(principal, "*")      ? "All"
           : text_ends(principal, ":root") ? "Account"
           : strstr(principal, ":user/")   ? "User"
                                           : "Role";
}

static void put_principal(struct call *call, const struct private_service *service,
                          const struct allowed_principal *allowed)
{
    put_open(&call->answer, "item");
    put_text(&call->answer, "principalType", principal_type(allowed->principal));
    put_text(&call->answer, "principal", allowed->principal);
    put_text(&call->answer, "servicePermissionId", allowed->id);
    put_text(&call->answer, "serviceId", service->resource.id);
    put_close(&call->answer, "item");
}

static int check_principals(struct call *call, const struct private_service *service, const char **added,
                            struct error *err)
{
    size_t count = service->principal_count;
    for (; *added; added++, count++)
        if (strlen(*added) > 512 || (!text_equal(*added, "*") && !text_starts(*added, "arn:aws:iam::")))
            return call_fail(call, err, 400, "InvalidPrincipal", "Invalid Principal: '%.256s'", *added);
    return room_check(call, "allowed principals", count, MOST_PRINCIPALS, err);
}

static struct allowed_principal *find_principal(const struct private_service *service, const char *principal)
{
    for (size_t i = 0; i < service->principal_count; i++)
        if (text_equal(service->principals[i].principal, principal))
            return &service->principals[i];
    return NULL;
}

int private_service_modify_permissions(struct call *call, struct error *err)
{
    struct private_service *service;
    const char **added = call_list(call, "AddAllowedPrincipals", NULL);
    const char **removed = call_list(call, "RemoveAllowedPrincipals", NULL);
    if (resource_target(call, &private_service_kind, "ServiceId", &service, err) < 0 ||
        check_principals(call, service, added, err) < 0)
        return -1;
    put_open(&call->answer, "addedPrincipalSet");
    for (; *added; added++) {
        if (find_principal(service, *added))
            continue;
        struct allowed_principal *made =
            list_add(&service->principals, &service->principal_count, sizeof *made);
        made->id = memory_strdup(region_identifier(call->region, call->arena, "vpce-svc-perm"));
        made->principal = memory_strdup(*added);
        put_principal(call, service, made);
    }
    put_close(&call->answer, "addedPrincipalSet");
    for (; *removed; removed++) {
        const struct allowed_principal *found = find_principal(service, *removed);
        if (found)
            list_remove(&allowed_principal_record, &service->principals, &service->principal_count,
                        (size_t)(found - service->principals));
    }
    resource_changed(&service->resource);
    put_true(call);
    return 0;
}

static const char *principal_filter(struct call *call, const void *item, const char *filter)
{
    const struct allowed_principal *allowed = item;
    (void)call;
    return text_equal(filter, "principal")        ? allowed->principal
           : text_equal(filter, "principal-type") ? principal_type(allowed->principal)
                                                  : NULL;
}

int private_service_describe_permissions(struct call *call, struct error *err)
{
    struct private_service *service;
    if (resource_named(call, &private_service_kind, "ServiceId", &service, err) < 0)
        return -1;
    put_open(&call->answer, "allowedPrincipals");
    for (size_t i = 0; i < service->principal_count; i++)
        if (call_filters_pass(call, principal_filter, &service->principals[i]))
            put_principal(call, service, &service->principals[i]);
    put_close(&call->answer, "allowedPrincipals");
    return 0;
}

/* Is there this TXT record in the internet's DNS? The region's internet knows those that an operator wrote
 * into the file public-dns.txt, lines of "name value". */
static bool is_published(struct call *call, const char *name, const char *value)
{
    char *text, **lines;
    const char *path = arena_format(call->arena, "%s/public-dns.txt", call->region->directory);
    const char *wanted = arena_format(call->arena, "%s %s", name, value);
    if (file_read(call->arena, path, ZONE_FILE_LARGEST, &text, NULL, NULL) < 0)
        return false;
    size_t count = text_split(call->arena, text, '\n', &lines);
    for (size_t i = 0; i < count; i++)
        if (text_equal(text_trim(call->arena, lines[i]), wanted))
            return true;
    return false;
}

int private_service_verify(struct call *call, struct error *err)
{
    struct private_service *service;
    if (resource_target(call, &private_service_kind, "ServiceId", &service, err) < 0)
        return -1;
    if (!service->dns_name)
        return call_fail(call, err, 400, "InvalidState", "Service %s has no private DNS name",
                         service->resource.id);
    const char *domain = text_starts(service->dns_name, "*.") ? service->dns_name + 2 : service->dns_name;
    const char *name = arena_format(call->arena, "%s.%s", service->dns_record, domain);
    text_replace(&service->dns_state, is_published(call, name, service->dns_value) ? "verified" : "failed");
    resource_changed(&service->resource);
    put_true(call);
    return 0;
}
