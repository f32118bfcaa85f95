/* What a security group and the changing of its rules share. */
#ifndef LOCALAWS_EC2_GROUP_H
#define LOCALAWS_EC2_GROUP_H

#include "localaws/ec2/ec2.h"
#include "localaws/ec2/to_plane.h"

enum { MOST_GROUP_RULES = 1000 };
extern const struct record group_rule_record;

/* A rule as its tags see it: what decisions about tagging it are about. It is no record of its own. */
struct resource group_rule_resource(const struct group *group, const struct group_rule *rule);
extern const struct kind group_rule_kind;
void group_rule_add(struct group *group, const struct group_rule *draft); /* copies */

/* PREFIX.IpProtocol, .FromPort and .ToPort; and whether what a rule names is there (its texts made as they
 * are kept). */
int group_take_ports(struct call *call, const char *prefix, struct group_rule *rule, struct error *err);
int group_check_source(struct call *call, const struct group *group, struct group_rule *rule,
                       struct error *err);

#endif
