/* IAM's records: roles, users and groups with their policies, managed policies, instance profiles. The
 * actions are in the files of this room, the list of them in service.c; what they mean for a call is decided
 * in permission.c. */
#ifndef LOCALAWS_IAM_H
#define LOCALAWS_IAM_H

#include "localaws/region.h"
#include "localaws/resource/resource.h"
#include "policy/policy.h"

/* A policy's text is what is kept; parsed it lives beside it. */
struct parsed_policy {
    struct arena *arena;
    struct policy *policy;
};
int parsed_policy_set(struct parsed_policy *parsed, const char *text, enum policy_kind kind,
                      struct error *err);
void parsed_policy_clear(struct parsed_policy *parsed);

struct inline_policy {
    char *name, *document;
    struct parsed_policy parsed;
};

/* A role, a user or a group. */
struct principal {
    struct account *account;
    char *name, *path, *id, *arn, *description;
    char *trust; /* who may assume it; NULL of the others */
    struct parsed_policy trust_policy;
    int64_t max_session_s, created_ms;
    struct tag *tags;
    size_t tag_count;
    struct inline_policy *inlines;
    size_t inline_count;
    char **attached; /* ARNs of managed policies */
    size_t attached_count;
    char *boundary; /* ARN of a managed policy; NULL: none, as of groups */
    char **groups;  /* a user's, by name */
    size_t group_count;
};

struct policy_version {
    char *id, *document;
    int64_t created_ms;
};

struct managed_policy {
    char *name, *path, *id, *arn, *description;
    char *default_version;
    struct parsed_policy parsed; /* of the default version */
    struct policy_version *versions;
    size_t version_count;
    int64_t next_version, created_ms, updated_ms;
    size_t attachments, boundaries; /* of how many roles, users and groups it is one */
    struct tag *tags;
    size_t tag_count;
};

struct instance_profile {
    char *name, *path, *id, *arn;
    char *role; /* name; NULL: none */
    int64_t created_ms;
    struct tag *tags;
    size_t tag_count;
};

/* An account's. */
struct iam {
    struct table roles, users, groups; /* by name */
    struct table policies;             /* by ARN */
    struct table profiles;             /* by name */
    char *alias;                       /* the account's name for people; NULL: none */
};

/* The region's: known when first asked for. */
struct iam_region {
    struct table aws_policies; /* AWS's own, by ARN */
    struct table parsed;       /* parsed.c's */
    struct table refusals;     /* encoded.c's */
};
struct iam_region *iam_region_of(struct region *region);

extern const struct record inline_policy_record, policy_version_record, principal_record,
    managed_policy_record, instance_profile_record;

struct iam *iam_of(const struct account *account);
/* By ARN, in whichever account; NULL when there is none. */
struct principal *iam_principal(struct region *region, const char *arn);
/* A customer's of this account, or one of AWS's own that this region knows. */
struct managed_policy *iam_managed_policy(struct region *region, const struct account *account,
                                          const char *arn);

/* Take ownership of a zeroed draft's texts by copying them. */
struct principal *principal_add(struct account *account, struct table *table, const struct principal *draft);
void principal_remove(struct table *table, struct principal *principal);
struct managed_policy *managed_policy_add(struct table *table, const struct managed_policy *draft);
void managed_policy_remove(struct table *table, struct managed_policy *policy);

/* iam/common.c: what the actions share. */
/* Name, path, id and ARN of what a call creates: "RoleName" and "Path" -> arn:aws:iam::1:role/path/name. */
struct iam_naming {
    const char *parameter, *type, *id_prefix;
    size_t longest;
};
struct iam_names {
    char *name, *path, *id, *arn;
};
int iam_name_new(struct call *call, const struct iam_naming *naming, struct iam_names *names,
                 struct error *err);
/* May the caller do the call's action on this ARN? Policies see what the request says (tags, PolicyArn, ...),
 * and of what is there already its tags and boundary. */
int iam_authorize(struct call *call, const char *arn, struct error *err);
int iam_authorize_tagged(struct call *call, const char *arn, const struct tag *tags, size_t count,
                         const char *boundary, struct error *err);
int iam_document(struct call *call, const char *parameter, enum policy_kind kind, const char **text,
                 struct error *err);
void put_tag_members(struct buffer *out, const struct tag *tags, size_t count); /* <Tags><member>... */
void put_document(struct call *call, const char *name,
                  const char *document); /* percent-encoded, as IAM does */
