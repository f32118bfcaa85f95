/* Authorization with real resources: tenants' policies are scoped by ARNs and tags, so every EC2 and ELB
 * action that changes something asks IAM about what it touches, with the condition keys those services
 * document (aws:RequestTag/..., aws:ResourceTag/..., ec2:Vpc, ec2:Subnet, ec2:CreateAction, ...). */
#ifndef LOCALAWS_AUTHORIZE_H
#define LOCALAWS_AUTHORIZE_H

#include "localaws/resource/resource.h"

/* Condition keys of one decision. */
struct context {
    struct call *call;
    const char **pairs; /* NULL-terminated, for call_authorize */
    size_t count, capacity;
};
struct context context_new(struct call *call);
void context_add(struct context *context, const char *key, const char *value); /* NULL value: nothing */
/* The ARN of an EC2 resource of the caller's account: context_add_arn(context, "ec2:Vpc", "vpc", "vpc-1"). */
void context_add_arn(struct context *context, const char *key, const char *type, const char *id);
void context_add_request_tags(struct context *context, const struct tag *tags, size_t count);
void context_add_resource(struct context *context,
                          const struct resource *resource); /* its tags and its own keys */
const char *context_arn(struct context *context, const char *type, const char *id);

/* May the caller do the call's action on this resource? `tags` are those the request gives it. */
int resource_authorize(struct call *call, const struct resource *resource, const struct tag *tags,
                       size_t tag_count, struct error *err);
/* May the caller make one of this kind, with these tags (which takes the right to tag on creation too)? `id`
 * is "*" in ARNs; `draft` gives the kind's own keys and may be NULL. */
int creation_authorize(struct call *call, const struct kind *kind, const struct resource *draft,
                       struct error *err);
int tagging_authorize(struct call *call, const struct kind *kind, const struct tag *tags, size_t tag_count,
                      struct error *err);

/* Finds what <parameter> names and authorizes the call's action on it: the first line of most handlers. */
int resource_target(struct call *call, const struct kind *kind, const char *parameter, void *resource,
                    struct error *err);
/* With DryRun=true: DryRunOperation, which says that the call would have succeeded. */
int call_dry_run(struct call *call, struct error *err);

/* TagSpecification.N of this resource type, into the draft (texts of the call). */
int call_tags(struct call *call, const char *type, struct resource *draft, struct error *err);
/* PREFIX.N.Key and PREFIX.N.Value, checked against AWS's rules. */
int call_tag_list(struct call *call, const char *prefix, struct tag **tags, size_t *count, struct error *err);

#endif
