/* The answer of GetCallerIdentity, read alike whether we asked for ourselves or sent another's proof. */
#ifndef AWS_STS_ANSWER_H
#define AWS_STS_ANSWER_H

#include "aws/sts.h"

int sts_read_identity(struct arena *arena, xmlNode *answer, struct sts_identity *identity, struct error *err);

#endif
