/* A RunInstances call, taken apart: what its files share. Each part is checked when it is taken; nothing is
 * made before all of them are authorized. */
#ifndef LOCALAWS_EC2_RUN_H
#define LOCALAWS_EC2_RUN_H

#include "localaws/ec2/image.h"
#include "localaws/ec2/volume.h"

struct run_interface {
    struct interface *existing; /* NULL: made as `order` says */
    struct interface_order order;
    int64_t device_index;
    bool delete_on_termination, named_addresses; /* the latter: not for several instances */
};

struct launch_template;

struct run {
    struct image image;
    struct subnet *subnet; /* of the primary interface */
    struct run_interface *interfaces;
    size_t interface_count;
    struct volume_order *volumes; /* the root first */
    size_t volume_count;
    int64_t least, most;
    struct launch_template *template; /* NULL: none */
    int64_t template_version;
    const char *profile_role;
    struct instance draft;
    struct interface interface; /* its tags */
    struct volume volume;       /* its tags */
};

/* ec2/run_network.c: the interfaces, described at the top of the request or as NetworkInterface.N. */
int run_take_network(struct call *call, struct run *run, struct error *err);
int run_authorize_network(struct call *call, struct run *run, struct error *err);
int run_make_interfaces(struct call *call, const struct run *run, struct instance *instance,
                        struct error *err);

/* ec2/run_volumes.c: the image's root volume and BlockDeviceMapping.N. */
int run_take_volumes(struct call *call, struct run *run, struct error *err);
int run_authorize_volumes(struct call *call, struct run *run, struct error *err);
/* -1 when KMS gives no key: the instance is there then, with the volumes made before. */
int run_make_volumes(struct call *call, const struct run *run, struct instance *instance, struct error *err);

/* ec2/run_template.c: puts the parameters of the launch template the call names under the call's own. */
int run_take_template(struct call *call, struct run *run, struct error *err);
void run_add_template_tags(struct call *call, struct run *run); /* after the tags were authorized */

/* ec2/run.c: is making one such thing allowed, with the tags the request gives it? `public_address`: whether
 * an interface is to have one; NULL for what has none to have. */
int run_authorize_made(struct call *call, const struct kind *kind, struct resource *draft,
                       const char *public_address, struct error *err);

#endif
