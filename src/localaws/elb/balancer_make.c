/* Making and ending load balancers. */
#include "localaws/ec2/to_plane.h"
#include "localaws/elb/balancer_place.h"

#include "base/text.h"

enum { MOST_BALANCERS = 50 };

static int take_form(struct call *call, struct balancer *draft, struct error *err)
{
    const char *name, *type = call_parameter(call, "Type"), *scheme = call_parameter(call, "Scheme");
    const char *family = call_parameter(call, "IpAddressType");
    if (call_required(call, "Name", &name, err) < 0 || elb_check_name(call, name, err) < 0)
        return -1;
    if (text_starts(name, "internal-"))
        return call_fail(call, err, 400, "ValidationError",
                         "The load balancer name '%s' cannot begin with 'internal-'", name);
    if (!text_equal(type, "network"))
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "This region has load balancers of type network only, not '%s'",
                         type ? type : "application");
    if (scheme && !text_equal(scheme, "internal") && !text_equal(scheme, "internet-facing"))
        return call_fail(call, err, 400, "InvalidScheme", "The requested scheme '%s' is not valid", scheme);
    if (family && !text_equal(family, "ipv4") && !text_equal(family, "dualstack"))
        return call_fail(call, err, 400, "ValidationError", "The IP address type '%s' is not valid", family);
    draft->name = arena_strdup(call->arena, name);
    draft->scheme = arena_strdup(call->arena, scheme ? scheme : "internet-facing");
    draft->ip_address_type = arena_strdup(call->arena, family ? family : "ipv4");
    return 0;
}

static struct balancer *by_name(struct account *account, const char *name)
{
    for_each_resource(struct balancer, balancer, account, &balancer_kind)
        if (text_equal(balancer->name, name))
            return balancer;
    return NULL;
}

static int answer_balancer(struct call *call, struct balancer *balancer)
{
    buffer_text(&call->answer, "<LoadBalancers><member>");
    balancer_write(&call->answer, &balancer->resource);
    buffer_text(&call->answer, "</member></LoadBalancers>");
    balancer->seen = true;
    resource_changed(&balancer->resource);
    return 0;
}

static bool same_groups(const struct balancer *present, const struct balancer *draft)
{
    bool same = present->group_count == draft->group_count;
    for (size_t i = 0; same && i < draft->group_count; i++)
        same = list_has_text(present->groups, present->group_count, draft->groups[i]);
    return same;
}

/* As on AWS creating again what is there, the same, answers with what is there. */
static int answer_present(struct call *call, struct balancer *present, const struct balancer *draft,
                          const struct places *places, struct error *err)
{
    bool same = text_equal(present->scheme, draft->scheme) && same_groups(present, draft) &&
                text_equal(present->ip_address_type, draft->ip_address_type) &&
                present->subnet_count == places->count;
    for (size_t i = 0; same && i < places->count; i++)
        same = list_has_text(present->subnets, present->subnet_count, places->items[i].subnet->resource.id);
    if (!same)
        return call_fail(call, err, 400, "DuplicateLoadBalancerName",
                         "A load balancer with the same name '%s' exists, but with different settings",
                         draft->name);
    return answer_balancer(call, present);
}

static int add_balancer(struct call *call, struct balancer *draft, const struct places *places,
                        struct error *err)
{
    const char *hex = elb_hex(call->arena);
    if (resources_of(call->account, &balancer_kind)->count >= MOST_BALANCERS)
        return call_fail(call, err, 400, "TooManyLoadBalancers",
                         "The maximum number of load balancers has been reached");
    draft->resource.id =
        arena_format(call->arena, "arn:aws:elasticloadbalancing:%s:%s:loadbalancer/net/%s/%s",
                     call->region->name, call->account->id, draft->name, hex);
    draft->dns_name =
        arena_format(call->arena, "%s-%s.elb.%s.amazonaws.com", draft->name, hex, call->region->name);
    draft->plane_name = arena_format(call->arena, "%s-%.8s", draft->name, hex);
    struct balancer *balancer = resource_add(call->region, call->account, &balancer_kind, draft);
    if (places_settle(call, balancer, places, err) < 0) {
        places_leave(call->region, balancer);
        resource_remove(call->region, &balancer->resource);
        return -1;
    }
    balancer_changed(call->region, balancer);
    return answer_balancer(call, balancer);
}

int balancer_create(struct call *call, struct error *err)
{
    struct balancer draft = {0};
    struct places places = {0};
    if (take_form(call, &draft, err) < 0 || places_take(call, &draft, &places, err) < 0)
        return -1;
    draft.vpc_id = places.items[0].subnet->vpc_id;
    if (balancer_groups_take(call, draft.vpc_id, &draft.groups, &draft.group_count, err) < 0 ||
        balancer_links_take(call, &draft, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.resource.tags, &draft.resource.tag_count, err) < 0 ||
        creation_authorize(call, &balancer_kind, &draft.resource, err) < 0)
        return -1;
    struct balancer *present = by_name(call->account, draft.name);
    return present ? answer_present(call, present, &draft, &places, err)
                   : add_balancer(call, &draft, &places, err);
}

static void remove_listeners(struct call *call, const struct balancer *balancer)
{
    for (struct resource *item = resources_of(call->account, &listener_kind)->first, *next; item;
         item = next) {
        next = item->next;
        if (text_equal(((struct listener *)(void *)item)->balancer_arn, balancer->resource.id))
            resource_remove(call->region, item);
    }
}

/* Deleting one that is not there succeeds, as on AWS. */
int balancer_delete(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "LoadBalancerArn", &arn, err) < 0)
        return -1;
    struct balancer *balancer = resource_find(call->region, call->account, &balancer_kind, arn);
    if (!balancer)
        return 0;
    if (resource_authorize(call, &balancer->resource, NULL, 0, err) < 0)
        return -1;
    if (text_equal(attribute_value(balancer_attributes, balancer->attributes, balancer->attribute_count,
                                   "deletion_protection.enabled"),
                   "true"))
        return call_fail(call, err, 400, "OperationNotPermitted",
                         "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn);
    if (balancer_serves_links(call->region, arn))
        return call_fail(call, err, 400, "ResourceInUse",
                         "Load balancer '%s' is currently associated with another service", arn);
    remove_listeners(call, balancer);
    char *vpc_id = arena_strdup(call->arena, balancer->vpc_id);
    balancer_gone(call->region, balancer);
    places_leave(call->region, balancer);
    resource_remove(call->region, &balancer->resource);
    vpc_changed(call->region, call->account, vpc_id);
    return 0;
}
