/* What a VPC and the changing of its blocks share. */
#ifndef LOCALAWS_EC2_VPC_H
#define LOCALAWS_EC2_VPC_H

#include "localaws/ec2/ec2.h"

enum { MOST_BLOCKS = 4 }; /* beyond the first */
extern const struct record vpc_block_record;

/* An association with a block, with what is in it, in an element of this name. */
void vpc_put_block(struct buffer *out, const char *element, const char *association, const char *cidr);
void vpc_put_ipv6_block(struct buffer *out, const char *element, const struct vpc *vpc);
bool vpc_block_valid(const char *text);

#endif
