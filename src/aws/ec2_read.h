/* Reading EC2's XML into our structs, for the files of this folder. */
#ifndef AWS_EC2_READ_H
#define AWS_EC2_READ_H

#include "aws/ec2.h"

void ec2_read_instance(struct arena *arena, xmlNode *item, struct ec2_instance *instance);
int64_t ec2_read_time(struct arena *arena, xmlNode *owner, const char *name); /* ms; 0 when there is none */
size_t ec2_count_items(xmlNode *set);
void ec2_read_tags(struct arena *arena, xmlNode *owner, struct aws_tag **tags, size_t *count);

#endif
