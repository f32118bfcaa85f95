/* Names everything agrees on: zones, tenants, applications, hosts, and what each is called in AWS and in Athenz. */
#ifndef ZONE_NAMES_H
#define ZONE_NAMES_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

/* A tenant's hosts' role is named after it, and IAM's names have at most 64 characters. */
enum { NAME_LONGEST = 20, TENANT_LONGEST = 14, HOSTNAME_LONGEST = 253, FIRST_HOST_INDEX = 100 };
/* All hosts and nodes of a zone as JSON, or their metrics: 3 kB a host. */
enum { ZONE_ANSWER_LARGEST = 256 << 20 };

#define VESPA_DOMAIN          "vespa"
#define HOST_DOMAIN_SUFFIX    "vespa.enclave.internal"
#define PROVISIONER_ROLE      "vespa-cloud-provisioner"
#define CONFIGSERVER_PORT     4443
#define CONTROLLER_PORT       4443
#define ZTS_PORT              4443
#define NODE_PORT             4443 /* a container cluster's mTLS port */
#define ENDPOINT_PORT         443  /* of a load balancer */

/* "dev.aws-us-east-1c": environment dev, region aws-us-east-1c. */
struct zone_id {
    char environment[16], region[48];
};
int zone_parse(const char *text, struct zone_id *zone, struct error *err);
char *zone_text(struct arena *arena, const struct zone_id *zone);           /* "dev.aws-us-east-1c" */
char *zone_aws_region(struct arena *arena, const struct zone_id *zone);     /* "us-east-1" */
char *zone_provider_name(struct arena *arena, const struct zone_id *zone);  /* "vespa.provider_dev_aws-us-east-1c" */
char *zone_configserver_name(struct arena *arena, const struct zone_id *zone); /* "vespa.configserver_dev_..." */
char *zone_ebs_key_alias(struct arena *arena, const struct zone_id *zone);  /* "alias/vespa-ebs-key-dev-..." */
char *zone_hostname(struct arena *arena, const struct zone_id *zone, int index); /* h100.dev.aws-us-east-1c.... */
/* A node's name: its host's with a letter after the first label: h100a.dev.... */
char *zone_node_hostname(struct arena *arena, const struct zone_id *zone, int index);
char *host_role_name(struct arena *arena, const char *tenant, const char *account); /* and instance profile */

/* Tenants, applications and instances: 1-20 of [a-z0-9-], a letter first, no double or trailing dash. */
bool name_is_valid(const char *text);
bool tenant_is_valid(const char *text);    /* a name of at most TENANT_LONGEST */
bool account_is_valid(const char *text);   /* 12 digits */
bool hostname_is_valid(const char *text);  /* dot-joined lower-case labels */
bool cluster_is_valid(const char *text);   /* [A-Za-z][A-Za-z0-9_-]*, at most 40 */

struct application_id {
    const char *tenant, *application, *instance;
};
int application_id_parse(struct arena *arena, const char *text, struct application_id *id, struct error *err); /* t.a[.i] */
char *application_id_text(struct arena *arena, const struct application_id *id); /* "t:a:i", the store's key */

#endif
