/* What EC2's refusals carry: a text by which whoever may decode it learns how it came to the decision. Here
 * it is the name of one of the last thousand refusals, which are remembered until the region ends. */
#ifndef LOCALAWS_IAM_ENCODED_H
#define LOCALAWS_IAM_ENCODED_H

#include "localaws/iam/permission.h"

/* The text, in the arena. */
char *refusal_encode(struct region *region, struct arena *arena, const struct policy_request *request,
                     const struct caller *caller, const struct decision *decision);
/* What it stands for, as JSON; in the arena, NULL when it is none of ours. */
char *refusal_decode(struct region *region, struct arena *arena, const char *text);

#endif
