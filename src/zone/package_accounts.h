/* cloud-account and empty-host-ttl of deployment.xml. Private to this folder. */
#ifndef ZONE_PACKAGE_ACCOUNTS_H
#define ZONE_PACKAGE_ACCOUNTS_H

#include "zone/package_grammar.h"

enum { CLOUDS = 3 };

struct cloud_account {
    const char *cloud, *account; /* "aws", "210987654321" */
};

extern const struct text_rule rule_accounts, rule_ttl;

/* Of a text that rule_accounts allows; at most CLOUDS, none for the system's own account. */
size_t accounts_parse(struct arena *arena, const char *text, struct cloud_account *accounts);

#endif