/* Tags.member.N into / TagKeys.member.N out of a list that owns its texts. */
int iam_tag(struct call *call, struct tag **tags, size_t *count, struct error *err);
void iam_untag(struct call *call, struct tag **tags, size_t *count);

/* The caller's target, authorized: RoleName, UserName or GroupName. */
struct iam_target {
    const char *type; /* "role" */
    struct table *(*table)(struct iam *iam);
};
int iam_target_principal(struct call *call, const struct iam_target *target, const char *name,
                         struct principal **principal, struct error *err);
int iam_target_role(struct call *call, struct principal **role, struct error *err);
int iam_target_user(struct call *call, struct principal **user, struct error *err);
int iam_target_group(struct call *call, struct principal **group, struct error *err);
int iam_target_policy(struct call *call, struct managed_policy **policy, struct error *err); /* PolicyArn */

/* One in an element of this name; the item is a struct principal. */
void put_role(struct call *call, const char *element, const void *role);
void put_role_inside(struct call *call, const struct principal *role, bool whole);
void put_user(struct call *call, const char *element, const void *user);
void put_group(struct call *call, const char *element, const void *group);
void put_profile(struct call *call, const char *element, const void *profile);
void put_attached(struct call *call, const struct principal *principal, const char *element);
void put_boundary(struct call *call, const struct principal *principal);
void put_policy_inside(struct call *call, const struct managed_policy *policy, bool with_tags);
void put_version(struct call *call, const char *element, const struct managed_policy *policy,
                 const struct policy_version *version, bool with_document);

/* iam/boundary.c: PermissionsBoundary of a new role or user, checked; NULL when there is none. */
int iam_boundary(struct call *call, const char **arn, struct error *err);
/* Counts it, in or out; the ARN may be NULL. */
void iam_boundary_count(struct call *call, const char *arn, int change);

/* The actions, by file. */
typedef int iam_handler(struct call *call, struct error *err);
iam_handler create_role, get_role, list_roles, update_role, update_role_description,
    update_assume_role_policy, delete_role, tag_role, untag_role, list_role_tags; /* iam/role.c */
iam_handler create_user, get_user, list_users, delete_user, tag_user, untag_user,
    list_user_tags;                                                                    /* iam/user.c */
iam_handler create_access_key, update_access_key, list_access_keys, delete_access_key; /* iam/access_key.c */
iam_handler create_group, get_group, list_groups, delete_group, add_user_to_group, remove_user_from_group,
    list_groups_for_user; /* iam/group.c */
iam_handler put_role_permissions_boundary, delete_role_permissions_boundary, put_user_permissions_boundary,
    delete_user_permissions_boundary; /* iam/boundary.c */
iam_handler attach_role_policy, detach_role_policy, list_attached_role_policies, put_role_policy,
    get_role_policy, delete_role_policy, list_role_policies, attach_user_policy, detach_user_policy,
    list_attached_user_policies, put_user_policy, get_user_policy, delete_user_policy, list_user_policies,
    attach_group_policy, detach_group_policy, list_attached_group_policies, put_group_policy,
    get_group_policy, delete_group_policy, list_group_policies; /* iam/attachment.c */
iam_handler create_policy, get_policy, list_policies, delete_policy, create_policy_version,
    get_policy_version, list_policy_versions, delete_policy_version, set_default_policy_version, tag_policy,
    untag_policy, list_policy_tags;   /* iam/policy.c */
iam_handler list_entities_for_policy; /* iam/entities.c */
iam_handler create_instance_profile, get_instance_profile, list_instance_profiles, delete_instance_profile,
    add_role_to_instance_profile, remove_role_from_instance_profile, list_instance_profiles_for_role,
    tag_instance_profile, untag_instance_profile, list_instance_profile_tags; /* iam/profile.c */
iam_handler create_account_alias, delete_account_alias, list_account_aliases, get_account_summary,
    get_login_profile, delete_login_profile, get_account_password_policy, list_mfa_devices,
    list_virtual_mfa_devices, list_ssh_public_keys, list_signing_certificates,
    list_service_specific_credentials;         /* iam/account.c */
iam_handler get_account_authorization_details; /* iam/details.c */
iam_handler simulate_principal_policy, simulate_custom_policy, get_context_keys_for_principal_policy,
    get_context_keys_for_custom_policy; /* iam/simulate.c */
iam_handler create_service_linked_role, delete_service_linked_role,
    get_service_linked_role_deletion_status; /* iam/service_role.c */

#endif
