/* What a config server is told at its start: the vendor's Terraform writes it as the instance's user data, or
 * an operator gives the same members in a file. */
#ifndef CONFIGSERVER_CONFIG_H
#define CONFIGSERVER_CONFIG_H

#include "base/record.h"
#include "configserver/limits.h"
#include "zone/names.h"

/* One of the zone's config servers. */
struct config_server {
    int64_t index;       /* from 1 */
    const char *address; /* its own IPv6 address on the VPC */
};

struct config {
    const char *aws_region;
    const char *zone;                          /* "dev.aws-us-east-1c" */
    int64_t index;                             /* which of the zone's config servers this is, from 1 */
    const char *address;                       /* our own IPv6 address on the VPC */
    const char *zts_url, *public_zts_url;      /* as we reach zts, and as hosts do */
    const char *bootstrap_url;                 /* as hosts reach us before they have a tunnel */
    const char *ca_certificates;               /* PEM */
    const char *provisioner_role_arn;          /* the vendor's, which tenants' roles trust */
    const char *host_image;                    /* AMI name, owned by the vendor's account */
    const char *node_image;                    /* container image of nodes that name none */
    const char *identity_document_certificate; /* PEM: AWS's for the region */
    const char *vendor_account;
    struct config_server *servers; /* all of the zone's, with ourselves; none: we are alone */
    size_t server_count;
    struct limits limits;
};

/* From `path`, or from the instance's user data when it is NULL. */
int config_load(struct arena *arena, const char *path, struct config *config, struct error *err);

#endif
