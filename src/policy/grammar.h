/* How the texts in a policy must look. */
#ifndef POLICY_GRAMMAR_H
#define POLICY_GRAMMAR_H

#include <stdbool.h>

typedef bool grammar(const char *text);

grammar grammar_action;     /* "*", "s3:Get*" */
grammar grammar_sts_action; /* of a trust policy */
grammar grammar_resource;   /* "*", an ARN with wildcards */
grammar grammar_variables;  /* none before the resource's own part of the ARN */
grammar grammar_principal;  /* "*", an account, an ARN without wildcards, the id of one who is gone */
grammar grammar_service;    /* "ec2.amazonaws.com" */
grammar grammar_sid;        /* of IAM's own policies; other services are less strict */

#endif
