/* Blocks of a VPC: further IPv4 ones, and its IPv6 one. */
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/vpc.h"

#include "base/text.h"

#include <string.h>

static int add_ipv6(struct call *call, struct vpc *vpc, struct error *err)
{
    if (vpc->ipv6_cidr)
        return call_fail(call, err, 400, "CidrLimitExceeded",
                         "This network '%s' has met its maximum number of allowed CIDRs: 1",
                         vpc->resource.id);
    text_replace(&vpc->ipv6_cidr, vpc_pick_ipv6_block(call->region, call->arena));
    text_replace(&vpc->ipv6_association, region_identifier(call->region, call->arena, "vpc-cidr-assoc"));
    put_text(&call->answer, "vpcId", vpc->resource.id);
    vpc_put_ipv6_block(&call->answer, "ipv6CidrBlockAssociation", vpc);
    return 0;
}

static int add_ipv4(struct call *call, struct vpc *vpc, const char *text, struct error *err)
{
    struct cidr block, other;
    if (!vpc_block_valid(text) || !cidr_parse(text, &block))
        return call_fail(call, err, 400, "InvalidVpc.Range", "The CIDR '%s' is invalid.", text);
    for (const char *const *cidr = vpc_cidrs(vpc, call->arena); *cidr; cidr++)
        if (cidr_parse(*cidr, &other) && cidr_overlaps(&block, &other))
            return call_fail(call, err, 400, "InvalidVpc.Conflict", "The CIDR '%s' conflicts with %s of %s",
                             text, *cidr, vpc->resource.id);
    if (vpc->block_count == MOST_BLOCKS)
        return call_fail(call, err, 400, "CidrLimitExceeded",
                         "This network '%s' has met its maximum number of allowed CIDRs: %d",
                         vpc->resource.id, MOST_BLOCKS + 1);
    struct vpc_block *added = list_add(&vpc->blocks, &vpc->block_count, sizeof *added);
    added->association = memory_strdup(region_identifier(call->region, call->arena, "vpc-cidr-assoc"));
    added->cidr = memory_strdup(cidr_text(call->arena, &block));
    put_text(&call->answer, "vpcId", vpc->resource.id);
    vpc_put_block(&call->answer, "cidrBlockAssociation", added->association, added->cidr);
    return 0;
}

int vpc_associate_cidr(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *cidr = call_parameter(call, "CidrBlock");
    if (resource_target(call, &vpc_kind, "VpcId", &vpc, err) < 0)
        return -1;
    if (!cidr && !call_true(call, "AmazonProvidedIpv6CidrBlock"))
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain CidrBlock or AmazonProvidedIpv6CidrBlock");
    if ((cidr ? add_ipv4(call, vpc, cidr, err) : add_ipv6(call, vpc, err)) < 0)
        return -1;
    region_changed(call->region);
    vpc_changed(call->region, call->account, vpc->resource.id);
    return 0;
}

static int check_unused(struct call *call, const struct vpc *vpc, const char *text, struct error *err)
{
    struct cidr block, own;
    cidr_parse(text, &block);
    for_each_resource(struct subnet, subnet, call->account, &subnet_kind)
        if (text_equal(subnet->vpc_id, vpc->resource.id) &&
            ((cidr_parse(subnet->cidr, &own) && cidr_contains(&block, &own)) ||
             (subnet->ipv6_cidr && cidr_parse(subnet->ipv6_cidr, &own) && cidr_contains(&block, &own))))
            return call_fail(call, err, 400, "InvalidCidrBlock.InUse", "Subnet %s uses a part of the block",
                             subnet->resource.id);
    return 0;
}

static int remove_ipv6(struct call *call, struct vpc *vpc, struct error *err)
{
    if (check_unused(call, vpc, vpc->ipv6_cidr, err) < 0)
        return -1;
    put_text(&call->answer, "vpcId", vpc->resource.id);
    text_replace(&vpc->ipv6_cidr, NULL);
    text_replace(&vpc->ipv6_association, NULL);
    return 0;
}

static int remove_ipv4(struct call *call, struct vpc *vpc, size_t at, struct error *err)
{
    if (check_unused(call, vpc, vpc->blocks[at].cidr, err) < 0)
        return -1;
    put_text(&call->answer, "vpcId", vpc->resource.id);
    vpc_put_block(&call->answer, "cidrBlockAssociation", vpc->blocks[at].association, vpc->blocks[at].cidr);
    list_remove(&vpc_block_record, &vpc->blocks, &vpc->block_count, at);
    return 0;
}

static size_t block_at(const struct vpc *vpc, const char *association)
{
    size_t at = 0;
    while (at < vpc->block_count && !text_equal(vpc->blocks[at].association, association))
        at++;
    return at;
}

int vpc_disassociate_cidr(struct call *call, struct error *err)
{
    const char *id;
    if (call_required(call, "AssociationId", &id, err) < 0)
        return -1;
    for_each_resource(struct vpc, vpc, call->account, &vpc_kind) {
        size_t at = block_at(vpc, id);
        bool six = text_equal(vpc->ipv6_association, id), first = text_equal(vpc->cidr_association, id);
        if (!six && !first && at == vpc->block_count)
            continue;
        if (resource_authorize(call, &vpc->resource, NULL, 0, err) < 0)
            return -1;
        if (first)
            return call_fail(call, err, 400, "OperationNotPermitted",
                             "The vpc CIDR block with association ID %s may not be disassociated. It is the "
                             "primary IPv4 CIDR block of the VPC",
                             id);
        if ((six ? remove_ipv6(call, vpc, err) : remove_ipv4(call, vpc, at, err)) < 0)
            return -1;
        region_changed(call->region);
        vpc_changed(call->region, call->account, vpc->resource.id);
        return 0;
    }
    return call_fail(call, err, 400, "InvalidVpcCidrBlockAssociationID.NotFound",
                     "The vpc CIDR block association ID '%s' does not exist", id);
}
