/* Launch templates: parameters of RunInstances kept under a name, in numbered versions. A version's
 * parameters are kept as they came, as pairs of name and value ("NetworkInterface.1.SubnetId"), since that is
 * what RunInstances reads. launch_template_data.c knows which there are. The arena's texts until a record has
 * them. */
#ifndef LOCALAWS_EC2_LAUNCH_TEMPLATE_H
#define LOCALAWS_EC2_LAUNCH_TEMPLATE_H

#include "localaws/ec2/ec2.h"

struct template_pair {
    char *name, *value;
};
struct template_version {
    int64_t number, created_ms;
    char *description, *creator, *client_token;
    struct template_pair *pairs;
    size_t pair_count;
};
struct launch_template {
    struct resource resource;
    char *name, *creator;
    int64_t default_version, last_version; /* the latter counts: numbers are not used again */
    struct template_version *versions;     /* oldest first, never none */
    size_t version_count;
};
enum { MOST_TEMPLATE_VERSIONS = 1000, MOST_TEMPLATE_PAIRS = 1000, LONGEST_TEMPLATE_VALUE = 32 << 10 };
extern const struct kind launch_template_kind;
extern const struct record template_pair_record, template_version_record;

/* The template that PREFIXLaunchTemplateId or PREFIXLaunchTemplateName names, not yet authorized. */
int launch_template_named(struct call *call, const char *prefix, struct launch_template **template,
                          struct error *err);
struct launch_template *launch_template_find(struct account *account, const char *name); /* NULL: none */
/* "$Latest", "$Default" or a number; NULL means the default. InvalidLaunchTemplateId.VersionNotFound. */
struct template_version *launch_template_version(struct call *call, struct launch_template *template,
                                                 const char *wanted, struct error *err);
/* A version of the call: its description and LaunchTemplateData over those of `source` (NULL: none). */
int launch_template_take(struct call *call, const struct template_version *source,
                         struct template_version *version, struct error *err);
/* The lasting copy of one more version. */
struct template_version *launch_template_add_version(struct launch_template *template,
                                                     const struct template_version *version);

/* launch_template_data.c: the call's LaunchTemplateData.*; what no template can have here is refused. */
int template_data_take(struct call *call, struct template_version *version, struct error *err);
/* The pairs of `over`, then those of `under` about whose parameter `over` says nothing: a structure or a list
 * takes the other's place as a whole. In the arena. */
struct template_pair *template_data_merge(struct arena *arena, const struct template_pair *over,
                                          size_t over_count, const struct template_pair *under,
                                          size_t under_count, size_t *count);
const char *template_data_value(const struct template_version *version, const char *name);
void template_data_write(struct buffer *out, const struct template_version *version);

#endif
